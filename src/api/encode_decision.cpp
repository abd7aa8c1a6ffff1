#include <boost/json.hpp>

#include "api/encode.h"

namespace muster::api {

namespace json = boost::json;

namespace {

std::string_view state_name(decide::Stage::State state) {
    switch (state) {
        case decide::Stage::State::kPassed:
            return "passed";
        case decide::Stage::State::kStopped:
            return "stopped";
        case decide::Stage::State::kNotReached:
            break;
    }
    return "not_reached";
}

json::object encode_vote(const decide::Vote& vote, Instant now) {
    return {{"vantage", vote.vantage.str()},
            {"target", vote.target.str()},
            {"health", probe::to_string(vote.health)},
            {"evidence", probe::to_string(vote.evidence)},
            {"since_age_s", to_seconds(now - vote.since)},
            {"received_age_s", to_seconds(now - vote.received)},
            {"detail", vote.detail}};
}

}  // namespace

json::object encode(const decide::Stage& stage) {
    return {{"name", stage.name},
            {"state", state_name(stage.state)},
            {"reason", stage.reason},
            {"would_change", stage.would_change}};
}

json::object encode(const decide::Decision& decision, Instant now) {
    json::array stages;
    for (const auto& stage : decision.stages) {
        stages.push_back(encode(stage));
    }
    json::array votes;
    for (const auto& vote : decision.votes) {
        votes.push_back(encode_vote(vote, now));
    }
    json::object result;
    result["service"] = decision.service.str();
    result["kind"] = decide::to_string(decision.kind);
    result["from"] = decision.from.str();
    result["target"] = decision.target ? json::value(decision.target->str()) : json::value(nullptr);
    result["is_site_event"] = decision.is_site_event;
    result["summary"] = decision.summary;
    result["outage_began_age_s"] =
        decision.outage_began ? json::value(to_seconds(now - *decision.outage_began)) : nullptr;
    result["reconsider_in_s"] =
        decision.reconsider ? json::value(to_seconds(*decision.reconsider - now)) : nullptr;
    result["stages"] = std::move(stages);
    result["votes"] = std::move(votes);
    return result;
}

json::object encode(const agent::MovePreview& preview) {
    json::array steps;
    for (const auto& step : preview.steps) {
        json::array needs;
        for (const auto& need : step.needs) {
            needs.push_back(json::value(need.str()));
        }
        steps.push_back(json::object{{"id", step.id.str()},
                                     {"action", step.action},
                                     {"phase", step.phase},
                                     {"needs", std::move(needs)},
                                     {"when", step.when},
                                     {"timeout_s", seconds_or_null(step.timeout)},
                                     {"point_of_no_return", step.point_of_no_return}});
    }
    json::array guards;
    for (const auto& guard : preview.guards) {
        guards.push_back(encode(guard));
    }
    return {{"kind", component::to_string(preview.move.kind)},
            {"from", preview.move.from.str()},
            {"to", preview.move.to.str()},
            {"is_allowed", preview.is_allowed},
            {"guards", std::move(guards)},
            {"steps", std::move(steps)},
            {"forecast", encode(preview.forecast)}};
}

}  // namespace muster::api

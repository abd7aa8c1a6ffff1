#include "component/wait_action.h"

#include <algorithm>
#include <utility>

#include "component/parameters.h"
#include "component/probe_round.h"

namespace muster::component {
namespace {

// How often an unfinished wait looks again: fast, for the outage lasts until it sees the answer.
constexpr Duration kPause = std::chrono::milliseconds(50);

/// The addresses behind one answer of the steerer: the instances on that host, else the answer.
std::vector<std::string> behind(const std::string& answer,
                                const std::vector<std::string>& instances) {
    std::vector<std::string> addresses;
    for (const auto& instance : instances) {
        if (address_fields(instance).at("host") == answer) {
            addresses.push_back(instance);
        }
    }
    if (addresses.empty()) {
        addresses.push_back(answer);
    }
    return addresses;
}

Fields variables_at(const std::string& address, const Fields& base, const std::string& record) {
    Fields variables = address_fields(address);
    variables["name"] = record;
    variables.insert(base.begin(), base.end());
    return variables;
}

/// A failure of one round that another round can't mend.
bool is_final(const Error& error) {
    return error.code() == Errc::kInvalid || error.code() == Errc::kCancelled;
}

}  // namespace

struct WaitAction::Progress {
    plan::Node with;
    std::optional<ProbeRound> round;  ///< Nothing: only the record is read back.
    long good_in_row = 0;
    long rounds = 0;
    std::optional<Instant> first_good;
    std::string detail = "nothing was answered";
};

plan::Type WaitAction::parameters() {
    using plan::Type;
    Type record = Type::object(
        {{"name", Type::text("name of the record"), true, ""},
         {"type", Type::one_of({"A", "AAAA", "CNAME", "TXT"}, "its type"), false, "A"}},
        "read the addresses to probe back from the steerer");
    return Type::object(
        {{"duration", Type::duration("wait this long, and for nothing else"), false, ""},
         {"probe", Type::any("probe until it is good, written as under `probe:`"), false, ""},
         {"for", Type::integer(1, 1000, "good rounds in a row"), false, "1"},
         {"variables", Type::map(Type::text("value"), "filled into `{name}`"), false, ""},
         {"record", std::move(record), false, ""},
         {"answers", Type::list(Type::text("address"), "the record must answer only these"), false,
          ""},
         {"instances", Type::list(Type::text("host:port"), "what listens at those addresses"),
          false, ""}},
        "waits for a time or until a probe is good");
}

workflow::Traits WaitAction::traits() const {
    return {
        .timeout = std::chrono::minutes(2), .attempts = 1, .is_idempotent = true, .can_undo = true};
}

Task<workflow::Observation> WaitAction::observe(workflow::Call /*call*/, Instant /*deadline*/) {
    co_return workflow::Observation{};
}

Task<> WaitAction::undo(workflow::Call /*call*/, Instant /*deadline*/) {
    co_return Result<>{};
}

Task<Fields> WaitAction::apply(workflow::Call call, Instant deadline) {
    const std::string text = call.with.text("duration");
    if (text.empty()) {
        co_return co_await wait_until_good(std::move(call), deadline);
    }
    CO_TRY(const auto duration,
           parse_duration(text).with("in `duration` of step " + call.step.str()));
    Clock& clock = deps_.probe_deps.clock;
    if (clock.now() + duration > deadline) {
        co_return Error(
            Errc::kInvalid,
            "step " + call.step.str() + " is to wait " + text + ", longer than its timeout allows",
            "give the step a `timeout` above its `duration`");
    }
    CO_TRY_OK(co_await clock.sleep_for(duration));
    co_return Fields{{"waited_ms", std::to_string(static_cast<long>(to_ms(duration)))}};
}

Task<std::vector<Fields>> WaitAction::targets(plan::Node with, Instant deadline) {
    std::vector<Fields> targets;
    const Fields base = fields_of(with.find("variables"));
    const plan::Node* record = with.find("record");
    if (record == nullptr) {
        targets.push_back(base);
        co_return targets;
    }
    steer::Record wanted{record->text("name"), record->text("type", "A")};
    CO_TRY(const auto actual, co_await deps_.dns.current(wanted, deadline));
    const auto allowed = with.texts("answers");
    const auto is_strange = [&allowed](const std::string& answer) {
        return !allowed.empty() && std::ranges::find(allowed, answer) == allowed.end();
    };
    if (const auto old = std::ranges::find_if(actual.answers, is_strange);
        old != actual.answers.end()) {
        co_return Error(Errc::kUnavailable, wanted.name + " still answers " + *old);
    }
    for (const auto& answer : actual.answers) {
        for (const auto& address : behind(answer, with.texts("instances"))) {
            targets.push_back(variables_at(address, base, wanted.name));
        }
    }
    co_return targets;
}

Task<> WaitAction::one_round(Progress* progress, Instant deadline) {
    CO_TRY(auto addresses, co_await targets(progress->with, deadline));
    bool is_good = !addresses.empty();
    if (progress->round) {
        CO_TRY(const auto outcome, co_await progress->round->run(std::move(addresses), deadline));
        is_good = outcome.good > 0;
        if (is_good && !progress->first_good) {
            progress->first_good = outcome.first_good;
        }
        if (!is_good && !outcome.detail.empty()) {
            progress->detail = outcome.detail;
        }
    }
    progress->good_in_row = is_good ? progress->good_in_row + 1 : 0;
    co_return Result<>{};
}

Task<Fields> WaitAction::wait_until_good(workflow::Call call, Instant deadline) {
    Clock& clock = deps_.probe_deps.clock;
    const Instant began = clock.now();
    Progress progress;
    progress.with = call.with;
    if (const plan::Node* node = call.with.find("probe")) {
        CO_TRY(auto probe, probe_from(*node, deps_.probes));
        progress.round.emplace(deps_, std::move(probe), probe::TargetId{call.service, {}, {}, {}});
    } else if (call.with.find("record") == nullptr) {
        co_return Error(Errc::kInvalid, "step " + call.step.str() + " says not what to wait for",
                        "give it a `duration`, a `probe` or a `record`");
    }
    CO_TRY_OK(co_await repeat(&progress, std::max(1L, call.with.integer("for", 1)), deadline));
    if (progress.good_in_row == 0) {
        co_return Error(Errc::kTimedOut, "step " + call.step.str() + " saw no good answer in " +
                                             human_duration(clock.now() - began) +
                                             ", last: " + progress.detail);
    }
    Fields outputs{{"rounds", std::to_string(progress.rounds)}};
    if (progress.first_good) {
        const auto after = *progress.first_good - began;
        outputs["first_good_ms"] =
            std::to_string(std::chrono::round<std::chrono::milliseconds>(after).count());
    }
    co_return outputs;
}

/// Rounds until enough are good in a row; at the deadline `good_in_row` is 0.
Task<> WaitAction::repeat(Progress* progress, long wanted, Instant deadline) {
    Clock& clock = deps_.probe_deps.clock;
    while (true) {
        if (clock.now() >= deadline) {
            progress->good_in_row = 0;
            co_return Result<>{};
        }
        ++progress->rounds;
        auto round = co_await one_round(progress, deadline);
        if (!round && is_final(round.error())) {
            co_return std::move(round).error();
        }
        if (!round) {
            progress->detail = round.error().message();
            progress->good_in_row = 0;
        }
        if (progress->good_in_row >= wanted) {
            co_return Result<>{};
        }
        auto slept = co_await clock.sleep_until(std::min(deadline, clock.now() + kPause));
        if (!slept) {
            co_return slept;
        }
    }
}

}  // namespace muster::component

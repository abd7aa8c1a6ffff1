#include <boost/json.hpp>

#include "api/encode.h"

namespace muster::api {

namespace json = boost::json;

namespace {

json::object encode(const evidence::Spread& spread) {
    return {{"p50_s", seconds_or_null(spread.p50)},
            {"p95_s", seconds_or_null(spread.p95)},
            {"samples", spread.samples}};
}

}  // namespace

json::object encode(const evidence::Forecast& forecast) {
    json::array steps;
    for (const auto& step : forecast.steps) {
        auto one = encode(step.time);
        one["id"] = step.id.str();
        one["phase"] = step.phase;
        one["is_awaited"] = step.is_awaited;
        one["is_critical"] = step.is_critical;
        one["critical_share"] = step.share;
        steps.push_back(std::move(one));
    }
    json::array unknown;
    for (const auto& name : forecast.unknown) {
        unknown.push_back(json::value(name));
    }
    return {{"kind", forecast.kind},
            {"to", forecast.to.str()},
            {"verdict", evidence::to_string(forecast.verdict())},
            {"text", evidence::describe(forecast)},
            {"p50_s", seconds_or_null(forecast.total.p50)},
            {"p95_s", seconds_or_null(forecast.total.p95)},
            {"is_lower_bound", !forecast.unknown.empty()},
            {"unknown", std::move(unknown)},
            {"runs", forecast.runs},
            {"rto_s", to_seconds(forecast.rto)},
            {"detect", encode(forecast.detect)},
            {"decide", encode(forecast.decide)},
            {"steps", std::move(steps)}};
}

}  // namespace muster::api

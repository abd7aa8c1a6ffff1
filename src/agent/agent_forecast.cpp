#include <algorithm>

#include "agent/state.h"
#include "component/derive.h"

// How long the next move would take. Reckoned when something that it rests on has changed: a run
// ended, the service is at another site, or the plan is another one.

namespace muster::agent {

namespace {

using component::Move;
using evidence::Forecast;

/// Where the next move would go: the first other site of the plan.
SiteId next_site(const LiveService& live) {
    if (live.primacy.site != live.plan->primary) {
        return live.plan->primary;
    }
    return live.plan->standby.empty() ? SiteId() : live.plan->standby.front();
}

}  // namespace

Forecast Agent::State::forecast_of(const LiveService& live, const Move& move,
                                   std::vector<plan::Step> steps) const {
    evidence::ForecastOf wanted;
    wanted.service = live.plan->id;
    wanted.kind = std::string(component::to_string(move.kind));
    wanted.to = move.to;
    wanted.steps = std::move(steps);
    wanted.rto = move.kind == Move::Kind::kRebuild ? Duration{} : live.plan->objectives.rto;
    wanted.is_automatic = live.plan->failover.mode == plan::Mode::kAutomatic;
    return evidence::forecast(wanted, runner.list(), deps.clock.wall());
}

void Agent::State::refresh_forecasts() {
    if (!needs_forecast) {
        return;
    }
    needs_forecast = false;
    for (auto& live : services) {
        refresh_forecast(&live);
    }
    changed.notify();
}

void Agent::State::refresh_forecast(LiveService* live) {
    live->forecasts.clear();
    const auto to = next_site(*live);
    if (to.empty()) {
        return;
    }
    for (const auto kind : {Move::Kind::kFailover, Move::Kind::kSwitchover}) {
        const Move move{kind, live->primacy.site, to};
        auto steps = component::derive(plan, *live->plan, move);
        if (steps) {
            live->forecasts.push_back(forecast_of(*live, move, std::move(*steps)));
        }
    }
    judge_forecast(live);
}

void Agent::State::judge_forecast(LiveService* live) {
    if (live->forecasts.empty() || live->forecasts.front().kind != "failover") {
        return;
    }
    const auto& forecast = live->forecasts.front();
    const auto news = live->rto_alarm.take(forecast);
    if (news == Forecast::Verdict::kUnknown) {
        return;
    }
    const bool is_late = news == Forecast::Verdict::kExceeds;
    emit({.name = is_late ? "forecast.exceeds_rto" : "forecast.fits_rto",
          .severity = is_late ? "error" : "info",
          .subject = live->plan->id.str(),
          .message = "next failover: " + evidence::describe(forecast),
          .data = {{"p95_ms", std::to_string(static_cast<long>(to_ms(*forecast.total.p95)))},
                   {"rto_ms", std::to_string(static_cast<long>(to_ms(forecast.rto)))}}});
}

}  // namespace muster::agent

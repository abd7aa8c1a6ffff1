#include <algorithm>

#include "decide/stages.h"
#include "decide/words.h"

namespace muster::decide {
namespace {

constexpr std::size_t kDomainsForAutomation = 3;

}  // namespace

Gate check_mode(Context& context) {
    const auto& failover = context.planned.failover;
    if (context.service.is_frozen || failover.is_frozen) {
        return lower(Kind::kWatch, "frozen: nothing moves by itself", "the freeze is lifted");
    }
    if (failover.mode == plan::Mode::kObserve) {
        return lower(Kind::kWatch, "mode observe: muster only watches",
                     "mode approve or automatic in the plan");
    }
    if (failover.mode == plan::Mode::kApprove) {
        return lower(Kind::kApproval, "mode approve: a person decides",
                     "an approval, or mode automatic in the plan");
    }
    if (failover.preset == plan::Preset::kManual) {
        return lower(Kind::kApproval, "preset manual: a person decides",
                     "an approval, or another preset in the plan");
    }
    if (context.plan.sites.size() < kDomainsForAutomation) {
        return lower(Kind::kApproval,
                     "only " +
                         count(static_cast<int>(context.plan.sites.size()), "failure domain") +
                         ": mode automatic is held at approve",
                     "an approval, or a third site (an arbiter is enough)");
    }
    return pass("mode automatic");
}

Gate check_pace(Context& context) {
    const auto& failover = context.planned.failover;
    const auto& moves = context.service.moves_ago;
    if (moves.empty()) {
        return pass("no automatic move in the last 24 h");
    }
    const auto newest = *std::min_element(moves.begin(), moves.end());
    const auto moved = count(static_cast<int>(moves.size()), "automatic move") +
                       " in the last 24 h, the newest " + human_duration(newest) + " ago";
    if (static_cast<int>(moves.size()) >= failover.max_per_day) {
        const auto oldest = *std::max_element(moves.begin(), moves.end());
        auto gate =
            lower(Kind::kApproval,
                  moved + ": " + std::to_string(failover.max_per_day) + " a day are allowed",
                  "an approval, or time");
        gate.reconsider = context.now + (std::chrono::hours(24) - oldest);
        return gate;
    }
    if (newest < failover.cooldown) {
        auto gate = lower(
            Kind::kApproval, moved + ": cool-down is " + format_duration(failover.cooldown),
            "an approval, or " + human_duration(failover.cooldown - newest) + " more of cool-down");
        gate.reconsider = context.now + (failover.cooldown - newest);
        return gate;
    }
    return pass(moved);
}

namespace {

// Where it could go is judged later; a rebuild gives way only where there is something to judge.
bool has_another_site(const ServiceView& service) {
    return std::ranges::any_of(service.candidates, [&service](const Candidate& candidate) {
        return candidate.site != service.rebuilding && candidate.site != service.primary;
    });
}

}  // namespace

Gate check_run(Context& context) {
    const auto& service = context.service;
    std::string gives_way;
    if (const auto& run = service.active_run) {
        const auto named = "run " + run->str();
        if (!service.rebuilding) {
            return stop(Kind::kWatch, named + " is under way on it", "that run's end");
        }
        if (!has_another_site(service)) {
            return stop(Kind::kWatch,
                        named + " rebuilds " + service.rebuilding->str() + ", its only standby",
                        "that run's end");
        }
        gives_way = named + " rebuilds " + service.rebuilding->str() +
                    " and is set aside for a move elsewhere";
    }
    if (const auto& waiting = service.waiting_approval) {
        return lower(Kind::kApproval, "a person has been asked already: " + *waiting,
                     "their answer");
    }
    return pass(gives_way.empty() ? "no other run on it" : gives_way);
}

}  // namespace muster::decide

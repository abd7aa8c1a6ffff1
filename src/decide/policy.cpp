#include <algorithm>

#include "decide/decide.h"

// The presets as numbers; docs/reference/presets.md says where each comes from.

namespace muster::decide {
namespace {

using namespace std::chrono_literals;

constexpr Duration kShortestVoteTtl = 3s;
constexpr Duration kLongestVoteTtl = 30s;
constexpr int kPeriodsPerVote = 3;

/// A vote may miss two periods of the slowest probe before it is stale.
Duration vote_ttl_of(const plan::Service& service) {
    Duration ttl = kShortestVoteTtl;
    for (const auto& component : service.components) {
        if (component.probe) {
            ttl = std::max(ttl, component.probe->interval * kPeriodsPerVote);
        }
    }
    return std::min(ttl, kLongestVoteTtl);
}

Policy preset(plan::Preset preset) {
    switch (preset) {
        case plan::Preset::kFast:
            return {.hold_hard = 0s, .hold_silence = 3s, .hold_without_witness = 15s};
        case plan::Preset::kCareful:
            return {.hold_hard = 30s, .hold_silence = 120s, .hold_without_witness = 240s};
        case plan::Preset::kBalanced:
        case plan::Preset::kManual:
            break;
    }
    return {.hold_hard = 10s, .hold_silence = 60s, .hold_without_witness = 120s};
}

}  // namespace

Policy policy_for(const plan::Service& service) {
    Policy policy = preset(service.failover.preset);
    if (const auto hold = service.failover.hold) {
        policy.hold_hard = *hold;
        policy.hold_silence = *hold;
        policy.hold_without_witness = *hold;
    }
    policy.vote_ttl = vote_ttl_of(service);
    return policy;
}

std::string_view to_string(Kind kind) {
    switch (kind) {
        case Kind::kNothing:
            return "nothing";
        case Kind::kWatch:
            return "watch";
        case Kind::kFailover:
            return "failover";
        case Kind::kApproval:
            return "approval";
        case Kind::kHalt:
            break;
    }
    return "halt";
}

}  // namespace muster::decide

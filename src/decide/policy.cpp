#include <algorithm>

#include "decide/decide.h"
#include "plan/preset.h"

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

}  // namespace

Policy policy_for(const plan::Service& service) {
    const auto holds = plan::holds_of(service.failover);
    Policy policy;
    policy.hold_hard = holds.hard;
    policy.hold_silence = holds.silence;
    policy.hold_without_witness = holds.without_witness;
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

#include "plan/preset.h"

namespace muster::plan {

namespace {

using namespace std::chrono_literals;

Holds holds_of(Preset preset) {
    switch (preset) {
        case Preset::kFast:
            return {.hard = 0s, .silence = 3s, .without_witness = 15s};
        case Preset::kCareful:
            return {.hard = 30s, .silence = 120s, .without_witness = 240s};
        case Preset::kBalanced:
        case Preset::kManual:
            break;
    }
    return {.hard = 10s, .silence = 60s, .without_witness = 120s};
}

}  // namespace

Holds holds_of(const FailoverPolicy& policy) {
    if (const auto hold = policy.hold) {
        return {.hard = *hold, .silence = *hold, .without_witness = *hold};
    }
    return holds_of(policy.preset);
}

}  // namespace muster::plan

#include "decide/words.h"

namespace muster::decide {

std::string_view word(probe::Health health) {
    switch (health) {
        case probe::Health::kUp:
            return "up";
        case probe::Health::kDown:
            return "down";
        case probe::Health::kUnknown:
            break;
    }
    return "unknown";
}

std::string_view word(probe::Evidence evidence) {
    switch (evidence) {
        case probe::Evidence::kGood:
            return "good";
        case probe::Evidence::kSlow:
            return "slow";
        case probe::Evidence::kSilence:
            return "silence";
        case probe::Evidence::kHard:
            break;
    }
    return "hard";
}

std::string_view word(plan::FenceClass fence) {
    switch (fence) {
        case plan::FenceClass::kAdvisory:
            return "advisory";
        case plan::FenceClass::kLease:
            return "lease";
        case plan::FenceClass::kActuated:
            return "actuated";
        case plan::FenceClass::kEnforced:
            break;
    }
    return "enforced";
}

std::string name_of(const probe::TargetId& target) {
    auto name = target.component.str() + "@" + target.site.str();
    if (!target.instance.empty()) {
        name += "#" + target.instance;
    }
    return name;
}

std::string count(int number, std::string_view noun) {
    return std::to_string(number) + " " + std::string(noun) + (number == 1 ? "" : "s");
}

std::string listing(const std::vector<std::string>& items) {
    std::string out;
    for (std::size_t i = 0; i < items.size(); ++i) {
        if (i > 0) {
            out += i + 1 == items.size() ? " and " : ", ";
        }
        out += items[i];
    }
    return out;
}

}  // namespace muster::decide

#include "plan/node.h"

#include <cmath>

#include "plan/scalar.h"

namespace muster::plan {

const Node* Node::find(std::string_view key) const {
    for (const auto& entry : entries) {
        if (entry.key == key) {
            return &entry.value;
        }
    }
    return nullptr;
}

std::string Node::text(std::string_view key, std::string_view fallback) const {
    const Node* const value = find(key);
    return value != nullptr && value->is_scalar() ? value->scalar : std::string(fallback);
}

std::vector<std::string> Node::texts(std::string_view key) const {
    std::vector<std::string> out;
    const Node* const value = find(key);
    if (value == nullptr) {
        return out;
    }
    if (value->is_scalar()) {
        out.push_back(value->scalar);
    }
    for (const auto& item : value->items) {
        if (item.is_scalar()) {
            out.push_back(item.scalar);
        }
    }
    return out;
}

long Node::integer(std::string_view key, long fallback) const {
    constexpr double kExact = 9.0e15;  // beyond it a double skips whole numbers
    const Node* const value = find(key);
    if (value == nullptr || !value->is_scalar()) {
        return fallback;
    }
    const auto number = to_number(value->scalar);
    const bool is_whole = number && std::abs(*number) < kExact && std::floor(*number) == *number;
    return is_whole ? static_cast<long>(*number) : fallback;
}

bool Node::flag(std::string_view key, bool fallback) const {
    const Node* const value = find(key);
    return value != nullptr && value->is_scalar() ? to_boolean(value->scalar).value_or(fallback)
                                                  : fallback;
}

}  // namespace muster::plan

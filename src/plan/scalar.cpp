#include "plan/scalar.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace muster::plan {
namespace {

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

struct DurationUnit {
    std::string_view name;
    std::size_t max_digits;
};
constexpr std::array kDurationUnits{
    DurationUnit{"d", 4},  DurationUnit{"h", 5},  DurationUnit{"m", 7},  DurationUnit{"s", 9},
    DurationUnit{"ms", 9}, DurationUnit{"us", 9}, DurationUnit{"ns", 9},
};

std::string_view take(std::string_view& text, bool (*matches)(char)) {
    const auto* const end = std::find_if_not(text.begin(), text.end(), matches);
    const auto taken = text.substr(0, static_cast<std::size_t>(end - text.begin()));
    text.remove_prefix(taken.size());
    return taken;
}

}  // namespace

ScalarKind scalar_kind(const Node& node) {
    if (node.is_quoted) {
        return ScalarKind::kText;
    }
    if (to_boolean(node.scalar)) {
        return ScalarKind::kBoolean;
    }
    return to_number(node.scalar) ? ScalarKind::kNumber : ScalarKind::kText;
}

std::optional<double> to_number(std::string_view text) {
    const bool is_negative = text.starts_with('-');
    if (is_negative || text.starts_with('+')) {
        text.remove_prefix(1);
    }
    if (text.empty() || (!is_digit(text.front()) && text.front() != '.')) {
        return std::nullopt;
    }
    double value = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size()) {
        return std::nullopt;
    }
    return is_negative ? -value : value;
}

std::optional<bool> to_boolean(std::string_view text) {
    if (text == "true" || text == "True" || text == "TRUE") {
        return true;
    }
    if (text == "false" || text == "False" || text == "FALSE") {
        return false;
    }
    return std::nullopt;
}

bool is_name(std::string_view text) {
    constexpr std::size_t kMaxName = 63;
    return !text.empty() && text.size() <= kMaxName && is_letter(text.front()) &&
           std::all_of(text.begin(), text.end(), [](char c) {
               return is_letter(c) || is_digit(c) || c == '_' || c == '.' || c == '-';
           });
}

bool is_duration(std::string_view text) {
    if (text.empty()) {
        return false;
    }
    const auto* next = kDurationUnits.begin();
    while (!text.empty()) {
        const auto digits = take(text, is_digit);
        const auto name = take(text, is_letter);
        const auto* const unit =
            std::find_if(next, kDurationUnits.end(),
                         [name](const DurationUnit& candidate) { return candidate.name == name; });
        if (unit == kDurationUnits.end() || digits.empty() || digits.size() > unit->max_digits) {
            return false;
        }
        next = unit + 1;
    }
    return true;
}

std::size_t count_characters(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;  // not a continuation byte
    }));
}

}  // namespace muster::plan

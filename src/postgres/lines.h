#pragma once

#include <charconv>
#include <optional>
#include <string_view>
#include <vector>

namespace muster::postgres {

/// The lines of `text`, without their ends (\n or \r\n). Views into `text`.
std::vector<std::string_view> lines_of(std::string_view text);

/// `text` without white space at both ends.
std::string_view trimmed(std::string_view text);

/// The whole of `text` as a number in `base`; nothing when it is none or does not fit.
template <class Number>
std::optional<Number> number_in(std::string_view text, int base = 10) {
    Number number{};
    const auto [stop, error] =
        std::from_chars(text.data(), text.data() + text.size(), number, base);
    if (error != std::errc{} || stop != text.data() + text.size()) {
        return std::nullopt;
    }
    return number;
}

}  // namespace muster::postgres

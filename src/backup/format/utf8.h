#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace muster::backup {

/// A code point at the front of a text; `size` 1 and no rune for a byte that is not valid UTF-8, as
/// Go's utf8.DecodeRune tells it.
struct DecodedRune {
    std::optional<char32_t> rune;
    std::size_t size = 1;
};

/// Whether UTF-8 may hold it: not a surrogate, not beyond U+10FFFF.
constexpr bool is_scalar(char32_t rune) {
    return rune < 0xd800 || (rune >= 0xe000 && rune < 0x110000);
}

/// `text` is not empty.
DecodedRune decode_rune(std::string_view text);
void append_utf8(std::string& out, char32_t rune);

/// Each code point by Unicode's simple mapping to lower case (15.0, as in Go); bytes that are not
/// valid UTF-8 stay.
std::string to_lower(std::string_view text);

}  // namespace muster::backup

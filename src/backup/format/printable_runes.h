#pragma once

namespace muster::backup {

/// Whether Go's strconv.Quote writes a code point as it is: letters, marks, numbers, punctuation
/// and symbols of Unicode 15.0 (Go 1.21 and later), and the space of ASCII.
bool is_printable(char32_t rune);

}  // namespace muster::backup

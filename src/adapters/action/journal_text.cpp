#include "adapters/action/journal_text.h"

#include <cstddef>

namespace muster::adapters {
namespace {

constexpr std::size_t kMaxLine = 300;
constexpr std::string_view kReplacement = "\xef\xbf\xbd";

bool is_within(unsigned char c, unsigned char low, unsigned char high) {
    return c >= low && c <= high;
}

// How many bytes the lead byte announces; 0 when it can't begin a character. Unicode 15, table 3-7.
std::size_t announced(unsigned char lead) {
    if (lead < 0x80) {
        return 1;
    }
    if (is_within(lead, 0xc2, 0xdf)) {
        return 2;
    }
    if (is_within(lead, 0xe0, 0xef)) {
        return 3;
    }
    return is_within(lead, 0xf0, 0xf4) ? 4 : 0;
}

bool is_second_byte(unsigned char lead, unsigned char second) {
    switch (lead) {
        case 0xe0:
            return is_within(second, 0xa0, 0xbf);
        case 0xed:
            return is_within(second, 0x80, 0x9f);
        case 0xf0:
            return is_within(second, 0x90, 0xbf);
        case 0xf4:
            return is_within(second, 0x80, 0x8f);
        default:
            return is_within(second, 0x80, 0xbf);
    }
}

// NUL, and what would steer the terminal of whoever reads it: C0 but for tab and line ends, DEL,
// C1.
bool is_control(std::string_view text) {
    const auto first = static_cast<unsigned char>(text.front());
    if (first < 0x20) {
        return first != '\t' && first != '\n' && first != '\r';
    }
    return first == 0x7f ||
           (first == 0xc2 && text.size() > 1 && static_cast<unsigned char>(text[1]) < 0xa0);
}

// The bytes of the character at the beginning; 0 when there is none that may be kept.
std::size_t character(std::string_view text) {
    const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto length = announced(byte(0));
    if (length == 0 || length > text.size() || is_control(text)) {
        return 0;
    }
    for (std::size_t i = 1; i < length; ++i) {
        const bool is_good =
            i == 1 ? is_second_byte(byte(0), byte(1)) : is_within(byte(i), 0x80, 0xbf);
        if (!is_good) {
            return 0;
        }
    }
    return length;
}

}  // namespace

std::string journal_text(std::string_view raw) {
    raw = raw.substr(0, raw.find_last_not_of(" \t\r\n") + 1);
    std::string text;
    text.reserve(raw.size());
    while (!raw.empty()) {
        const auto length = character(raw);
        text += length == 0 ? kReplacement : raw.substr(0, length);
        raw.remove_prefix(length == 0 ? 1 : length);
    }
    return text;
}

std::string last_line(std::string_view raw) {
    raw = raw.substr(0, raw.find_last_not_of(" \t\r\n") + 1);
    const auto line_end = raw.rfind('\n');
    const auto line = line_end == std::string_view::npos ? raw : raw.substr(line_end + 1);
    return journal_text(line.substr(0, kMaxLine));
}

}  // namespace muster::adapters

#include "cli/terminal_text.h"

#include <unistd.h>

#include <array>
#include <cstdio>
#include <iostream>

#include "backup/format/printable_runes.h"
#include "backup/format/utf8.h"

namespace muster::cli {

bool is_terminal(const Streams& streams) {
    return &streams.out == &std::cout && ::isatty(STDOUT_FILENO) == 1;
}

std::string printable(std::string_view text) {
    std::string out;
    std::array<char, 16> code{};
    while (!text.empty()) {
        const auto decoded = backup::decode_rune(text);
        if (decoded.rune && backup::is_printable(*decoded.rune)) {
            out += text.substr(0, decoded.size);
        } else if (decoded.rune && *decoded.rune > 0x7f) {
            std::snprintf(code.data(), code.size(), "\\u%04x",
                          static_cast<unsigned>(*decoded.rune));
            out += code.data();
        } else {
            std::snprintf(code.data(), code.size(), "\\x%02x",
                          static_cast<unsigned>(static_cast<unsigned char>(text.front())));
            out += code.data();
        }
        text.remove_prefix(decoded.size);
    }
    return out;
}

std::string printable_lines(std::string_view text) {
    std::string out;
    for (auto end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
        out += printable(text.substr(0, end)) + "\n";
        text.remove_prefix(end + 1);
    }
    return out + printable(text);
}

std::string problem_line(std::string_view path, const Error& error) {
    return "error: " + printable(path) + ": " + printable(error.message()) + "\n";
}

std::string shown(std::string_view text, const Streams& streams) {
    return is_terminal(streams) ? printable(text) : std::string(text);
}

}  // namespace muster::cli

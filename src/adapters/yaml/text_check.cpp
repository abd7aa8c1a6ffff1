#include "adapters/yaml/text_check.h"

#include <array>
#include <cstdio>

#include "adapters/yaml/read_yaml.h"
#include "base/units.h"

namespace muster::adapters {
namespace {

using plan::Diagnostic;
using plan::Mark;

constexpr std::string_view kByteOrderMark = "\xEF\xBB\xBF";

/// How a UTF-8 sequence starts, how long it is, and the bounds of its second byte (RFC 3629,
/// section 4).
struct Lead {
    unsigned char first;
    unsigned char last;
    std::size_t length;
    unsigned char second_min;
    unsigned char second_max;
};
constexpr std::array kLeads{
    Lead{0xC2, 0xDF, 2, 0x80, 0xBF}, Lead{0xE0, 0xE0, 3, 0xA0, 0xBF},
    Lead{0xE1, 0xEC, 3, 0x80, 0xBF}, Lead{0xED, 0xED, 3, 0x80, 0x9F},
    Lead{0xEE, 0xEF, 3, 0x80, 0xBF}, Lead{0xF0, 0xF0, 4, 0x90, 0xBF},
    Lead{0xF1, 0xF3, 4, 0x80, 0xBF}, Lead{0xF4, 0xF4, 4, 0x80, 0x8F},
};

unsigned char byte_at(const std::string& text, std::size_t position) {
    return position < text.size() ? static_cast<unsigned char>(text[position]) : 0;
}

/// Length of the character at `position`; 0 when it is none that a plan may hold.
std::size_t character_length(const std::string& text, std::size_t position) {
    const unsigned char byte = byte_at(text, position);
    if (byte < 0x80U) {
        const bool is_space = byte == '\t' || byte == '\n' || byte == '\r';
        return is_space || (byte >= 0x20U && byte != 0x7FU) ? 1 : 0;
    }
    for (const auto& lead : kLeads) {
        if (byte < lead.first || byte > lead.last) {
            continue;
        }
        const unsigned char second = byte_at(text, position + 1);
        bool is_good = second >= lead.second_min && second <= lead.second_max;
        for (std::size_t i = 2; i < lead.length; ++i) {
            is_good = is_good && (byte_at(text, position + i) & 0xC0U) == 0x80U;
        }
        return is_good ? lead.length : 0;
    }
    return 0;
}

Diagnostic bad_byte(const std::string& text, std::size_t position) {
    Mark mark{1, 1};
    for (std::size_t i = 0; i < position; ++i) {
        mark.column = text[i] == '\n' ? 1 : mark.column + 1;
        mark.line += text[i] == '\n' ? 1 : 0;
    }
    std::array<char, 80> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "byte 0x%02X does not belong into a text file",
                  byte_at(text, position));
    return {Diagnostic::Severity::kError, mark, buffer.data(),
            "a plan is text in UTF-8; is this the right file?"};
}

}  // namespace

std::optional<Diagnostic> find_bad_text(const std::string& text) {
    std::size_t position = 0;
    while (position < text.size()) {
        const std::size_t length = character_length(text, position);
        if (length == 0) {
            return bad_byte(text, position);
        }
        position += length;
    }
    return std::nullopt;
}

std::string tidy_text(const std::string& text) {
    std::string out;
    out.reserve(text.size());
    for (std::size_t i = text.starts_with(kByteOrderMark) ? kByteOrderMark.size() : 0;
         i < text.size(); ++i) {
        if (text[i] != '\r') {
            out += text[i];
        } else if (byte_at(text, i + 1) != '\n') {
            out += '\n';
        }
    }
    return out;
}

std::optional<std::size_t> tab_in_indentation(const std::string& text, std::size_t line_start) {
    std::optional<std::size_t> tab;
    std::size_t position = line_start;
    while (byte_at(text, position) == ' ' || byte_at(text, position) == '\t') {
        if (!tab && text[position] == '\t') {
            tab = position;
        }
        ++position;
    }
    const bool is_content =
        position < text.size() && text[position] != '\n' && text[position] != '#';
    return is_content ? tab : std::nullopt;
}

std::optional<Mark> find_tab_indentation(const std::string& text, int last_line) {
    std::size_t start = 0;
    for (int line = 1; line <= last_line && start < text.size(); ++line) {
        if (const auto tab = tab_in_indentation(text, start)) {
            return Mark{line, static_cast<int>(*tab - start) + 1};
        }
        const std::size_t end = text.find('\n', start);
        start = end == std::string::npos ? text.size() : end + 1;
    }
    return std::nullopt;
}

Diagnostic tab_problem(Mark mark) {
    return {Diagnostic::Severity::kError, mark, "a tab is used as indentation",
            "YAML is indented with spaces only: replace the tab with two spaces"};
}

Diagnostic too_large() {
    return {Diagnostic::Severity::kError,
            {1, 1},
            "the plan is larger than " + human_size({static_cast<std::int64_t>(kMaxPlanBytes)}),
            "is this the right file?"};
}

}  // namespace muster::adapters

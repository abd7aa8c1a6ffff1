#include "evidence/text.h"

#include <algorithm>
#include <array>
#include <cstdint>

#include "base/units.h"

namespace muster::evidence {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// How a first byte goes on: the length, and the range of the second byte (Unicode, table 3-7).
struct Lead {
    unsigned char first;
    unsigned char last;
    std::size_t length;
    unsigned char second_from;
    unsigned char second_to;
};
constexpr std::array kLeads{
    Lead{0x00, 0x7F, 1, 0x00, 0xFF}, Lead{0xC2, 0xDF, 2, 0x80, 0xBF},
    Lead{0xE0, 0xE0, 3, 0xA0, 0xBF}, Lead{0xE1, 0xEC, 3, 0x80, 0xBF},
    Lead{0xED, 0xED, 3, 0x80, 0x9F}, Lead{0xEE, 0xEF, 3, 0x80, 0xBF},
    Lead{0xF0, 0xF0, 4, 0x90, 0xBF}, Lead{0xF1, 0xF3, 4, 0x80, 0xBF},
    Lead{0xF4, 0xF4, 4, 0x80, 0x8F},
};

bool is_within(char letter, unsigned char from, unsigned char to) {
    const auto byte = static_cast<unsigned char>(letter);
    return byte >= from && byte <= to;
}

/// The length of the valid UTF-8 sequence at the front; 0 when there is none.
std::size_t sequence_length(std::string_view text) {
    const auto* lead = std::find_if(kLeads.begin(), kLeads.end(), [&text](const Lead& candidate) {
        return is_within(text.front(), candidate.first, candidate.last);
    });
    if (lead == kLeads.end() || text.size() < lead->length) {
        return 0;
    }
    if (lead->length > 1 && !is_within(text[1], lead->second_from, lead->second_to)) {
        return 0;
    }
    const auto tail = text.substr(0, lead->length).substr(std::min<std::size_t>(2, lead->length));
    const bool is_whole = std::all_of(tail.begin(), tail.end(),
                                      [](char letter) { return is_within(letter, 0x80, 0xBF); });
    return is_whole ? lead->length : 0;
}

bool is_control(char letter) {
    const auto byte = static_cast<unsigned char>(letter);
    return (byte < 0x20U && letter != '\n' && letter != '\t') || byte == 0x7FU;
}

}  // namespace

std::string clean(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const auto length = sequence_length(text);
        if (length == 0 || is_control(text.front())) {
            out += kReplacement;
            text.remove_prefix(1);
        } else {
            out += text.substr(0, length);
            text.remove_prefix(length);
        }
    }
    return out;
}

std::string escape_markup(std::string_view text) {
    std::string out;
    for (const char letter : clean(text)) {
        switch (letter) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += letter;
        }
    }
    return out;
}

std::string escape_markdown(std::string_view text) {
    constexpr std::string_view kSpecial = R"(\`*_{}[]<>|#~&!)";
    std::string out;
    for (const char letter : clean(text)) {
        if (letter == '\n' || letter == '\t') {
            out += ' ';
            continue;
        }
        if (kSpecial.find(letter) != std::string_view::npos) {
            out += '\\';
        }
        out += letter;
    }
    return out;
}

namespace {

/// "10,000".
std::string grouped(std::uint64_t number) {
    auto text = std::to_string(number);
    for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
        text.insert(static_cast<std::size_t>(at), ",");
    }
    return text;
}

}  // namespace

std::string or_unmeasured(std::optional<Duration> duration) {
    return duration ? human_duration(*duration) : "not measured";
}

std::vector<std::pair<std::string, std::optional<Duration>>> named_parts(const Parts& parts) {
    return {{"detect", parts.detect},   {"decide", parts.decide}, {"fence", parts.fence},
            {"promote", parts.promote}, {"steer", parts.steer},   {"users back", parts.users_back}};
}

std::string title(const Report& report) {
    const auto& cause = report.run.spec.cause;
    auto text = cause.kind.empty() ? "run" : cause.kind;
    if (!cause.service.empty()) {
        text += " of " + cause.service.str();
    }
    if (!cause.to.empty()) {
        text += ", " + (cause.from.empty() ? "" : cause.from.str() + " → ") + cause.to.str();
    }
    return text;
}

std::string rto_value(const Report& report) {
    if (!report.parts.total && report.rto == Objective::kMissed) {
        return "not over yet";
    }
    return or_unmeasured(report.parts.total);
}

std::string rto_line(const Report& report) {
    return rto_value(report) + " of " + format_duration(report.run.spec.cause.rto) + ": " +
           std::string(to_string(report.rto));
}

std::string rpo_line(const Report& report) {
    return or_unmeasured(report.loss.time) + " of " + format_duration(report.run.spec.cause.rpo) +
           ": " + std::string(to_string(report.rpo));
}

std::string loss_line(const Report& report) {
    const auto& loss = report.loss;
    if (!loss.transactions && !loss.bytes) {
        return loss.artefact.empty() ? "not counted" : "not counted, kept in " + loss.artefact;
    }
    std::string text;
    if (loss.transactions) {
        text = std::to_string(*loss.transactions) +
               (*loss.transactions == 1 ? " transaction" : " transactions");
        if (loss.own.value_or(0) > 0) {
            text += " (" + std::to_string(*loss.own) + " of muster's own)";
        }
    }
    if (loss.bytes) {
        const auto bytes = static_cast<std::int64_t>(*loss.bytes);
        text += (text.empty() ? "" : ", ") + human_size(ByteCount{bytes});
    }
    text += loss.tables.empty() ? "" : ", in " + loss.tables;
    if (loss.was_in_sync && loss.missing.value_or(0) == 0) {
        text += ", none of it acknowledged: the new primary was in sync";
    }
    return text + (loss.artefact.empty() ? "" : ", kept in " + loss.artefact);
}

std::string sample_line(const Report& report) {
    const auto& loss = report.loss;
    if (!loss.sampled) {
        return loss.sample_error.empty() ? "" : "not sampled: " + loss.sample_error;
    }
    const auto missing = loss.missing.value_or(0);
    return "of " + grouped(*loss.sampled) + " sampled acknowledged ids " + grouped(missing) +
           (missing == 1 ? " is" : " are") + " missing" +
           (loss.missing_ids.empty() ? "" : ": " + loss.missing_ids);
}

}  // namespace muster::evidence

#include "adapters/blob/url_parts.h"

#include <algorithm>

namespace muster::adapters {

namespace {

constexpr std::string_view kDigits = "0123456789ABCDEF";

bool is_plain(char letter) {
    return (letter >= 'A' && letter <= 'Z') || (letter >= 'a' && letter <= 'z') ||
           (letter >= '0' && letter <= '9') || std::string_view("-._~").contains(letter);
}

int hex_value(char digit) {
    if (digit >= 'a' && digit <= 'f') {
        digit = static_cast<char>(digit - 'a' + 'A');
    }
    const auto found = kDigits.find(digit);
    return found == std::string_view::npos ? -1 : static_cast<int>(found);
}

}  // namespace

std::string percent_encode(std::string_view text, bool keep_slashes) {
    std::string encoded;
    for (const char letter : text) {
        if (is_plain(letter) || (keep_slashes && letter == '/')) {
            encoded += letter;
        } else {
            const auto byte = static_cast<unsigned char>(letter);
            encoded += {'%', kDigits[byte >> 4U], kDigits[byte & 15U]};
        }
    }
    return encoded;
}

Result<std::string> percent_decode(std::string_view text) {
    std::string decoded;
    for (std::size_t at = 0; at < text.size(); ++at) {
        if (text[at] != '%') {
            decoded += text[at];
            continue;
        }
        const int high = at + 2 < text.size() ? hex_value(text[at + 1]) : -1;
        const int low = at + 2 < text.size() ? hex_value(text[at + 2]) : -1;
        if (high < 0 || low < 0) {
            return Error{Errc::kInvalid, "a percent sign without two hexadecimal digits",
                         "write %25 for a percent sign"};
        }
        decoded += static_cast<char>(high * 16 + low);
        at += 2;
    }
    return decoded;
}

Result<UrlParts> split_url(std::string_view text) {
    const auto is_bad = [](char letter) {
        const auto byte = static_cast<unsigned char>(letter);
        return byte <= ' ' || byte == 127;
    };
    if (std::ranges::any_of(text, is_bad)) {
        return Error{Errc::kInvalid, "an address has no blanks and no control characters"};
    }
    UrlParts parts;
    if (const auto colon = text.find("://"); colon != std::string_view::npos) {
        parts.scheme = text.substr(0, colon);
        text.remove_prefix(colon + 3);
    }
    const auto slash = std::min(text.find('/'), text.size());
    auto authority = text.substr(0, slash);
    parts.path = text.substr(slash);
    if (const auto at = authority.rfind('@'); at != std::string_view::npos) {
        const auto person = authority.substr(0, at);
        const auto colon = std::min(person.find(':'), person.size());
        TRY(parts.user, percent_decode(person.substr(0, colon)));
        if (colon < person.size()) {
            TRY(auto password, percent_decode(person.substr(colon + 1)));
            parts.password = Secret(std::move(password));
        }
        authority.remove_prefix(at + 1);
    }
    if (authority.empty() || authority.front() == ':') {
        return Error{Errc::kInvalid, "the address names no host"};
    }
    parts.host = authority;
    return parts;
}

}  // namespace muster::adapters

#include "backup/format/glob.h"

#include <algorithm>
#include <optional>

#include "backup/format/utf8.h"

namespace muster::backup {
namespace {

/// What Go's decoder gives for a byte that is not valid UTF-8.
constexpr char32_t kReplacement = 0xfffd;

/// A character of a bracket at the front of `rest`, which it leaves; something must follow it.
std::optional<char32_t> take_bracket_rune(std::string_view& rest) {
    if (rest.empty() || rest[0] == '-' || rest[0] == ']') {
        return std::nullopt;
    }
    if (rest[0] == '\\') {
        rest.remove_prefix(1);
    }
    if (rest.empty()) {
        return std::nullopt;
    }
    const auto [rune, size] = decode_rune(rest);
    rest.remove_prefix(size);
    return rest.empty() ? std::nullopt : rune;
}

}  // namespace

/// Reads the pattern from the front.
struct Glob::Parser {
    std::string_view rest;

    /// Behind "[". False when it is not complete.
    bool take_class(Token& token) {
        token.kind = Kind::kClass;
        if (rest.starts_with('^')) {
            token.is_negated = true;
            rest.remove_prefix(1);
        }
        while (!rest.starts_with(']') || token.ranges.empty()) {
            const auto low = take_bracket_rune(rest);
            auto high = low;
            if (low && rest.starts_with('-')) {
                rest.remove_prefix(1);
                high = take_bracket_rune(rest);
            }
            if (!high) {
                return false;
            }
            token.ranges.emplace_back(*low, *high);
        }
        rest.remove_prefix(1);
        return true;
    }
    /// Anything but a star. False when it is not complete.
    bool take_token(Token& token) {
        const char first = rest[0];
        rest.remove_prefix(1);
        if (first == '[') {
            return take_class(token);
        }
        if (first == '?') {
            token.kind = Kind::kAny;
            return true;
        }
        token.byte = first;
        if (first != '\\') {
            return true;
        }
        if (rest.empty()) {
            return false;
        }
        token.byte = rest[0];
        rest.remove_prefix(1);
        return true;
    }
};

Result<Glob> Glob::make(std::string_view pattern) {
    Glob glob;
    Parser parser{pattern};
    glob.chunks_.emplace_back();
    while (!parser.rest.empty()) {
        if (parser.rest[0] == '*') {
            parser.rest.remove_prefix(1);
            if (!glob.chunks_.back().is_after_star || !glob.chunks_.back().tokens.empty()) {
                glob.chunks_.push_back({true, {}});
            }
        } else if (!parser.take_token(glob.chunks_.back().tokens.emplace_back())) {
            return Error(Errc::kInvalid,
                         "\"" + std::string(pattern) + "\" has an incomplete bracket or escape",
                         "close the bracket, or write \\[ or \\\\ for the character itself");
        }
    }
    const auto& end = glob.chunks_.back().tokens;
    for (const auto& token : end) {
        glob.literal_.push_back(token.byte);
    }
    const bool is_plain =
        std::ranges::all_of(end, [](const Token& token) { return token.kind == Kind::kByte; });
    glob.is_literal_ = is_plain && glob.chunks_.size() == 1;
    glob.is_suffix_ = is_plain && glob.chunks_.size() == 2 && glob.chunks_[0].tokens.empty();
    return glob;
}

bool Glob::take(const Token& token, std::string_view& name) {
    if (name.empty()) {
        return false;
    }
    if (token.kind == Kind::kByte) {
        const bool is_same = name[0] == token.byte;
        name.remove_prefix(1);
        return is_same;
    }
    const auto [rune, size] = decode_rune(name);
    name.remove_prefix(size);
    if (token.kind == Kind::kAny) {
        return true;
    }
    const auto value = rune.value_or(kReplacement);
    const bool is_in = std::ranges::any_of(token.ranges, [value](const auto& range) {
        return range.first <= value && value <= range.second;
    });
    return is_in != token.is_negated;
}

bool Glob::take(const Chunk& chunk, std::string_view& name) {
    auto rest = name;
    for (const auto& token : chunk.tokens) {
        if (!take(token, rest)) {
            return false;
        }
    }
    name = rest;
    return true;
}

/// The first place behind a star where the chunk fits. Go goes on byte by byte, so that `?` and
/// brackets may meet the second half of a character; so it does here.
bool Glob::take_later(const Chunk& chunk, std::string_view& name, bool is_last) {
    for (std::size_t i = 0; i <= name.size(); ++i) {
        auto rest = name.substr(i);
        if (take(chunk, rest) && (rest.empty() || !is_last)) {
            name = rest;
            return true;
        }
    }
    return false;
}

bool Glob::matches(std::string_view name) const {
    if (is_literal_) {
        return name == literal_;
    }
    if (is_suffix_) {
        return name.ends_with(literal_);
    }
    for (std::size_t i = 0; i < chunks_.size(); ++i) {
        const auto& chunk = chunks_[i];
        const bool is_last = i + 1 == chunks_.size();
        if (chunk.is_after_star && is_last && chunk.tokens.empty()) {
            return true;
        }
        if (!(chunk.is_after_star ? take_later(chunk, name, is_last) : take(chunk, name))) {
            return false;
        }
    }
    return name.empty();
}

}  // namespace muster::backup

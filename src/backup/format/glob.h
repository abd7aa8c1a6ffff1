#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace muster::backup {

/// One component of a path pattern, compiled: `*` any bytes, `?` one character, `[a-z]` and
/// `[^a-z]` one of (or none of) these, `\` takes the next character as it is. The rules, down to
/// how characters that are not valid UTF-8 count, are those of Go's filepath.Match.
class Glob {
  public:
    /// kInvalid when a bracket or an escape is not complete.
    static Result<Glob> make(std::string_view pattern);
    [[nodiscard]] bool matches(std::string_view name) const;

  private:
    enum class Kind : std::uint8_t { kByte, kAny, kClass };
    struct Token {
        Kind kind = Kind::kByte;
        char byte = 0;
        bool is_negated = false;
        std::vector<std::pair<char32_t, char32_t>> ranges;
    };
    /// What stands between two stars, and whether a star stands before it.
    struct Chunk {
        bool is_after_star = false;
        std::vector<Token> tokens;
    };
    struct Parser;

    static bool take(const Token& token, std::string_view& name);
    static bool take(const Chunk& chunk, std::string_view& name);
    static bool take_later(const Chunk& chunk, std::string_view& name, bool is_last);

    std::string literal_;  ///< The whole pattern when `is_literal_`, else its fixed end.
    bool is_literal_ = false;
    bool is_suffix_ = false;  ///< A star and `literal_`: the most frequent form.
    std::vector<Chunk> chunks_;
};

}  // namespace muster::backup

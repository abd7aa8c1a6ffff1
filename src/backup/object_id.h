#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/result.h"

namespace muster::backup {

/// The SHA-256 that names a blob (of its plain content) or a stored file (of its stored bytes).
struct ObjectId {
    static constexpr std::size_t kSize = 32;
    static constexpr std::size_t kHexSize = 64;

    std::array<std::uint8_t, kSize> bytes{};

    auto operator<=>(const ObjectId&) const = default;
    /// 64 lower case hexadecimal digits.
    [[nodiscard]] std::string hex() const;
    /// The first 8 of them, as restic prints it.
    [[nodiscard]] std::string brief() const { return hex().substr(0, 8); }
    [[nodiscard]] bool is_null() const { return *this == ObjectId{}; }
    /// Reads 64 hexadecimal digits; kInvalid otherwise.
    static Result<ObjectId> parse(std::string_view hex);
    /// kInvalid for what no id begins with: nothing, too much, or other than 0 to 9 and a to f.
    static Result<> check_prefix(std::string_view prefix);
};

}  // namespace muster::backup

/// The first bytes of a SHA-256 are as good as any hash of it.
template <>
struct std::hash<muster::backup::ObjectId> {
    std::size_t operator()(const muster::backup::ObjectId& id) const noexcept {
        std::size_t value = 0;
        std::memcpy(&value, id.bytes.data(), sizeof value);
        return value;
    }
};

#include "base/units.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <limits>

namespace muster {
namespace {

struct Unit {
    std::string_view name;
    std::int64_t bytes;
};
constexpr std::array kUnits{
    Unit{"", 1},
    Unit{"B", 1},
    Unit{"kB", 1'000},
    Unit{"KB", 1'000},
    Unit{"MB", 1'000'000},
    Unit{"GB", 1'000'000'000},
    Unit{"TB", 1'000'000'000'000},
    Unit{"KiB", 1LL << 10},
    Unit{"MiB", 1LL << 20},
    Unit{"GiB", 1LL << 30},
    Unit{"TiB", 1LL << 40},
};

}  // namespace

Result<ByteCount> parse_size(std::string_view text) {
    std::int64_t count = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), count);
    const auto suffix = text.substr(static_cast<std::size_t>(parsed.ptr - text.data()));
    if (parsed.ec == std::errc{} && count >= 0) {
        for (const auto& unit : kUnits) {
            if (unit.name == suffix &&
                count <= std::numeric_limits<std::int64_t>::max() / unit.bytes) {
                return ByteCount{count * unit.bytes};
            }
        }
    }
    return Error{Errc::kInvalid, "\"" + std::string(text) + "\" is not a size",
                 "write a whole number and a unit, such as 64KiB, 16MB or 2GiB"};
}

std::string human_size(ByteCount size) {
    constexpr std::array kNames{"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    auto value = static_cast<double>(size.bytes);
    std::size_t unit = 0;
    while (value >= 1023.5 && unit + 1 < kNames.size()) {
        value /= 1024;
        ++unit;
    }
    int digits = 2;
    if (unit == 0 || value >= 100) {
        digits = 0;
    } else if (value >= 10) {
        digits = 1;
    }
    std::array<char, 48> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%.*f %s", digits, value, kNames.at(unit));
    return buffer.data();
}

}  // namespace muster

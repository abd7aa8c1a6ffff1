#include "postgres/lsn.h"

#include <array>
#include <charconv>
#include <cstdio>

namespace muster::postgres {
namespace {

constexpr std::size_t kMaxHalf = 8;  // hexadecimal digits of 32 bits

bool read_half(std::string_view text, std::uint32_t& half) {
    if (text.empty() || text.size() > kMaxHalf) {
        return false;
    }
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), half, 16);
    return error == std::errc{} && stop == text.data() + text.size();
}

}  // namespace

Result<Lsn> parse_lsn(std::string_view text) {
    const auto slash = text.find('/');
    std::uint32_t high = 0;
    std::uint32_t low = 0;
    if (slash == std::string_view::npos || !read_half(text.substr(0, slash), high) ||
        !read_half(text.substr(slash + 1), low)) {
        return Error(Errc::kInvalid,
                     "\"" + std::string(text.substr(0, 40)) + "\" is no WAL position",
                     "a position reads like 0/3000148");
    }
    return Lsn{(static_cast<std::uint64_t>(high) << 32U) | low};
}

std::string to_string(Lsn lsn) {
    std::array<char, 24> text{};
    const int length =
        std::snprintf(text.data(), text.size(), "%X/%X", static_cast<unsigned>(lsn.value >> 32U),
                      static_cast<unsigned>(lsn.value & 0xFFFFFFFFU));
    return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace muster::postgres

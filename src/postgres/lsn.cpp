#include "postgres/lsn.h"

#include <array>
#include <cstdio>
#include <optional>

#include "postgres/lines.h"

namespace muster::postgres {
namespace {

constexpr std::size_t kMaxHalf = 8;  // hexadecimal digits of 32 bits

std::optional<std::uint32_t> half(std::string_view text) {
    return text.size() > kMaxHalf ? std::nullopt : number_in<std::uint32_t>(text, 16);
}

}  // namespace

Result<Lsn> parse_lsn(std::string_view text) {
    const auto slash = text.find('/');
    const auto high = half(text.substr(0, slash));
    const auto low = slash == std::string_view::npos ? std::nullopt : half(text.substr(slash + 1));
    if (!high || !low) {
        return Error(Errc::kInvalid,
                     "\"" + std::string(text.substr(0, 40)) + "\" is no WAL position",
                     "a position reads like 0/3000148");
    }
    return Lsn{(static_cast<std::uint64_t>(*high) << 32U) | *low};
}

std::string to_string(Lsn lsn) {
    std::array<char, 24> text{};
    const int length =
        std::snprintf(text.data(), text.size(), "%X/%X", static_cast<unsigned>(lsn.value >> 32U),
                      static_cast<unsigned>(lsn.value & 0xFFFFFFFFU));
    return {text.data(), static_cast<std::size_t>(length)};
}

}  // namespace muster::postgres

#include "backup/format/base64.h"

#include <array>

namespace muster::backup {

namespace {

constexpr std::string_view kAlphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<signed char, 256> make_values() {
    std::array<signed char, 256> values{};
    values.fill(-1);
    for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
        values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<signed char>(i);
    }
    return values;
}

constexpr auto kValues = make_values();

Error not_base64() {
    return Error(Errc::kCorrupt, "not valid base64");
}

/// The bytes of four digits, of which the last ones are padding.
Result<> decode_group(std::string_view digits, std::size_t padding, std::string& bytes) {
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < digits.size(); ++i) {
        const auto value = kValues[static_cast<unsigned char>(digits[i])];
        if (value < 0 && i + padding < digits.size()) {
            return not_base64();
        }
        group = (group << 6U) | (value < 0 ? 0 : static_cast<std::uint32_t>(value));
    }
    for (std::size_t byte = 0; byte + padding < 3; ++byte) {
        bytes += static_cast<char>((group >> (16 - 8 * byte)) & 255U);
    }
    const bool has_rest = padding > 0 && (group & ((1U << (8 * padding)) - 1)) != 0;
    return has_rest ? Result<>(not_base64()) : Result<>{};
}

}  // namespace

void append_base64(std::string& out, ByteView bytes) {
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t count = std::min<std::size_t>(3, bytes.size() - i);
        std::uint32_t group = static_cast<std::uint32_t>(bytes[i]) << 16U;
        group |= count > 1 ? static_cast<std::uint32_t>(bytes[i + 1]) << 8U : 0;
        group |= count > 2 ? static_cast<std::uint32_t>(bytes[i + 2]) : 0;
        for (std::size_t digit = 0; digit < 4; ++digit) {
            const auto value = (group >> (18 - 6 * digit)) & 63U;
            out += digit <= count ? kAlphabet[value] : '=';
        }
    }
}

Result<std::string> decode_base64(std::string_view text) {
    if (text.size() % 4 != 0) {
        return not_base64();
    }
    std::string bytes;
    bytes.reserve(text.size() / 4 * 3);
    for (std::size_t i = 0; i < text.size(); i += 4) {
        const bool is_padded = i + 4 == text.size() && text[i + 3] == '=';
        const std::size_t padding = !is_padded ? 0 : text[i + 2] == '=' ? 2 : 1;
        TRY_OK(decode_group(text.substr(i, 4), padding, bytes));
    }
    return bytes;
}

}  // namespace muster::backup

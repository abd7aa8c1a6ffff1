#include "backup/object_id.h"

namespace muster::backup {

namespace {

constexpr std::string_view kDigits = "0123456789abcdef";

int digit_of(char character) {
    if (character >= '0' && character <= '9') {
        return character - '0';
    }
    return character >= 'a' && character <= 'f' ? character - 'a' + 10 : -1;
}

}  // namespace

std::string ObjectId::hex() const {
    std::string text(kHexSize, '0');
    for (std::size_t i = 0; i < kSize; ++i) {
        text[2 * i] = kDigits[bytes[i] >> 4U];
        text[2 * i + 1] = kDigits[bytes[i] & 15U];
    }
    return text;
}

Result<ObjectId> ObjectId::parse(std::string_view hex) {
    ObjectId id;
    bool is_valid = hex.size() == kHexSize;
    for (std::size_t i = 0; is_valid && i < kSize; ++i) {
        const int high = digit_of(hex[2 * i]);
        const int low = digit_of(hex[2 * i + 1]);
        is_valid = high >= 0 && low >= 0;
        id.bytes[i] = static_cast<std::uint8_t>((high << 4) | low);
    }
    if (!is_valid) {
        return Error(Errc::kInvalid, "an id has 64 lower case hexadecimal digits");
    }
    return id;
}

Result<> ObjectId::check_prefix(std::string_view prefix) {
    if (prefix.empty() || prefix.size() > kHexSize ||
        prefix.find_first_not_of(kDigits) != std::string_view::npos) {
        return Error(Errc::kInvalid, "not the beginning of an id: \"" + std::string(prefix) + "\"",
                     "write the first digits of one: 0 to 9, a to f");
    }
    return {};
}

}  // namespace muster::backup

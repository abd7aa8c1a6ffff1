#include "adapters/blob/content_hash.h"

#include <openssl/evp.h>

#include <array>

#include "backup/object_id.h"
#include "base/check.h"

namespace muster::adapters {

std::string sha256_hex(backup::ByteView content) {
    backup::ObjectId id;
    CHECK(EVP_Digest(content.data(), content.size(), id.bytes.data(), nullptr, EVP_sha256(),
                     nullptr) == 1);
    return id.hex();
}

std::string md5_base64(backup::ByteView content) {
    std::array<std::uint8_t, EVP_MAX_MD_SIZE> digest{};
    unsigned size = 0;
    CHECK(EVP_Digest(content.data(), content.size(), digest.data(), &size, EVP_md5(), nullptr) ==
          1);
    constexpr std::size_t kEncodedSize = 25;  // 16 bytes make 24 letters and a zero.
    std::array<std::uint8_t, kEncodedSize> encoded{};
    const int length = EVP_EncodeBlock(encoded.data(), digest.data(), static_cast<int>(size));
    return std::string(encoded.begin(), encoded.begin() + length);
}

}  // namespace muster::adapters

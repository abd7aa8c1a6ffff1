#include "adapters/repo_server/password.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <optional>

namespace muster::adapters::repo_server {

namespace {

constexpr std::string_view kSha = "{SHA}";
constexpr std::size_t kBcryptLength = 60;
constexpr int kMostCost = 17;  // Seconds for one password already.
constexpr std::string_view kBase64 =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

bool is_same(std::string_view left, std::string_view right) {
    return left.size() == right.size() &&
           CRYPTO_memcmp(left.data(), right.data(), left.size()) == 0;
}

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_bcrypt(std::string_view hash) {
    const bool has_form = hash.size() == kBcryptLength && hash.starts_with("$2") &&
                          std::string_view("aby").contains(hash[2]) && hash[3] == '$' &&
                          is_digit(hash[4]) && is_digit(hash[5]) && hash[6] == '$';
    return has_form && (hash[4] - '0') * 10 + (hash[5] - '0') <= kMostCost;
}

bool bcrypt_matches(const std::string& hash, const Secret& password) {
    // crypt_r(3) stops at a NUL, which would make all that follows it count for nothing.
    if (password.reveal().contains('\0')) {
        return false;
    }
    const auto work = std::make_unique<crypt_data>();
    const char* made = ::crypt_r(password.reveal().c_str(), hash.c_str(), work.get());
    const bool matches = made != nullptr && is_same(made, hash);
    OPENSSL_cleanse(work.get(), sizeof(crypt_data));
    return matches;
}

bool sha_matches(std::string_view encoded, const Secret& password) {
    std::array<unsigned char, 20> digest{};
    unsigned size = 0;
    const auto& text = password.reveal();
    if (EVP_Digest(text.data(), text.size(), digest.data(), &size, EVP_sha1(), nullptr) != 1) {
        return false;
    }
    std::array<unsigned char, 32> made{};
    const int length = EVP_EncodeBlock(made.data(), digest.data(), static_cast<int>(size));
    return is_same({reinterpret_cast<const char*>(made.data()), static_cast<std::size_t>(length)},
                   encoded);
}

// RFC 4648 section 4; nothing when it holds anything else.
std::optional<std::string> base64_decoded(std::string_view text) {
    const auto end = text.find_last_not_of('=');
    const std::string_view digits = text.substr(0, end == std::string_view::npos ? 0 : end + 1);
    if (text.size() % 4 != 0 || text.size() - digits.size() > 2) {
        return std::nullopt;
    }
    std::string decoded;
    unsigned bits = 0;
    unsigned count = 0;
    for (const char digit : digits) {
        const auto value = kBase64.find(digit);
        if (value == std::string_view::npos) {
            return std::nullopt;
        }
        bits = (bits << 6U) | static_cast<unsigned>(value);
        count += 6;
        if (count >= 8) {
            count -= 8;
            decoded += static_cast<char>((bits >> count) & 0xffU);
        }
    }
    return decoded;
}

}  // namespace

bool is_supported_hash(std::string_view hash) {
    constexpr std::size_t kShaLength = 28;
    return is_bcrypt(hash) || (hash.starts_with(kSha) && hash.size() == kSha.size() + kShaLength);
}

bool password_matches(const std::string& hash, const Secret& password) {
    if (hash.starts_with(kSha)) {
        return sha_matches(std::string_view(hash).substr(kSha.size()), password);
    }
    return is_bcrypt(hash) && bcrypt_matches(hash, password);
}

const std::string& nobodys_hash() {
    // The cost that htpasswd(1) takes by itself is 5; that of most other tools 10.
    static const std::string kHash = "$2y$10$" + std::string(22, '.') + std::string(31, '.');
    return kHash;
}

Credentials read_credentials(std::string_view header) {
    constexpr std::string_view kScheme = "basic ";
    const auto is_equal = [](char left, char right) {
        return left == (right >= 'A' && right <= 'Z' ? right + ('a' - 'A') : right);
    };
    if (header.size() < kScheme.size() ||
        !std::ranges::equal(kScheme, header.substr(0, kScheme.size()), is_equal)) {
        return {};
    }
    const auto start = std::min(header.find_first_not_of(' ', kScheme.size()), header.size());
    auto decoded = base64_decoded(header.substr(start));
    const auto colon = decoded ? decoded->find(':') : std::string::npos;
    if (colon == std::string::npos) {
        return {};
    }
    Credentials read{decoded->substr(0, colon), Secret(decoded->substr(colon + 1)), true};
    OPENSSL_cleanse(decoded->data(), decoded->size());
    return read;
}

}  // namespace muster::adapters::repo_server

#include "backup/codec/seal.h"

#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <algorithm>
#include <atomic>
#include <cstring>

#include "base/check.h"

// Each call needs contexts of OpenSSL that hold the expanded keys. They can't be shared by threads,
// and to make them costs more than to seal a small blob; so each thread keeps its own, and expands
// the keys anew only when it comes with another sealer.

namespace muster::backup {

namespace {

constexpr std::size_t kMaxPiece = std::size_t{1} << 30U;  // OpenSSL counts in int.

struct Free {
    void operator()(EVP_CIPHER_CTX* context) const { EVP_CIPHER_CTX_free(context); }
    void operator()(EVP_MAC_CTX* context) const { EVP_MAC_CTX_free(context); }
};
using CipherContext = std::unique_ptr<EVP_CIPHER_CTX, Free>;
using MacContext = std::unique_ptr<EVP_MAC_CTX, Free>;

MacContext make_poly1305() {
    EVP_MAC* mac = EVP_MAC_fetch(nullptr, "POLY1305", nullptr);
    MacContext context(EVP_MAC_CTX_new(mac));
    EVP_MAC_free(mac);
    CHECK(context != nullptr);
    return context;
}

void set_key(EVP_CIPHER_CTX* context, const EVP_CIPHER* cipher, const std::uint8_t* key) {
    CHECK(EVP_EncryptInit_ex2(context, cipher, key, nullptr, nullptr) == 1);
    CHECK(EVP_CIPHER_CTX_set_padding(context, 0) == 1);
}

void encrypt(EVP_CIPHER_CTX* context, ByteView from, std::uint8_t* to) {
    while (!from.empty()) {
        const std::size_t piece = std::min(from.size(), kMaxPiece);
        int written = 0;
        CHECK(EVP_EncryptUpdate(context, to, &written, from.data(), static_cast<int>(piece)) == 1);
        CHECK(static_cast<std::size_t>(written) == piece);
        from = from.subspan(piece);
        to += piece;
    }
}

using Mac = std::array<std::uint8_t, Sealer::kMacSize>;

/// What one thread holds.
class Contexts {
  public:
    void use(std::uint64_t serial, const MasterKey& key) {
        if (serial_ != serial) {
            set_key(counter_.get(), EVP_aes_256_ctr(), key.encrypt.data());
            set_key(block_.get(), EVP_aes_128_ecb(), key.mac_k.data());
            serial_ = serial;
        }
    }

    /// Encrypting and decrypting are one in counter mode.
    void crypt(const std::uint8_t* iv, ByteView from, std::uint8_t* to) {
        CHECK(EVP_EncryptInit_ex2(counter_.get(), nullptr, nullptr, iv, nullptr) == 1);
        encrypt(counter_.get(), from, to);
    }

    /// Poly1305 under r ‖ AES-128_k(iv).
    Mac mac(const MasterKey& key, const std::uint8_t* iv, ByteView ciphertext) {
        std::array<std::uint8_t, 32> once{};
        std::ranges::copy(key.mac_r, once.begin());
        encrypt(block_.get(), {iv, Sealer::kIvSize}, once.data() + key.mac_r.size());
        CHECK(EVP_MAC_init(poly1305_.get(), once.data(), once.size(), nullptr) == 1);
        CHECK(EVP_MAC_update(poly1305_.get(), ciphertext.data(), ciphertext.size()) == 1);
        Mac tag{};
        std::size_t size = 0;
        CHECK(EVP_MAC_final(poly1305_.get(), tag.data(), &size, tag.size()) == 1);
        CHECK(size == tag.size());
        OPENSSL_cleanse(once.data(), once.size());
        return tag;
    }

  private:
    std::uint64_t serial_ = 0;  ///< Of the sealer whose keys are expanded; 0: none.
    CipherContext counter_{EVP_CIPHER_CTX_new()};
    CipherContext block_{EVP_CIPHER_CTX_new()};
    MacContext poly1305_ = make_poly1305();
};

std::uint64_t next_serial() {
    static std::atomic<std::uint64_t> last{0};
    return ++last;
}

}  // namespace

MasterKey::~MasterKey() {
    OPENSSL_cleanse(encrypt.data(), encrypt.size());
    OPENSSL_cleanse(mac_k.data(), mac_k.size());
    OPENSSL_cleanse(mac_r.data(), mac_r.size());
}

struct Sealer::Keys {
    MasterKey key;
    std::uint64_t serial = next_serial();

    [[nodiscard]] Contexts& contexts() const {
        thread_local Contexts of_this_thread;
        of_this_thread.use(serial, key);
        return of_this_thread;
    }
};

Sealer::Sealer(const MasterKey& key) : keys_(std::make_unique<Keys>(key)) {
}

Sealer::~Sealer() = default;

void Sealer::seal(ByteView plain, const Iv& iv, ByteSpan out) const {
    CHECK(out.size() == plain.size() + kOverhead);
    CHECK(iv != Iv{});
    Contexts& contexts = keys_->contexts();
    contexts.crypt(iv.data(), plain, out.data() + kIvSize);
    std::ranges::copy(iv, out.begin());
    const auto tag = contexts.mac(keys_->key, iv.data(), out.subspan(kIvSize, plain.size()));
    std::ranges::copy(tag, out.end() - kMacSize);
}

bool Sealer::authenticates(ByteView sealed) const {
    if (sealed.size() < kOverhead) {
        return false;
    }
    const auto tag = keys_->contexts().mac(keys_->key, sealed.data(),
                                           sealed.subspan(kIvSize, sealed.size() - kOverhead));
    return CRYPTO_memcmp(tag.data(), sealed.data() + sealed.size() - kMacSize, kMacSize) == 0;
}

Result<> Sealer::open(ByteView sealed, ByteSpan out) const {
    if (!authenticates(sealed)) {
        return Error(Errc::kCorrupt, sealed.size() < kOverhead
                                         ? "sealed data is too short to be authentic"
                                         : "sealed data is damaged or of another key");
    }
    CHECK(out.size() == sealed.size() - kOverhead);
    keys_->contexts().crypt(sealed.data(), sealed.subspan(kIvSize, out.size()), out.data());
    return {};
}

}  // namespace muster::backup

#include "backup/codec/sha256.h"

#include <openssl/evp.h>

#include "backup/codec/sha256_lanes.h"
#include "base/check.h"

namespace muster::backup {

namespace {

struct FreeContext {
    void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using Context = std::unique_ptr<EVP_MD_CTX, FreeContext>;

/// A context that has begun: what it costs to look the algorithm up is paid once per context.
Context make_context() {
    Context context(EVP_MD_CTX_new());
    CHECK(context != nullptr);
    CHECK(EVP_DigestInit_ex2(context.get(), EVP_sha256(), nullptr) == 1);
    return context;
}

void feed(EVP_MD_CTX* context, ByteView piece) {
    CHECK(EVP_DigestUpdate(context, piece.data(), piece.size()) == 1);
}

ObjectId end(EVP_MD_CTX* context) {
    ObjectId id;
    CHECK(EVP_DigestFinal_ex(context, id.bytes.data(), nullptr) == 1);
    CHECK(EVP_DigestInit_ex2(context, nullptr, nullptr) == 1);
    return id;
}

}  // namespace

ObjectId sha256(ByteView message) {
    thread_local const Context kOfThisThread = make_context();
    feed(kOfThisThread.get(), message);
    return end(kOfThisThread.get());
}

void sha256_many(std::span<const ByteView> messages, std::span<ObjectId> ids) {
    CHECK(messages.size() == ids.size());
    sha256_lanes::paths().front().hash(messages, ids);
}

void sha256_lanes::hash_singly(std::span<const ByteView> messages, std::span<ObjectId> ids) {
    for (std::size_t i = 0; i < messages.size(); ++i) {
        ids[i] = sha256(messages[i]);
    }
}

std::span<const sha256_lanes::Path> sha256_lanes::paths() {
    static constexpr std::array<Path, 2> kAll{
        {{"sha instructions", &hash_abreast}, {"openssl", &hash_singly}}};
    static const std::size_t kFirst = has_sha() ? 0 : 1;
    return std::span(kAll).subspan(kFirst);
}

struct Sha256::State {
    Context context = make_context();
};

Sha256::Sha256() : state_(std::make_unique<State>()) {
}

Sha256::~Sha256() = default;

void Sha256::update(ByteView piece) {
    feed(state_->context.get(), piece);
}

ObjectId Sha256::finish() {
    return end(state_->context.get());
}

}  // namespace muster::backup

#pragma once

#include <memory>
#include <span>

#include "backup/bytes.h"
#include "backup/object_id.h"

namespace muster::backup {

/// SHA-256 (FIPS 180-4) of one message.
ObjectId sha256(ByteView message);

/// SHA-256 of each message, `ids[i]` of `messages[i]`; several are hashed side by side where the
/// processor gains by it. The spans have one length.
void sha256_many(std::span<const ByteView> messages, std::span<ObjectId> ids);

/// SHA-256 of a message that comes in pieces.
class Sha256 {
  public:
    Sha256();
    ~Sha256();
    Sha256(const Sha256&) = delete;
    Sha256& operator=(const Sha256&) = delete;
    void update(ByteView piece);
    /// The hash of all pieces; afterwards it begins anew.
    ObjectId finish();

  private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace muster::backup

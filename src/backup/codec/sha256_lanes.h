#pragma once

#include <span>
#include <string_view>

#include "backup/bytes.h"
#include "backup/object_id.h"

namespace muster::backup::sha256_lanes {

/// Hashes each message; the spans have one length.
using HashMany = void (*)(std::span<const ByteView> messages, std::span<ObjectId> ids);

/// One message after the other, by OpenSSL.
void hash_singly(std::span<const ByteView> messages, std::span<ObjectId> ids);
/// Two messages side by side with the SHA instructions; only where `has_sha()`.
void hash_abreast(std::span<const ByteView> messages, std::span<ObjectId> ids);
/// Whether this processor has what `hash_abreast` needs.
bool has_sha();

/// A way to hash, by name.
struct Path {
    std::string_view name;
    HashMany hash;
};
/// Those that this processor has, the quickest first.
std::span<const Path> paths();

}  // namespace muster::backup::sha256_lanes

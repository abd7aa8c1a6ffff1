#pragma once

#include <string>

#include "backup/bytes.h"
#include "backup/codec/scrypt.h"
#include "backup/host.h"
#include "base/result.h"
#include "base/secret.h"

namespace muster::backup {

/// A file under `keys/`: the master key, sealed by what a password gives. It is plain JSON.
struct KeyFile {
    std::string created;  ///< RFC 3339, as it was written.
    std::string username;
    std::string hostname;
    ScryptCost cost;
    std::string salt;  ///< 64 bytes.
    std::string data;  ///< The sealed JSON of the master key.
};

std::string encode_key_file(const KeyFile& file);
/// kCorrupt; kInvalid for another way of deriving keys than scrypt.
Result<KeyFile> decode_key_file(const Buffer& json);

/// Seals `master` by `password`.
Result<KeyFile> lock_master_key(const MasterKey& master, const Secret& password, Host& host);
/// The master key. kDenied when the password is not this key's.
Result<MasterKey> unlock_master_key(const KeyFile& file, const Secret& password);
/// A new master key, drawn at random.
MasterKey draw_master_key(Host& host);

}  // namespace muster::backup

#pragma once

#include <string>
#include <string_view>

#include "backup/blob_store.h"

namespace muster::adapters {

/// No file of a repository is longer: packs and indexes have up to some hundred MiB.
inline constexpr std::uint64_t kMaxStoredFile = std::uint64_t{4} << 30U;

/// 64 lower case hexadecimal digits.
bool is_stored_name(std::string_view text);

/// Where restic's "default" layout has it: "data/4f/4f6d…", "keys/…", "config".
std::string path_of(const backup::StoredName& name);

/// kConflict: what a second config meets.
Error config_exists();
/// kConflict when there is a config.
Result<> refuse_second_config(backup::BlobStore& store);

/// kCorrupt: the file ends at `size`, before what was wanted at `offset`.
Error ends_before(const backup::StoredName& name, std::uint64_t size, std::uint64_t offset);

}  // namespace muster::adapters

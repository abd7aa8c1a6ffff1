#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/format/go_json.h"
#include "backup/object_id.h"
#include "base/result.h"
#include "base/time.h"

namespace muster::backup {

/// What a backup did, as restic 0.17 and later keep it in the snapshot.
struct BackupSummary {
    GoTime backup_start;
    GoTime backup_end;
    std::uint64_t files_new = 0;
    std::uint64_t files_changed = 0;
    std::uint64_t files_unmodified = 0;
    std::uint64_t dirs_new = 0;
    std::uint64_t dirs_changed = 0;
    std::uint64_t dirs_unmodified = 0;
    std::uint64_t data_blobs = 0;
    std::uint64_t tree_blobs = 0;
    std::uint64_t data_added = 0;         ///< Bytes before compression.
    std::uint64_t data_added_packed = 0;  ///< Bytes as they are stored.
    std::uint64_t total_files_processed = 0;
    std::uint64_t total_bytes_processed = 0;
    auto operator<=>(const BackupSummary&) const = default;
};

/// A backup: which tree was where, when, and who made it.
struct Snapshot {
    ObjectId id;  ///< The SHA-256 of the stored file; it does not stand in the file.
    GoTime time;  ///< In the time zone of who made it.
    std::optional<ObjectId> parent;
    ObjectId tree;
    std::vector<std::string> paths;  ///< Absolute.
    std::string hostname;
    std::string username;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::vector<std::string> excludes;
    std::vector<std::string> tags;
    std::optional<ObjectId> original;  ///< Of which snapshot it is a changed copy.
    std::string program_version;
    std::optional<BackupSummary> summary;
    auto operator<=>(const Snapshot&) const = default;

    [[nodiscard]] WallTime wall() const;
    /// Whether it was made after the other; of two at the same time the one with the greater id, so
    /// that an order never hangs on how a store lists.
    [[nodiscard]] bool is_newer_than(const Snapshot& other) const;
};

/// The JSON of a snapshot as restic writes it, byte for byte. Bytes of paths, tags and the like
/// that are not valid UTF-8 become U+FFFD: the format can't hold them.
std::string encode_snapshot(const Snapshot& snapshot);

/// Reads the JSON of a snapshot; fields that it does not know are skipped. kCorrupt when it is not
/// JSON, when time or tree are missing, or when a field is not of its type.
Result<Snapshot> decode_snapshot(std::string_view json, const ObjectId& id);

}  // namespace muster::backup

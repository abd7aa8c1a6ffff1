#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <set>
#include <vector>

#include "backup/blob_index.h"
#include "backup/blob_store.h"
#include "backup/care/entry_set.h"
#include "backup/codec/compressor.h"

namespace muster::backup {

/// How much unused data may stay, so that less has to be written anew.
struct UnusedLimit {
    static constexpr double kUsualShare = 0.05;
    double share = kUsualShare;          ///< Of what is there afterwards, 0 to 1, …
    std::optional<std::uint64_t> bytes;  ///< … unless it is given in bytes.

    /// The bytes that may stay beside so many that are used.
    [[nodiscard]] std::uint64_t most(std::uint64_t used) const;
};

/// Reads "5%", "500M", "unlimited". kInvalid otherwise.
Result<UnusedLimit> parse_unused_limit(std::string_view text);

struct PruneSettings {
    UnusedLimit max_unused;
    std::uint64_t max_repack = std::numeric_limits<std::uint64_t>::max();  ///< Bytes read anew.
    std::size_t pack_size = 16U << 20U;
    Compression compression = Compression::kAuto;
    bool is_small_repacked = false;         ///< Packs below 80 % of the size wanted.
    bool is_cacheable_only = false;         ///< Only packs of trees are written anew.
    bool is_uncompressed_repacked = false;  ///< What is not compressed yet will be.
    bool may_compress = true;               ///< The repository's version allows it.
    bool is_dry_run = false;
    bool is_space_recovered = false;  ///< Remove before writing: no space is left.
    bool are_foreign_kept = false;    ///< Packs in no index stay this time.
    std::vector<ObjectId> ignored;    ///< Snapshots that a dry run takes for removed.
    std::set<ObjectId> locked;        ///< Packs that the store keeps: they stay as they are.
};

/// What becomes of a pack.
enum class PackFate : std::uint8_t {
    kKeep,
    kRepack,   ///< What is used of it goes into new packs; then it is removed.
    kRemove,   ///< Nothing of it is used.
    kMissing,  ///< It is not there, and nobody needs it: only the index forgets it.
};

/// Blobs and bytes, or packs, by what becomes of them.
struct PruneCounts {
    struct Amount {
        std::uint64_t blobs = 0;
        std::uint64_t bytes = 0;
        void add(std::uint64_t length) {
            ++blobs;
            bytes += length;
        }
    };
    Amount used;            ///< Each blob once.
    Amount duplicate;       ///< Further copies of these.
    Amount unused;          ///<
    Amount removed;         ///< In packs that are removed whole.
    Amount repacked;        ///< In packs that are written anew, used or not.
    Amount repack_removed;  ///< What goes by that.
    std::uint64_t foreign_bytes = 0;
    std::uint64_t foreign_packs = 0;
    std::uint64_t used_packs = 0;  ///< All of it is used.
    std::uint64_t partly_used_packs = 0;
    std::uint64_t unused_packs = 0;
    std::uint64_t kept_packs = 0;
    std::uint64_t locked_packs = 0;  ///< Kept with all that is unused in them.
    std::uint64_t repacked_packs = 0;
    std::uint64_t removed_packs = 0;
};

struct PrunePlan {
    explicit PrunePlan(std::size_t entries) : keep(entries) {}

    std::vector<PackFate> fates;    ///< By the pack's number.
    EntrySet keep;                  ///< One entry of every used blob: this copy stays.
    std::vector<ObjectId> foreign;  ///< Packs in no index, to be removed.
    PruneCounts counts;

    /// Whether anything is to be done.
    [[nodiscard]] bool has_work() const;
    /// Whether any of these packs does not stay as it is.
    [[nodiscard]] bool changes(const std::vector<std::uint32_t>& packs) const;
    /// The files of packs that go in the end.
    [[nodiscard]] std::vector<ObjectId> packs_to_remove(const BlobIndex& index) const;
};

/// Decides. `used` has the first entry of each used blob, `packs` is what the store lists. kCorrupt
/// when a used blob is in no pack that is there with the right size: then nothing may be removed.
Result<PrunePlan> plan_prune(const BlobIndex& index, const EntrySet& used,
                             const std::vector<Listed>& packs, const PruneSettings& settings);

}  // namespace muster::backup

#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "backup/codec/compressor.h"
#include "backup/repository.h"

namespace muster::backup {

/// How blobs are written.
struct WriterSettings {
    std::size_t pack_size = 16U << 20U;  ///< A pack that has reached it is closed (4 to 128 MiB).
    Compression compression = Compression::kAuto;
    unsigned compute_threads = 0;  ///< 0: one per core.
    bool is_dry_run = false;       ///< Count what would be stored, and store nothing.
    /// Asked before each index file, which others see; its error ends the job. None: always.
    std::function<Result<>()> may_index = {};
};

/// What was written.
struct WriterTotals {
    std::uint64_t blobs[2] = {0, 0};         ///< By BlobType. NOLINT
    std::uint64_t plain_bytes[2] = {0, 0};   ///< Their content. NOLINT
    std::uint64_t stored_bytes[2] = {0, 0};  ///< As they are stored. NOLINT
};

/// Fills packs with blobs and saves them; then, and only then, writes the index that lists them.
/// All threads of a job share one. The order packs → index is this class's promise; the snapshot is
/// written by who called `run` and saw it succeed.
class BlobWriter {
  public:
    BlobWriter(Repository& repository, WriterSettings settings);

    /// Runs `body(number)` on every compute thread and saves packs beside it on others. When all
    /// have returned, the last packs and the index are saved. The first error of anybody ends it; a
    /// body asks `is_failed()` now and then.
    Result<> run(const std::function<Result<>(unsigned)>& body);

    /// Stores a blob unless it is there or another thread stores it; its id must be the content's
    /// hash. True when it was new. Called within `run`.
    Result<bool> put(BlobType type, const ObjectId& id, ByteView content);
    /// Stores a sealed blob as it is, without asking whether it is there: for prune and copy.
    Result<> put_sealed(const PackedBlob& blob, ByteView sealed);

    [[nodiscard]] bool is_failed() const { return is_failed_; }
    void fail(Error error);
    void wake_all();
    [[nodiscard]] WriterTotals totals() const;
    /// Names of the index files written so far.
    [[nodiscard]] std::vector<ObjectId> index_files() const;
    [[nodiscard]] unsigned compute_threads() const { return compute_threads_; }

  private:
    struct OpenPack {
        BlobType type = BlobType::kData;
        Buffer bytes;
        std::vector<PackedBlob> blobs;
        std::optional<ObjectId> id;  ///< Known once it is complete and hashed.
    };

    Result<OpenPack> take_open(BlobType type);
    Result<> give_back(OpenPack pack);
    void seal_into(OpenPack& pack, BlobType type, const ObjectId& id, ByteView content);
    void count(const PackedBlob& blob);
    Result<> enqueue(OpenPack pack);
    std::vector<OpenPack> dequeue();
    void save_loop();
    void complete(OpenPack& pack) const;
    void hash(std::vector<OpenPack>& packs) const;
    Result<> save(OpenPack pack);
    Result<> note_saved(IndexedPack pack);
    Result<> flush_open_packs();
    Result<> write_index(std::vector<IndexedPack> packs);
    void end_computing(unsigned& running);

    Repository& repository_;
    WriterSettings settings_;
    unsigned compute_threads_;
    unsigned savers_;

    std::atomic<bool> is_failed_{false};
    mutable std::mutex mutex_;
    // Apart, since every blob frees a pack, and who waits for full ones must not wake for each.
    std::condition_variable pack_free_;     // An open pack, or room for one more.
    std::condition_variable queue_free_;    // Room for a full pack.
    std::condition_variable queue_filled_;  // Full packs, or the end.
    std::optional<Error> error_;
    std::vector<OpenPack> open_[2];  // By BlobType. NOLINT
    std::deque<OpenPack> queue_;     // Full; they wait to be hashed.
    std::deque<OpenPack> hashed_;    // They wait to be written.
    std::vector<Buffer> spare_;      // Emptied packs: memory that is mapped already.
    std::size_t live_ = 0;           // Packs that are not written yet: each has its memory.
    bool is_closed_ = false;         // Nothing more will be queued.
    WriterTotals totals_;
    std::vector<IndexedPack> unindexed_;
    std::size_t unindexed_blobs_ = 0;
    std::vector<ObjectId> index_files_;
};

}  // namespace muster::backup

#include "backup/blob_writer.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "backup/codec/sha256.h"
#include "backup/format/index_file.h"

namespace muster::backup {

namespace {

constexpr std::size_t kIndexBlobs = 50'000;  // restic's: an index with so many is closed.
constexpr std::size_t kHashedAtOnce = 2;     // More gain nothing: see the bench "codec".
constexpr std::size_t kMostQueued = 2;       // Packs that wait for a saver.
// Packs beside those that are being filled. More than can be queued, or nobody could go on.
constexpr std::size_t kMostUnsaved = 4;
constexpr std::size_t kLargestBlob = (8U << 20U) + (64U << 10U);  // With what zstd may add.
constexpr unsigned kMostSavers = 5;

Compressor& compressor_of_thread(Compression mode) {
    thread_local Compression made_for = mode;
    thread_local std::unique_ptr<Compressor> compressor;
    if (!compressor || made_for != mode) {
        compressor = std::make_unique<Compressor>(mode);
        made_for = mode;
    }
    return *compressor;
}

}  // namespace

BlobWriter::BlobWriter(Repository& repository, WriterSettings settings)
    : repository_(repository),
      settings_(settings),
      compute_threads_(settings.compute_threads != 0 ? settings.compute_threads
                                                     : repository.host().cores()),
      savers_(std::min(kMostSavers, repository.store().traits().connections)) {
}

void BlobWriter::fail(Error error) {
    const std::scoped_lock lock(mutex_);
    if (!error_) {
        error_ = std::move(error);
    }
    is_failed_ = true;
    wake_all();
}

void BlobWriter::wake_all() {
    pack_free_.notify_all();
    queue_free_.notify_all();
    queue_filled_.notify_all();
}

WriterTotals BlobWriter::totals() const {
    const std::scoped_lock lock(mutex_);
    return totals_;
}

std::vector<ObjectId> BlobWriter::index_files() const {
    const std::scoped_lock lock(mutex_);
    return index_files_;
}

void BlobWriter::end_computing(unsigned& running) {
    {
        const std::scoped_lock lock(mutex_);
        if (--running > 0) {
            return;
        }
    }
    if (!is_failed_) {
        if (auto flushed = flush_open_packs(); !flushed) {
            fail(std::move(flushed).error());
        }
    }
    const std::scoped_lock lock(mutex_);
    is_closed_ = true;
    wake_all();
}

Result<> BlobWriter::run(const std::function<Result<>(unsigned)>& body) {
    unsigned running = compute_threads_;
    repository_.host().run_parallel(compute_threads_ + savers_, [&](unsigned number) {
        if (number >= compute_threads_) {
            save_loop();
            return;
        }
        if (auto done = body(number); !done) {
            fail(std::move(done).error());
        }
        end_computing(running);
    });
    if (error_) {
        return *std::exchange(error_, std::nullopt);
    }
    return write_index(std::exchange(unindexed_, {}));
}

Result<BlobWriter::OpenPack> BlobWriter::take_open(BlobType type) {
    std::unique_lock lock(mutex_);
    auto& open = open_[static_cast<std::size_t>(type)];
    pack_free_.wait(lock, [&] {
        return !open.empty() || live_ < compute_threads_ + kMostUnsaved || is_failed_;
    });
    if (is_failed_) {
        return Error(Errc::kCancelled, "saving has failed");
    }
    OpenPack pack;
    if (!open.empty()) {
        pack = std::move(open.back());
        open.pop_back();
        return pack;
    }
    ++live_;
    pack.type = type;
    if (!spare_.empty()) {
        pack.bytes = std::move(spare_.back());
        spare_.pop_back();
    }
    // The system gives the memory when it is touched; growing would copy it.
    pack.bytes.reserve(settings_.pack_size + kLargestBlob);
    return pack;
}

Result<> BlobWriter::give_back(OpenPack pack) {
    if (pack.bytes.size() >= settings_.pack_size) {
        return enqueue(std::move(pack));
    }
    const std::scoped_lock lock(mutex_);
    open_[static_cast<std::size_t>(pack.type)].push_back(std::move(pack));
    pack_free_.notify_all();
    return {};
}

void BlobWriter::count(const PackedBlob& blob) {
    const std::scoped_lock lock(mutex_);
    const auto type = static_cast<std::size_t>(blob.type);
    totals_.blobs[type] += 1;
    totals_.plain_bytes[type] += blob.content_length();
    totals_.stored_bytes[type] += blob.length;
}

void BlobWriter::seal_into(OpenPack& pack, BlobType type, const ObjectId& id, ByteView content) {
    const std::size_t start = pack.bytes.size();
    const std::size_t room = std::max(Compressor::bound(content.size()), content.size());
    pack.bytes.resize(start + Sealer::kOverhead + room);
    std::uint8_t* sealed = pack.bytes.data() + start;
    std::size_t frame = 0;
    if (repository_.config().may_compress()) {
        auto& compressor = compressor_of_thread(settings_.compression);
        const ByteSpan out{sealed + Sealer::kIvSize, room};
        frame = type == BlobType::kTree ? compressor.compress_always(content, out)
                                        : compressor.compress_data(content, out);
    }
    const ByteView plain =
        frame == 0 ? content : ByteView{sealed + Sealer::kIvSize, frame};  // Sealed where it lies.
    const std::size_t length = plain.size() + Sealer::kOverhead;
    repository_.sealer().seal(plain, repository_.draw_iv(), {sealed, length});
    pack.bytes.resize(start + length);
    pack.blobs.push_back({id, type, static_cast<std::uint32_t>(start),
                          static_cast<std::uint32_t>(length),
                          frame == 0 ? 0 : static_cast<std::uint32_t>(content.size())});
}

Result<bool> BlobWriter::put(BlobType type, const ObjectId& id, ByteView content) {
    if (!repository_.index().claim(type, id)) {
        return false;
    }
    if (settings_.is_dry_run) {
        count({id, type, 0, static_cast<std::uint32_t>(content.size() + Sealer::kOverhead), 0});
        return true;
    }
    TRY(OpenPack pack, take_open(type));
    seal_into(pack, type, id, content);
    count(pack.blobs.back());
    TRY_OK(give_back(std::move(pack)));
    return true;
}

Result<> BlobWriter::put_sealed(const PackedBlob& blob, ByteView sealed) {
    TRY(OpenPack pack, take_open(blob.type));
    PackedBlob moved = blob;
    moved.offset = static_cast<std::uint32_t>(pack.bytes.size());
    pack.bytes.append(sealed);
    pack.blobs.push_back(moved);
    count(moved);
    return give_back(std::move(pack));
}

Result<> BlobWriter::enqueue(OpenPack pack) {
    std::unique_lock lock(mutex_);
    queue_free_.wait(lock, [&] { return queue_.size() < kMostQueued || is_failed_; });
    if (is_failed_) {
        return Error(Errc::kCancelled, "saving has failed");
    }
    queue_.push_back(std::move(pack));
    queue_filled_.notify_all();
    return {};
}

/// What a saver does next: a pack that is hashed, or two that are to be hashed side by side, which
/// takes little longer than one; a single one only when no other will come. Nothing: all is done.
std::vector<BlobWriter::OpenPack> BlobWriter::dequeue() {
    std::unique_lock lock(mutex_);
    queue_filled_.wait(lock, [&] {
        return !hashed_.empty() || queue_.size() >= kHashedAtOnce || is_closed_ || is_failed_;
    });
    std::vector<OpenPack> packs;
    if (is_failed_) {
        return packs;
    }
    auto& from = hashed_.empty() ? queue_ : hashed_;
    const std::size_t most = hashed_.empty() ? kHashedAtOnce : 1;
    while (!from.empty() && packs.size() < most) {
        packs.push_back(std::move(from.front()));
        from.pop_front();
    }
    queue_free_.notify_all();
    return packs;
}

void BlobWriter::save_loop() {
    for (auto packs = dequeue(); !packs.empty(); packs = dequeue()) {
        if (!packs.front().id) {
            std::ranges::for_each(packs, [this](OpenPack& pack) { complete(pack); });
            hash(packs);
        }
        OpenPack pack = std::move(packs.front());
        if (packs.size() > 1) {
            const std::scoped_lock lock(mutex_);
            hashed_.push_back(std::move(packs.back()));
            queue_filled_.notify_all();
        }
        if (auto saved = save(std::move(pack)); !saved) {
            fail(std::move(saved).error());
            return;
        }
    }
}

void BlobWriter::complete(OpenPack& pack) const {
    const Buffer header = encode_pack_header(pack.blobs);
    const std::size_t start = pack.bytes.size();
    const auto length = static_cast<std::uint32_t>(header.size() + Sealer::kOverhead);
    pack.bytes.resize(start + length + kPackLengthField);
    std::uint8_t* sealed = pack.bytes.data() + start;
    repository_.sealer().seal(header.view(), repository_.draw_iv(), {sealed, length});
    for (unsigned i = 0; i < kPackLengthField; ++i) {
        sealed[length + i] = static_cast<std::uint8_t>(length >> (8 * i));
    }
}

void BlobWriter::hash(std::vector<OpenPack>& packs) const {
    std::vector<ByteView> messages;
    messages.reserve(packs.size());
    for (const auto& pack : packs) {
        messages.push_back(pack.bytes.view());
    }
    std::vector<ObjectId> ids(packs.size());
    sha256_many(messages, ids);
    for (std::size_t i = 0; i < packs.size(); ++i) {
        packs[i].id = ids[i];
    }
}

Result<> BlobWriter::save(OpenPack pack) {
    TRY_OK(repository_.store().write({FileKind::kPack, pack.id->hex()}, pack.bytes.view()));
    const ObjectId id = *pack.id;
    if (Cache* const cache = repository_.pack_cache(); cache && pack.type == BlobType::kTree) {
        cache->store(Repository::cached_pack(id), pack.bytes.view());
    }
    {
        const std::scoped_lock lock(mutex_);
        --live_;
        pack.bytes.clear();
        spare_.push_back(std::move(pack.bytes));
        pack_free_.notify_all();
    }
    return note_saved({id, std::move(pack.blobs)});
}

Result<> BlobWriter::note_saved(IndexedPack pack) {
    std::vector<IndexedPack> full;
    {
        const std::scoped_lock lock(mutex_);
        unindexed_blobs_ += pack.blobs.size();
        unindexed_.push_back(std::move(pack));
        if (unindexed_blobs_ < kIndexBlobs) {
            return {};
        }
        full = std::exchange(unindexed_, {});
        unindexed_blobs_ = 0;
    }
    return write_index(std::move(full));
}

Result<> BlobWriter::write_index(std::vector<IndexedPack> packs) {
    if (packs.empty()) {
        return {};
    }
    if (settings_.may_index) {
        TRY_OK(settings_.may_index());
    }
    TRY(const auto id, repository_.save_unpacked(FileKind::kIndex, bytes_of(encode_index(packs))));
    const std::scoped_lock lock(mutex_);
    index_files_.push_back(id);
    return {};
}

/// Threads left several packs that are not full: what fits goes into one.
Result<> BlobWriter::flush_open_packs() {
    for (auto& open : open_) {
        OpenPack whole;
        for (auto& pack : std::exchange(open, {})) {
            if (whole.bytes.size() + pack.bytes.size() > settings_.pack_size * 2) {
                TRY_OK(enqueue(std::exchange(whole, {})));
            }
            if (whole.blobs.empty()) {
                whole = std::move(pack);
                continue;
            }
            const auto shift = static_cast<std::uint32_t>(whole.bytes.size());
            whole.bytes.append(pack.bytes.view());
            for (auto blob : pack.blobs) {
                blob.offset += shift;
                whole.blobs.push_back(blob);
            }
        }
        if (!whole.blobs.empty()) {
            TRY_OK(enqueue(std::move(whole)));
        }
    }
    return {};
}

}  // namespace muster::backup

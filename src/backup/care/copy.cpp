#include "backup/care/copy.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "backup/care/pack_reader.h"
#include "backup/care/tree_walk.h"

namespace muster::backup {

namespace {

/// Keeps the first thing that is wrong.
class FirstProblem final : public WalkObserver {
  public:
    void on_bad_tree(const ObjectId& /*tree*/, const Error& error) override { note(error); }
    void on_bad_node(const ObjectId& /*tree*/, const Node& node, const Error& error) override {
        note(Error(error).with(node.name));
    }
    [[nodiscard]] const std::optional<Error>& problem() const { return first_; }

  private:
    void note(const Error& error) {
        const std::scoped_lock lock(mutex_);
        if (!first_) {
            first_ = error;
        }
    }
    std::mutex mutex_;
    std::optional<Error> first_;
};

std::vector<ObjectId> trees_of(const std::vector<const Snapshot*>& snapshots) {
    std::vector<ObjectId> trees;
    trees.reserve(snapshots.size());
    for (const auto* const snapshot : snapshots) {
        trees.push_back(snapshot->tree);
    }
    return trees;
}

bool are_same_keys(const MasterKey& left, const MasterKey& right) {
    return left.encrypt == right.encrypt && left.mac_k == right.mac_k && left.mac_r == right.mac_r;
}

}  // namespace

bool is_copy_of(const Snapshot& there, const Snapshot& source) {
    const auto origin = [](const Snapshot& snapshot) {
        return snapshot.original.value_or(snapshot.id);
    };
    const auto alike = [](const Snapshot& snapshot) {
        return std::tuple(snapshot.time.seconds, snapshot.time.nanoseconds, snapshot.tree,
                          snapshot.hostname, snapshot.username, snapshot.uid, snapshot.gid,
                          snapshot.paths, snapshot.excludes, snapshot.tags);
    };
    return origin(there) == origin(source) && alike(there) == alike(source);
}

Result<> SnapshotCopy::choose(const std::vector<const Snapshot*>& chosen,
                              const std::vector<Snapshot>& there) {
    for (const auto* const snapshot : chosen) {
        const auto copy = std::ranges::find_if(
            there, [&](const Snapshot& other) { return is_copy_of(other, *snapshot); });
        if (copy != there.end()) {
            observer_.on_skipped(*snapshot, copy->id);
        } else {
            missing_.push_back(snapshot);
        }
    }
    wanted_ = std::make_unique<EntrySet>(source_.index().size());
    FirstProblem watch;
    TRY_OK(mark_reachable(source_, trees_of(missing_), *wanted_, watch));
    return watch.problem() ? leave_damaged_out() : Result<>{};
}

/// Something is damaged: each snapshot is looked at by itself, and the good ones are copied.
Result<> SnapshotCopy::leave_damaged_out() {
    std::vector<const Snapshot*> good;
    for (const auto* const snapshot : missing_) {
        EntrySet reached(source_.index().size());
        FirstProblem watch;
        TRY_OK(mark_reachable(source_, std::span(&snapshot->tree, 1), reached, watch));
        if (watch.problem()) {
            ++damaged_;
            observer_.on_error(*snapshot, *watch.problem());
        } else {
            good.push_back(snapshot);
        }
    }
    missing_ = std::move(good);
    wanted_ = std::make_unique<EntrySet>(source_.index().size());
    FirstProblem none;
    return mark_reachable(source_, trees_of(missing_), *wanted_, none);
}

Result<> SnapshotCopy::copy_blob(BlobWriter& writer, const PackedBlob& blob,
                                 ByteView sealed) const {
    const bool may_compress = target_.config().may_compress();
    const bool is_kept =
        blob.is_compressed() ? may_compress : !may_compress || blob.type == BlobType::kData;
    if (is_kept && are_same_keys(source_.master_key(), target_.master_key())) {
        return writer.put_sealed(blob, sealed);
    }
    TRY(const auto content, source_.open_blob(blob, sealed));
    if (!blob.is_compressed() || !may_compress) {
        TRY(const bool is_new, writer.put(blob.type, blob.id, content.view()));
        (void)is_new;
        return {};
    }
    // The frame that was just proved good is sealed with the other key.
    thread_local Buffer anew;
    anew.resize(sealed.size());
    const ByteSpan frame{anew.data() + Sealer::kIvSize, sealed.size() - Sealer::kOverhead};
    TRY_OK(source_.sealer().open(sealed, frame));
    target_.sealer().seal(frame, target_.draw_iv(), anew.span());
    return writer.put_sealed(blob, anew.view());
}

Result<> SnapshotCopy::copy_blobs() {
    const auto& index = source_.index();
    std::vector<std::uint32_t> packs;
    const auto count = static_cast<std::uint32_t>(index.packs().size());
    for (std::uint32_t pack = 0; pack < count; ++pack) {
        const auto range = index.entries_of(pack);
        bool is_needed = false;
        for (std::uint32_t i = range.first; i < range.first + range.count; ++i) {
            const auto blob = index.at(i).blob;
            if (wanted_->contains(i) && target_.index().has(blob.type, blob.id)) {
                wanted_->erase(i);
            }
            is_needed = is_needed || wanted_->contains(i);
        }
        if (is_needed) {
            packs.push_back(pack);
        }
    }
    if (packs.empty()) {
        return {};
    }
    BlobWriter writer(target_, writing_);
    std::atomic<std::size_t> next{0};
    std::mutex mutex;
    std::size_t done = 0;
    TRY_OK(writer.run([&](unsigned) -> Result<> {
        PackReader reader(source_);
        const auto take = [&](const PackedBlob& blob, ByteView sealed) {
            return copy_blob(writer, blob, sealed);
        };
        for (std::size_t i = next++; i < packs.size() && !writer.is_failed(); i = next++) {
            if (source_.host().is_stopped() || target_lock_.is_lost()) {
                return Error(Errc::kCancelled, "told to stop; no snapshot was copied");
            }
            TRY_OK(reader.read(packs[i], *wanted_, take));
            const std::scoped_lock lock(mutex);
            observer_.on_progress(++done, packs.size());
        }
        return {};
    }));
    totals_ = writer.totals();
    return {};
}

Result<> SnapshotCopy::save_snapshots() {
    for (const auto* const snapshot : missing_) {
        Snapshot copy = *snapshot;
        copy.parent.reset();  // It names a snapshot of the other repository.
        copy.original = snapshot->original.value_or(snapshot->id);
        TRY_OK(target_lock_.verify());
        TRY(const auto id,
            target_.save_unpacked(FileKind::kSnapshot, bytes_of(encode_snapshot(copy))));
        observer_.on_copied(*snapshot, id);
    }
    return {};
}

Result<std::size_t> SnapshotCopy::run(const std::vector<const Snapshot*>& chosen,
                                      const std::vector<Snapshot>& there) {
    TRY_OK(choose(chosen, there));
    TRY_OK(copy_blobs());
    TRY_OK(save_snapshots());
    return damaged_;
}

}  // namespace muster::backup

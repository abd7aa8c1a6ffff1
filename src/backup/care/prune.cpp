#include "backup/care/prune.h"

#include <algorithm>
#include <atomic>
#include <iterator>
#include <set>
#include <utility>

#include "backup/care/pack_reader.h"
#include "backup/care/tree_walk.h"
#include "backup/format/index_file.h"
#include "backup/snapshot.h"

// The order is everything: new packs, new index files, then a last look at the repository, then
// the old index files go, then the packs that no index lists any more. Whoever reads meanwhile, and
// whoever comes after a crash at any point, finds every used blob in a pack that an index lists.

namespace muster::backup {

namespace {

constexpr std::size_t kIndexBlobs = 50'000;  // restic's: an index with so many is closed.
constexpr std::size_t kManySmall = 8;        // So many index files that are not full are merged.
constexpr std::size_t kVerifyEvery = 256;    // Packs removed between two looks at the lock.

Result<std::vector<Listed>> sorted_list(BlobStore& store, FileKind kind) {
    TRY(auto listed, store.list(kind));
    std::ranges::sort(listed);
    return listed;
}

/// Ends with the first thing that is not as it must be.
class StrictObserver final : public WalkObserver {
  public:
    void on_bad_tree(const ObjectId& tree, const Error& error) override {
        note(Error(error).with("tree " + tree.brief()));
    }
    void on_bad_node(const ObjectId& tree, const Node& node, const Error& error) override {
        note(Error(error).with("tree " + tree.brief() + ": " + node.name));
    }
    [[nodiscard]] Result<> outcome() const {
        return first_ ? Result<>(Error(Errc::kCorrupt, first_->message(),
                                       "nothing was removed, since what a damaged snapshot uses "
                                       "can't be told; run `muster check`"))
                      : Result<>{};
    }

  private:
    void note(Error error) {
        const std::scoped_lock lock(mutex_);
        if (!first_) {
            first_ = std::move(error);
        }
    }
    std::mutex mutex_;
    std::optional<Error> first_;
};

Error changed(const std::string& what) {
    return Error(Errc::kConflict, what + " while this ran, although the repository is locked",
                 "nothing was removed; find out who writes without a lock, then run it again");
}

std::size_t blobs_in(const BlobIndex& index, const IndexFiles::File& file) {
    std::size_t blobs = 0;
    for (const auto pack : file.packs) {
        blobs += index.entries_of(pack).count;
    }
    return blobs;
}

/// A full store needs the way that frees before it writes.
Error not_rewritten(Error error) {
    if (error.code() != Errc::kDenied) {
        return error;
    }
    return std::move(error).hinting(
        "nothing was removed; on a full store make room, or prune with --max-repack-size 0: that "
        "writes no pack anew");
}

}  // namespace

Result<std::vector<ObjectId>> save_indexes(const Repository& repository,
                                           std::vector<IndexedPack> packs) {
    std::vector<ObjectId> saved;
    std::size_t first = 0;
    std::size_t blobs = 0;
    for (std::size_t i = 0; i < packs.size(); ++i) {
        blobs += packs[i].blobs.size();
        if (blobs >= kIndexBlobs || i + 1 == packs.size()) {
            const auto some = std::span(packs).subspan(first, i + 1 - first);
            TRY(const auto id,
                repository.save_unpacked(FileKind::kIndex, bytes_of(encode_index(some))));
            saved.push_back(id);
            first = i + 1;
            blobs = 0;
        }
    }
    return saved;
}

Result<> put_compressed(const Repository& repository, BlobWriter& writer, const PackedBlob& blob,
                        ByteView sealed, Compression compression) {
    thread_local Compressor compressor(compression);
    TRY(const auto content, repository.open_blob(blob, sealed));
    Buffer anew(Sealer::kOverhead + Compressor::bound(content.size()));
    const ByteSpan room{anew.data() + Sealer::kIvSize, Compressor::bound(content.size())};
    const std::size_t frame = blob.type == BlobType::kTree
                                  ? compressor.compress_always(content.view(), room)
                                  : compressor.compress_data(content.view(), room);
    if (frame == 0 || content.empty()) {
        return writer.put_sealed(blob, sealed);
    }
    anew.resize(frame + Sealer::kOverhead);
    repository.sealer().seal(room.first(frame), repository.draw_iv(), anew.span());
    PackedBlob smaller = blob;
    smaller.length = static_cast<std::uint32_t>(anew.size());
    smaller.plain_length = static_cast<std::uint32_t>(content.size());
    return writer.put_sealed(smaller, anew.view());
}

Result<> Prune::mark_used() {
    std::vector<ObjectId> roots;
    for (const auto& file : snapshots_) {
        TRY(const auto id, ObjectId::parse(file.name));
        if (std::ranges::find(settings_.ignored, id) != settings_.ignored.end()) {
            continue;
        }
        TRY(const auto json, repository_.load_unpacked(FileKind::kSnapshot, id)
                                 .with("snapshot " + id.brief() + ", nothing was removed"));
        TRY(const auto snapshot, decode_snapshot(json.text(), id)
                                     .with("snapshot " + id.brief() + ", nothing was removed"));
        roots.push_back(snapshot.tree);
    }
    observer_.on_step("find what " + std::to_string(roots.size()) + " snapshots use");
    used_ = std::make_unique<EntrySet>(repository_.index().size());
    StrictObserver strict;
    TRY_OK(mark_reachable(repository_, roots, *used_, strict));
    return strict.outcome();
}

Result<PrunePlan> Prune::plan() {
    auto& store = repository_.store();
    observer_.on_step("load indexes");
    // Snapshots before the index: of a snapshot that is listed all index files are there.
    TRY(snapshots_, sorted_list(store, FileKind::kSnapshot));
    TRY(indexes_, load_index_files(repository_));
    if (!indexes_.unreadable.empty()) {
        return Error(Errc::kCorrupt, indexes_.problems.front().message(),
                     "nothing was removed; run `muster repair index`");
    }
    if (!indexes_.contradictory.empty()) {
        return Error(Errc::kCorrupt,
                     "index files contradict each other about pack " +
                         indexes_.contradictory.front().brief(),
                     "nothing was removed; run `muster repair index`");
    }
    TRY(packs_, sorted_list(store, FileKind::kPack));
    TRY_OK(mark_used());
    if (settings_.is_space_recovered) {
        settings_.max_repack = 0;
    }
    settings_.may_compress = repository_.config().may_compress();
    return plan_around_locks();
}

Result<> Prune::repack(const PrunePlan& plan) {
    std::vector<std::uint32_t> packs;
    for (std::uint32_t pack = 0; pack < plan.fates.size(); ++pack) {
        if (plan.fates[pack] == PackFate::kRepack) {
            packs.push_back(pack);
        }
    }
    if (packs.empty()) {
        return {};
    }
    observer_.on_step("write " + std::to_string(packs.size()) + " packs anew");
    WriterSettings writing;
    writing.pack_size = settings_.pack_size;
    writing.compression = settings_.compression;
    BlobWriter writer(repository_, writing);
    std::atomic<std::size_t> next{0};
    std::size_t done = 0;
    auto written = writer.run([&](unsigned) -> Result<> {
        PackReader reader(repository_);
        const auto take = [&](const PackedBlob& blob, ByteView sealed) {
            const bool is_compressed_anew =
                settings_.may_compress && !blob.is_compressed() &&
                (blob.type == BlobType::kTree || settings_.is_uncompressed_repacked);
            return is_compressed_anew
                       ? put_compressed(repository_, writer, blob, sealed, settings_.compression)
                       : writer.put_sealed(blob, sealed);
        };
        for (std::size_t i = next++; i < packs.size() && !writer.is_failed(); i = next++) {
            if (repository_.host().is_stopped() || lock_.is_lost()) {
                return Error(Errc::kCancelled, "told to stop; nothing was removed");
            }
            TRY_OK(reader.read(packs[i], plan.keep, take));
            const std::scoped_lock lock(mutex_);
            observer_.on_progress("packs written anew:", ++done, packs.size());
        }
        return {};
    });
    if (!written) {
        return not_rewritten(std::move(written).error());
    }
    new_indexes_ = writer.index_files();
    return {};
}

/// Index files that list a pack that goes are written anew without it; so are small ones, when
/// there are many. A locked one stays: nothing that it lists goes.
Result<std::vector<const IndexFiles::File*>> Prune::choose_old_indexes(const PrunePlan& plan) {
    std::vector<const IndexFiles::File*> chosen;
    std::vector<const IndexFiles::File*> small;
    for (const auto& file : indexes_.files) {
        const bool is_affected = plan.changes(file.packs) || file.packs.empty();
        if (is_affected || blobs_in(repository_.index(), file) < kIndexBlobs / 2) {
            (is_affected ? chosen : small).push_back(&file);
        }
    }
    if (chosen.size() + small.size() >= kManySmall) {
        chosen.insert(chosen.end(), small.begin(), small.end());
    }
    std::vector<const IndexFiles::File*> free;
    for (const auto* const file : chosen) {
        TRY(const bool is_kept, is_locked({FileKind::kIndex, file->id.hex()}));
        if (!is_kept) {
            free.push_back(file);
        }
    }
    return free;
}

Result<> Prune::write_indexes(const PrunePlan& plan) {
    const auto& index = repository_.index();
    TRY(const auto old, choose_old_indexes(plan));
    std::ranges::transform(old, std::back_inserter(old_indexes_), &IndexFiles::File::id);
    std::ranges::sort(old_indexes_);
    std::set<std::uint32_t> listed_elsewhere;
    std::set<std::uint32_t> kept;
    for (const auto& file : indexes_.files) {
        const bool is_old = std::ranges::binary_search(old_indexes_, file.id);
        (is_old ? kept : listed_elsewhere).insert(file.packs.begin(), file.packs.end());
    }
    std::erase_if(kept, [&](auto pack) {
        return plan.fates[pack] != PackFate::kKeep || listed_elsewhere.contains(pack);
    });
    if (settings_.is_space_recovered) {
        TRY_OK(remove_indexes());
        TRY_OK(remove_packs(plan));
    }
    std::vector<IndexedPack> packs;
    packs.reserve(kept.size());
    for (const auto pack : kept) {
        packs.push_back({index.pack_name(pack), blobs_of_pack(index, pack)});
    }
    TRY(const auto saved, save_indexes(repository_, std::move(packs)));
    new_indexes_.insert(new_indexes_.end(), saved.begin(), saved.end());
    return {};
}

/// The last look before anything goes: all lists once more. A list that ended early the first time
/// shows now, and so does whoever wrote in spite of the lock.
Result<> Prune::check_unchanged() {
    auto& store = repository_.store();
    TRY(const auto snapshots, sorted_list(store, FileKind::kSnapshot));
    if (snapshots != snapshots_) {
        return changed("the list of snapshots changed");
    }
    std::vector<std::string> expected;
    expected.reserve(indexes_.files.size() + new_indexes_.size());
    for (const auto& file : indexes_.files) {
        expected.push_back(file.id.hex());
    }
    std::ranges::transform(new_indexes_, std::back_inserter(expected), &ObjectId::hex);
    std::ranges::sort(expected);
    TRY(const auto indexes, sorted_list(store, FileKind::kIndex));
    if (!std::ranges::equal(indexes, expected, {}, &Listed::name)) {
        return changed("the list of index files changed");
    }
    TRY(const auto packs, sorted_list(store, FileKind::kPack));
    const bool have_we_written = !new_indexes_.empty();
    if (have_we_written ? !std::ranges::includes(packs, packs_) : packs != packs_) {
        return changed("the list of packs changed");
    }
    return lock_.verify();
}

/// True when it is gone.
Result<bool> Prune::remove(const StoredName& name) {
    auto gone = repository_.store().remove(name);
    if (gone || gone.error().code() == Errc::kNotFound) {
        return true;
    }
    if (gone.error().code() != Errc::kDenied) {
        return std::move(gone).error().with("while removing " + name.str());
    }
    ++problems_;
    observer_.on_error(std::move(gone).error().with(name.str() + " could not be removed"));
    return false;
}

Result<> Prune::remove_indexes() {
    observer_.on_step("remove " + std::to_string(old_indexes_.size()) + " old index files");
    for (const auto& id : old_indexes_) {
        TRY(const bool is_gone, remove({FileKind::kIndex, id.hex()}));
        if (!is_gone) {
            return Error(Errc::kDenied, "an old index file can't be removed, so its packs stay too",
                         "the repository is whole; prune it with rights to remove files");
        }
    }
    TRY(const auto left, sorted_list(repository_.store(), FileKind::kIndex));
    for (const auto& file : left) {
        const auto id = ObjectId::parse(file.name);
        if (id && std::ranges::binary_search(old_indexes_, *id)) {
            return Error(Errc::kUnavailable,
                         "index file " + id->brief() + " is still listed after its removal",
                         "the repository is whole; run it again later");
        }
    }
    return {};
}

/// Removes a pack that no index lists; `number` tells when to look at the lock again.
Result<> Prune::remove_pack(const ObjectId& pack, std::size_t number) {
    auto gone = repository_.store().remove({FileKind::kPack, pack.hex()});
    const std::scoped_lock lock(mutex_);
    if (!gone && gone.error().code() == Errc::kDenied) {
        ++problems_;
        observer_.on_error(
            std::move(gone).error().with("pack " + pack.brief() + " could not be removed"));
    } else if (!gone && gone.error().code() != Errc::kNotFound) {
        return std::move(gone).error().with("while removing pack " + pack.brief());
    }
    if (repository_.host().is_stopped()) {
        return Error(Errc::kCancelled,
                     "told to stop; packs that no index lists are left, the next "
                     "prune removes them");
    }
    return number % kVerifyEvery == 0 ? lock_.verify() : Result<>{};
}

Result<> Prune::remove_packs(const PrunePlan& plan) {
    const auto packs = plan.packs_to_remove(repository_.index());
    if (packs.empty()) {
        return {};
    }
    observer_.on_step("remove " + std::to_string(packs.size()) + " packs");
    std::atomic<std::size_t> next{0};
    Result<> outcome;
    const auto work = [&](unsigned) {
        for (std::size_t i = next++; i < packs.size(); i = next++) {
            auto removed = remove_pack(packs[i], i);
            const std::scoped_lock lock(mutex_);
            observer_.on_progress("packs removed:", i + 1, packs.size());
            if (!removed) {
                outcome = std::move(removed);
                next = packs.size();
            }
        }
    };
    repository_.host().run_parallel(calls_at_once(packs.size()), work);
    return outcome;
}

/// Somebody who had stood still and whose lock was taken for dead may have gone on. What they wrote
/// may lean on what was just removed.
Result<> Prune::look_for_intruders() {
    TRY(const auto now, sorted_list(repository_.store(), FileKind::kSnapshot));
    std::vector<Listed> fresh;
    std::ranges::set_difference(now, snapshots_, std::back_inserter(fresh));
    for (const auto& file : fresh) {
        ++problems_;
        observer_.on_error(
            Error(Errc::kConflict, "snapshot " + file.name.substr(0, 8) +
                                       " was written while this ran by somebody without a lock; "
                                       "run `muster check` and make that backup again"));
    }
    return {};
}

Result<std::size_t> Prune::run() {
    TRY(const auto plan, plan());
    observer_.on_plan(plan);
    if (settings_.is_dry_run || !plan.has_work()) {
        return problems_;
    }
    TRY_OK(check_unchanged());
    TRY_OK(repack(plan));
    TRY_OK(write_indexes(plan));
    if (!settings_.is_space_recovered) {
        TRY_OK(check_unchanged());
        TRY_OK(remove_indexes());
        TRY_OK(lock_.verify());
        TRY_OK(remove_packs(plan));
    }
    TRY_OK(look_for_intruders());
    return problems_;
}

}  // namespace muster::backup

#include "backup/care/repair_packs.h"

#include <algorithm>
#include <set>

#include "backup/blob_writer.h"
#include "backup/care/pack_check.h"
#include "backup/care/pack_reader.h"
#include "backup/care/prune.h"

namespace muster::backup {

namespace {

class PackMending {
  public:
    PackMending(Repository& repository, RepositoryLock& lock)
        : repository_(repository), lock_(lock) {}

    Result<PackRepair> run(const std::vector<ObjectId>& packs) {
        TRY(const auto indexes, load_index_files(repository_));
        if (!indexes.unreadable.empty() || !indexes.contradictory.empty()) {
            return Error(Errc::kCorrupt, "the index is damaged", "run `muster repair index` first");
        }
        good_ = std::make_unique<EntrySet>(repository_.index().size());
        for (const auto& pack : packs) {
            TRY_OK(examine(pack));
        }
        if (bad_.empty()) {
            return std::move(result_);
        }
        WriterSettings writing;
        writing.compute_threads = 1;
        BlobWriter writer(repository_, writing);
        TRY_OK(writer.run([&](unsigned) { return save_good(writer); }));
        TRY_OK(replace_indexes(indexes));
        find_lost();
        return std::move(result_);
    }

  private:
    Result<> examine(const ObjectId& pack) {
        const auto number = repository_.index().pack_number(pack);
        if (!number) {
            return Error(Errc::kNotFound, "pack " + pack.hex() + " is in no index",
                         "`muster check` names the packs that are damaged");
        }
        const auto range = repository_.index().entries_of(*number);
        const auto size = repository_.store().size({FileKind::kPack, pack.hex()});
        if (!size && size.error().code() != Errc::kNotFound) {
            return size.error();
        }
        if (!size) {
            bad_.insert(*number);
            return {};
        }
        TRY(const auto findings, PackChecker(repository_).check(pack, *size));
        if (findings.problems.empty()) {
            result_.not_damaged.push_back(pack);
            return {};
        }
        bad_.insert(*number);
        for (std::uint32_t i = range.first; i < range.first + range.count; ++i) {
            if (std::ranges::find(findings.damaged, i) == findings.damaged.end()) {
                good_->insert(i);
            }
        }
        return {};
    }

    Result<> save_good(BlobWriter& writer) {
        PackReader reader(repository_);
        for (const auto pack : bad_) {
            TRY_OK(reader.read(pack, *good_, [&](const PackedBlob& blob, ByteView sealed) {
                ++result_.saved;
                return writer.put_sealed(blob, sealed);
            }));
        }
        return {};
    }

    Result<> replace_indexes(const IndexFiles& indexes) {
        std::vector<IndexedPack> kept;
        std::vector<ObjectId> old;
        for (const auto& file : indexes.files) {
            if (std::ranges::none_of(file.packs,
                                     [this](auto pack) { return bad_.contains(pack); })) {
                continue;
            }
            old.push_back(file.id);
            for (const auto pack : file.packs) {
                if (!bad_.contains(pack)) {
                    kept.push_back({repository_.index().pack_name(pack),
                                    blobs_of_pack(repository_.index(), pack)});
                }
            }
        }
        TRY_OK(save_indexes(repository_, std::move(kept)));
        TRY_OK(lock_.verify());
        for (const auto& id : old) {
            auto gone = repository_.store().remove({FileKind::kIndex, id.hex()});
            if (!gone && gone.error().code() != Errc::kNotFound) {
                return std::move(gone).error().with("while removing the old index file " +
                                                    id.brief());
            }
        }
        return {};
    }

    void find_lost() {
        const auto& index = repository_.index();
        for (const auto pack : bad_) {
            for (const auto& blob : blobs_of_pack(index, pack)) {
                const auto numbers = index.numbers_of(blob.type, blob.id);
                const bool is_saved = std::ranges::any_of(numbers, [&](std::uint32_t number) {
                    return good_->contains(number) || !bad_.contains(index.at(number).pack);
                });
                if (!is_saved) {
                    result_.lost.push_back(blob);
                }
            }
        }
    }

    Repository& repository_;
    RepositoryLock& lock_;
    std::unique_ptr<EntrySet> good_;
    std::set<std::uint32_t> bad_;
    PackRepair result_;
};

}  // namespace

Result<PackRepair> repair_packs(Repository& repository, RepositoryLock& lock,
                                const std::vector<ObjectId>& packs) {
    return PackMending(repository, lock).run(packs);
}

}  // namespace muster::backup

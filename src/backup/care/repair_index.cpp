#include "backup/care/repair_index.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <mutex>

#include "backup/care/prune.h"

namespace muster::backup {

namespace {

class IndexMending {
  public:
    IndexMending(Repository& repository, RepositoryLock& lock)
        : repository_(repository), lock_(lock) {}

    Result<IndexRepair> run(bool is_all_read) {
        TRY(const auto indexes, load_index_files(repository_));
        TRY(listed_, repository_.store().list(FileKind::kPack));
        std::ranges::sort(listed_);
        compare(indexes, is_all_read);
        TRY_OK(read_headers());
        const bool is_bad = !indexes.unreadable.empty() || !indexes.contradictory.empty() ||
                            !indexes.listed_twice.empty() || !result_.dropped.empty() ||
                            !result_.added.empty() || is_all_read;
        if (is_bad) {
            TRY_OK(replace(indexes));
        }
        std::ranges::sort(result_.added);
        std::ranges::sort(result_.unreadable);
        return std::move(result_);
    }

  private:
    void compare(const IndexFiles& indexes, bool is_all_read) {
        const auto& index = repository_.index();
        for (const auto& pack : listed_) {
            const auto id = ObjectId::parse(pack.name);
            const auto number = id ? index.pack_number(*id) : std::nullopt;
            if (number && !is_all_read && !std::ranges::binary_search(indexes.contradictory, *id)) {
                auto blobs = blobs_of_pack(index, *number);
                if (pack_size(blobs) == pack.size) {
                    packs_.emplace(*id, std::move(blobs));
                    continue;
                }
            }
            to_read_.push_back(&pack);
        }
        for (const auto& id : index.packs()) {
            if (!std::ranges::binary_search(listed_, id.hex(), {}, &Listed::name)) {
                result_.dropped.push_back(id);
            }
        }
    }

    Result<> read_headers() {
        std::atomic<std::size_t> next{0};
        Result<> outcome;
        const auto work = [&](unsigned) {
            for (std::size_t i = next++; i < to_read_.size(); i = next++) {
                const auto id = ObjectId::parse(to_read_[i]->name);
                auto blobs = id ? repository_.read_pack_header(*id, to_read_[i]->size)
                                : Result<std::vector<PackedBlob>>(id.error());
                const std::scoped_lock lock(mutex_);
                if (blobs) {
                    note(*id, std::move(*blobs));
                } else if (id && blobs.error().code() == Errc::kCorrupt) {
                    result_.unreadable.push_back(*id);
                } else {  // The store can't be read: an index without the rest would be worse.
                    outcome = std::move(blobs).error();
                    next = to_read_.size();
                }
            }
        };
        const auto most =
            std::max(repository_.host().cores(), repository_.store().traits().connections);
        repository_.host().run_parallel(
            static_cast<unsigned>(std::min<std::size_t>(most, to_read_.size())), work);
        return outcome;
    }

    void note(const ObjectId& id, std::vector<PackedBlob> blobs) {
        const auto number = repository_.index().pack_number(id);
        if (!number || blobs_of_pack(repository_.index(), *number) != blobs) {
            result_.added.push_back(id);
        }
        packs_.emplace(id, std::move(blobs));
    }

    Result<> replace(const IndexFiles& indexes) {
        std::vector<IndexedPack> packs;
        packs.reserve(packs_.size());
        for (auto& [id, blobs] : packs_) {
            packs.push_back({id, std::move(blobs)});
        }
        TRY(const auto saved, save_indexes(repository_, std::move(packs)));
        result_.written_indexes = saved.size();
        auto old = indexes.unreadable;
        std::ranges::transform(indexes.files, std::back_inserter(old), &IndexFiles::File::id);
        TRY(auto again, repository_.store().list(FileKind::kPack));
        std::ranges::sort(again);
        if (again != listed_) {  // One of the lists ended early, or somebody writes.
            return Error(Errc::kConflict, "the list of packs changed while this ran",
                         "the old index is still there; run it again when nobody writes");
        }
        TRY_OK(lock_.verify());
        for (const auto& id : old) {
            if (std::ranges::find(saved, id) != saved.end()) {
                continue;
            }
            auto gone = repository_.store().remove({FileKind::kIndex, id.hex()});
            if (!gone && gone.error().code() != Errc::kNotFound) {
                return std::move(gone).error().with("while removing the old index file " +
                                                    id.brief());
            }
            ++result_.removed_indexes;
        }
        return {};
    }

    Repository& repository_;
    RepositoryLock& lock_;
    std::mutex mutex_;
    std::vector<Listed> listed_;
    std::vector<const Listed*> to_read_;
    std::map<ObjectId, std::vector<PackedBlob>> packs_;
    IndexRepair result_;
};

}  // namespace

Result<IndexRepair> repair_index(Repository& repository, RepositoryLock& lock, bool is_all_read) {
    return IndexMending(repository, lock).run(is_all_read);
}

}  // namespace muster::backup

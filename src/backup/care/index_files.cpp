#include "backup/care/index_files.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <utility>

#include "backup/format/index_file.h"

namespace muster::backup {

namespace {

void sort_by_offset(std::vector<PackedBlob>& blobs) {
    std::ranges::sort(blobs, {}, [](const PackedBlob& blob) {
        return std::tuple(blob.offset, blob.length, blob.id);
    });
}

/// Reads index files on several threads and puts them together.
class IndexLoad {
  public:
    explicit IndexLoad(Repository& repository) : repository_(repository) {}

    Result<IndexFiles> run() {
        TRY(auto listed, repository_.store().list(FileKind::kIndex));
        std::ranges::sort(listed);
        std::atomic<std::size_t> next{0};
        const auto most =
            std::max(repository_.host().cores(), repository_.store().traits().connections);
        const auto threads = std::min<std::size_t>(most, listed.size());
        repository_.host().run_parallel(static_cast<unsigned>(threads), [&](unsigned) {
            for (std::size_t i = next++; i < listed.size() && !is_failed_; i = next++) {
                load(listed[i]);
            }
        });
        if (error_) {
            return *std::exchange(error_, std::nullopt);
        }
        std::ranges::sort(result_.files, {}, &IndexFiles::File::id);
        for (auto* const names :
             {&result_.unreadable, &result_.listed_twice, &result_.contradictory}) {
            std::ranges::sort(*names);
            const auto doubled = std::ranges::unique(*names);
            names->erase(doubled.begin(), doubled.end());
        }
        return std::move(result_);
    }

  private:
    void load(const Listed& listed) {
        const auto id = ObjectId::parse(listed.name);
        std::vector<IndexedPack> packs;
        auto json =
            id ? repository_.load_unpacked(FileKind::kIndex, *id) : Result<Buffer>(id.error());
        auto decoded =
            json ? decode_index(*json, [&](IndexedPack& pack) { packs.push_back(std::move(pack)); })
                 : Result<>(json.error());
        const std::scoped_lock lock(mutex_);
        if (decoded) {
            add(*id, packs);
        } else if (decoded.error().code() == Errc::kCorrupt) {
            result_.unreadable.push_back(*id);
            result_.problems.push_back(
                std::move(decoded).error().with("the index file " + id->brief()));
        } else {
            is_failed_ = true;
            error_ = std::move(decoded).error().with("while reading the index");
        }
    }

    void add(const ObjectId& id, std::vector<IndexedPack>& packs) {
        IndexFiles::File file{id, {}};
        for (auto& pack : packs) {
            const auto known = repository_.index().pack_number(pack.id);
            if (known) {
                sort_by_offset(pack.blobs);
                const bool is_alike = blobs_of_pack(repository_.index(), *known) == pack.blobs;
                (is_alike ? result_.listed_twice : result_.contradictory).push_back(pack.id);
            } else {
                repository_.index().add(pack);
            }
            file.packs.push_back(*repository_.index().pack_number(pack.id));
        }
        result_.files.push_back(std::move(file));
    }

    Repository& repository_;
    std::mutex mutex_;
    std::atomic<bool> is_failed_{false};
    std::optional<Error> error_;
    IndexFiles result_;
};

}  // namespace

Result<IndexFiles> load_index_files(Repository& repository) {
    return IndexLoad(repository).run();
}

std::vector<PackedBlob> blobs_of_pack(const BlobIndex& index, std::uint32_t pack) {
    const auto range = index.entries_of(pack);
    std::vector<PackedBlob> blobs;
    blobs.reserve(range.count);
    for (std::uint32_t i = 0; i < range.count; ++i) {
        blobs.push_back(index.at(range.first + i).blob);
    }
    sort_by_offset(blobs);
    return blobs;
}

}  // namespace muster::backup

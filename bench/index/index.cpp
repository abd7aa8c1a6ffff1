// Opening a repository of many blobs: its index, read from the repository and from the local cache.
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <random>

#include "adapters/blob/local_store.h"
#include "adapters/files/folder_cache.h"
#include "adapters/os/system_host.h"
#include "backup/format/index_file.h"
#include "backup/repository.h"
#include "support/report.h"

namespace {

using namespace muster;

constexpr std::size_t kBlobsOfPack = 500;
constexpr std::size_t kBlobsOfIndex = 50'000;
constexpr std::uint32_t kSealed = 30'000;
constexpr std::uint32_t kPlain = 60'000;
const Secret kPassword("bench");  // NOLINT: of nothing

void require(bool is_good, const char* what) {
    if (!is_good) {
        bench::give_up(std::string(what) + " failed");
    }
}

backup::ObjectId draw_id(std::mt19937_64& random) {
    backup::ObjectId id;
    for (std::size_t at = 0; at < id.bytes.size(); at += sizeof(std::uint64_t)) {
        const std::uint64_t word = random();
        std::memcpy(id.bytes.data() + at, &word, sizeof word);
    }
    return id;
}

/// A repository whose index lists blobs that are not there: opening it looks at none of them.
void make_repository(const std::string& path, std::size_t blobs) {
    adapters::SystemHost host;
    adapters::LocalStore store(path);
    backup::RepositoryConfig config;
    config.id = std::string(backup::ObjectId::kHexSize, 'a');
    config.polynomial = 0x3DA3358B4DC173;
    auto repository = backup::Repository::create({host, store, nullptr}, kPassword, config);
    require(repository.has_value(), "making the repository");
    std::mt19937_64 random(1);
    for (std::size_t made = 0; made < blobs; made += kBlobsOfIndex) {
        std::vector<backup::IndexedPack> packs(kBlobsOfIndex / kBlobsOfPack);
        for (auto& pack : packs) {
            pack.id = draw_id(random);
            for (std::uint32_t i = 0; i < kBlobsOfPack; ++i) {
                pack.blobs.push_back(
                    {draw_id(random), backup::BlobType::kData, i * kSealed, kSealed, kPlain});
            }
        }
        const auto saved = (*repository)
                               ->save_unpacked(backup::FileKind::kIndex,
                                               backup::bytes_of(backup::encode_index(packs)));
        require(saved.has_value(), "saving an index");
    }
}

struct Cost {
    double wall_s = 0;
    double peak_mb = 0;
};

/// Opens it in a process of its own, so that its memory is counted alone.
Cost open_repository(const std::string& path, const std::string& cache_path, std::size_t blobs) {
    const auto begun = adapters::SystemHost().now();
    const pid_t child = ::fork();
    if (child == 0) {
        adapters::SystemHost host;
        adapters::LocalStore store(path);
        adapters::FolderCache cache(cache_path);
        auto repository = backup::Repository::open({host, store, &cache}, kPassword);
        require(repository.has_value() && (*repository)->load_index(), "opening it");
        require((*repository)->index().size() == blobs, "finding all blobs");
        ::_exit(0);
    }
    int status = 0;
    rusage usage{};
    require(::wait4(child, &status, 0, &usage) == child && status == 0, "the child");
    constexpr double kKiBOfMiB = 1024;
    return {to_seconds(adapters::SystemHost().now() - begun),
            static_cast<double>(usage.ru_maxrss) / kKiBOfMiB};
}

}  // namespace

int main(int count, char** words) {
    bench::Report report;
    constexpr std::size_t kBlobs = 10'000'000;
    const std::filesystem::path folder =
        std::filesystem::temp_directory_path() / ("muster-index-" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    make_repository(folder / "repository", kBlobs);
    for (int run = 0; run < bench::kRepetitions; ++run) {
        std::filesystem::remove_all(folder / "cache");
        for (const char* from : {"repository", "local cache"}) {
            const auto cost = open_repository(folder / "repository", folder / "cache", kBlobs);
            const std::string name = std::string("open 10 million blobs, from the ") + from;
            report.add({"muster", name, "s"}, cost.wall_s);
            report.add({"muster", name + ": peak memory", "MiB"}, cost.peak_mb);
        }
    }
    std::filesystem::remove_all(folder);
    return report.finish(bench::words_of(count, words));
}

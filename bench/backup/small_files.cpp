// Corpora c and d.
//
// c: 200,000 files of 1 to 32 KiB (every doubling equally often) in 10,791 directories, at most
// eight deep; four fifths of the bytes are text.
//
// d: forty versions of a source tree side by side. From one to the next some files are edited,
// large ones rather than small ones, a few go and some more come. A file is a row of blocks of
// text, each made from the file's number, its place and how often it was edited: nothing of the
// earlier versions must be kept to make the next.
#include <algorithm>
#include <cmath>

#include "backup/corpus.h"
#include "support/report.h"

namespace muster::bench {
namespace {

namespace fs = std::filesystem;

constexpr double kFiles = 200'000;
constexpr double kDirectories = 10'791;
constexpr std::uint64_t kDeepest = 8;
constexpr std::uint64_t kFileLeast = 1 * kKiB;
constexpr std::uint64_t kFileMost = 32 * kKiB;
constexpr std::uint64_t kTextPercent = 80;
constexpr std::uint64_t kTextWords = 1700;

constexpr std::uint64_t kVersions = 40;
constexpr double kSources = 4'205;
constexpr double kAddedPerVersion = 30;
constexpr double kRemovedPerVersion = 9;
constexpr double kEditedPerVersion = 125;
constexpr std::uint64_t kFilesPerFolder = 10;
constexpr std::uint64_t kSourceLeast = 256;
constexpr std::uint64_t kSourceMost = 22 * kKiB;
constexpr std::uint64_t kBlock = 256;
constexpr std::uint64_t kSourceWords = 800;
constexpr std::uint64_t kExecutableEvery = 50;
constexpr std::uint64_t kLinks = 5;

constexpr std::uint64_t kLayout = 1'000'000;
constexpr std::uint64_t kChange = 1'000'001;

std::uint64_t scaled(double count, double scale) {
    return static_cast<std::uint64_t>(std::max(1LL, std::llround(count * scale)));
}

/// Directories below `root`, each below one that was made before; the first is `root` itself.
std::vector<fs::path> make_directories(const fs::path& root, std::uint64_t count, Noise& noise) {
    struct Made {
        fs::path path;
        std::uint64_t depth;
    };
    std::vector<Made> all{{root, 0}};
    while (all.size() <= count) {
        const auto parent = all[noise.below(all.size())];
        if (parent.depth < kDeepest) {
            const auto name = "part-" + std::to_string(all.size());
            all.push_back({parent.path / name, parent.depth + 1});
        }
    }
    std::vector<fs::path> paths;
    paths.reserve(all.size());
    for (auto& made : all) {
        paths.push_back(std::move(made.path));
    }
    return paths;
}

struct Source {
    std::uint64_t number = 0;
    fs::path path;  ///< Relative to its version.
    std::uint64_t size = 0;
    std::vector<std::uint8_t> revisions;  ///< Of its blocks.
};

class SourceTree {
  public:
    explicit SourceTree(double scale) : scale_(scale) {
        const auto files = scaled(kSources, scale);
        folders_ = make_directories("", files / kFilesPerFolder, noise_);
        for (std::uint64_t file = 0; file < files; ++file) {
            add();
        }
    }

    void develop() {
        for (auto left = scaled(kEditedPerVersion, scale_); left > 0; --left) {
            edit(larger_of_three());
        }
        for (auto left = scaled(kRemovedPerVersion, scale_); left > 0; --left) {
            sources_.erase(sources_.begin() +
                           static_cast<std::ptrdiff_t>(noise_.below(sources_.size())));
        }
        for (auto left = scaled(kAddedPerVersion, scale_); left > 0; --left) {
            add();
        }
    }

    void write(const fs::path& root) {
        for (const auto& folder : folders_) {
            fs::create_directories(root / folder);
        }
        std::vector<char> text(kSourceMost);
        for (const auto& source : sources_) {
            for (std::uint64_t block = 0; block < source.revisions.size(); ++block) {
                const auto at = block * kBlock;
                language_.write(Noise(origin_of(Corpus::kHistory, source.number, block,
                                                source.revisions[block])),
                                std::span(text).subspan(at, std::min(kBlock, source.size - at)));
            }
            Output file(root / source.path, Output::Mode::kNew);
            file.write_at(0, std::span(text).first(source.size));
            if (source.number % kExecutableEvery == 0) {
                file.set_executable();
            }
        }
        for (std::uint64_t link = 0; link < std::min<std::uint64_t>(kLinks, sources_.size());
             ++link) {
            fs::create_symlink(sources_[link].path, root / ("latest-" + std::to_string(link)));
        }
    }

  private:
    void add() {
        const auto number = next_++;
        const auto size = noise_.log_uniform(kSourceLeast, kSourceMost);
        const auto& folder = folders_[noise_.below(folders_.size())];
        sources_.push_back({.number = number,
                            .path = folder / ("source_" + std::to_string(number) + ".go"),
                            .size = size,
                            .revisions = std::vector<std::uint8_t>((size + kBlock - 1) / kBlock)});
    }

    Source& larger_of_three() {
        auto* largest = &sources_[noise_.below(sources_.size())];
        for (int other = 0; other < 2; ++other) {
            auto& drawn = sources_[noise_.below(sources_.size())];
            largest = drawn.size > largest->size ? &drawn : largest;
        }
        return *largest;
    }

    void edit(Source& source) {
        const auto first = noise_.below(source.revisions.size());
        const auto last =
            std::min<std::uint64_t>(first + noise_.below(3) + 1, source.revisions.size());
        for (auto block = first; block < last; ++block) {
            ++source.revisions[block];
        }
    }

    double scale_;
    Noise noise_{origin_of(Corpus::kHistory, kLayout)};
    Language language_{kSourceWords};
    std::uint64_t next_ = 0;
    std::vector<fs::path> folders_;
    std::vector<Source> sources_;
};

std::vector<fs::path> files_below(const fs::path& directory) {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::recursive_directory_iterator(directory)) {
        if (!entry.is_symlink() && entry.is_regular_file() &&
            entry.path().filename().string().front() != '.') {
            paths.push_back(entry.path());
        }
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

}  // namespace

void make_small_files(const fs::path& directory, double scale) {
    Noise noise(origin_of(Corpus::kSmallFiles, kLayout));
    const auto folders = make_directories(directory, scaled(kDirectories, scale) - 1, noise);
    for (const auto& folder : folders) {
        fs::create_directories(folder);
    }
    const Language language(kTextWords);
    const auto files = scaled(kFiles, scale);
    std::vector<char> content(kFileMost);
    std::uint64_t text_bytes = 0;
    std::uint64_t all_bytes = 0;
    for (std::uint64_t number = 0; number < files; ++number) {
        const auto size = noise.log_uniform(kFileLeast, kFileMost);
        const auto& folder = folders[number * folders.size() / files];
        const auto part = std::span(content).first(size);
        const bool is_text = text_bytes * 100 <= all_bytes * kTextPercent;
        if (Noise own(origin_of(Corpus::kSmallFiles, number)); is_text) {
            language.write(own, part);
            text_bytes += size;
        } else {
            own.fill(part);
        }
        all_bytes += size;
        const auto name = "file-" + std::to_string(number) + (is_text ? ".txt" : ".bin");
        Output(folder / name, Output::Mode::kNew).write_at(0, part);
    }
}

void make_history(const fs::path& directory, double scale) {
    SourceTree tree(scale);
    for (std::uint64_t version = 0; version < kVersions; ++version) {
        if (version > 0) {
            tree.develop();
        }
        tree.write(directory / ("version-" + std::to_string(100 + version)));
    }
}

void change_small_files(Corpus corpus, const fs::path& directory) {
    auto paths = files_below(directory);
    if (paths.size() < 3) {
        give_up("nothing to change in " + directory.string());
    }
    Noise noise(origin_of(corpus, kChange));
    const auto rewritten = std::max<std::size_t>(1, paths.size() / 100);
    const auto few = std::max<std::size_t>(1, paths.size() / 1000);
    // The first of a shuffled list, by Fisher and Yates.
    for (std::size_t place = 0; place < rewritten + few; ++place) {
        std::swap(paths[place], paths[place + noise.below(paths.size() - place)]);
    }
    std::vector<char> content(kFileMost);
    const auto fresh = [&] {
        const auto size = corpus == Corpus::kHistory ? noise.log_uniform(kSourceLeast, kSourceMost)
                                                     : noise.log_uniform(kFileLeast, kFileMost);
        const auto part = std::span(content).first(size);
        noise.fill(part);
        return part;
    };
    for (std::size_t place = 0; place < rewritten; ++place) {
        Output(paths[place], Output::Mode::kNew).write_at(0, fresh());
    }
    for (std::size_t place = rewritten; place < rewritten + few; ++place) {
        fs::remove(paths[place]);
        const auto added = paths[place].parent_path() / ("added-" + std::to_string(place));
        Output(added, Output::Mode::kNew).write_at(0, fresh());
    }
}

}  // namespace muster::bench

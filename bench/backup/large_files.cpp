// Corpora a and b.
//
// a: eight files of bytes that nothing compresses.
//
// b: four disk images with database files. Fresh extents are pages of 8 KiB: a header, rows, and
// zeros to the end. Three tenths of the bytes are copies of
// extents that lie earlier in one of the images. Extents have 1 to 16 MiB (every doubling equally
// often) and begin on the 4 KiB grid of a file system, the copy on another place of it than its
// original, so that pages lie on both halves of the 8 KiB grid.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>

#include "backup/corpus.h"
#include "support/report.h"

namespace muster::bench {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t kVolumes = 8;
constexpr std::uint64_t kVolumeSize = 512 * kMiB;
constexpr std::uint64_t kImages = 4;
constexpr std::uint64_t kImageSize = 1024 * kMiB;
constexpr std::uint64_t kGrid = 4 * kKiB;
constexpr std::uint64_t kPage = 8 * kKiB;
constexpr std::uint64_t kExtentLeast = 1 * kMiB;
constexpr std::uint64_t kExtentMost = 16 * kMiB;
constexpr double kCopied = 0.3;
// A page has rows to between these shares of it.
constexpr double kFillLeast = 0.62;
constexpr double kFillMost = 0.98;
// A row: an id that counts on, bytes such as of keys and hashes, and text.
constexpr std::uint64_t kRowHash = 68;
constexpr std::uint64_t kRowText = 72;
constexpr std::uint64_t kPageHeader = 24;
constexpr std::uint64_t kPageWords = 600;

constexpr std::uint64_t kVolumeChange = 1 * kMiB;
constexpr std::uint64_t kImageChange = 256 * kKiB;
constexpr double kChanged = 0.01;
// What is done to a corpus, beside its files.
constexpr std::uint64_t kLayout = 1000;
constexpr std::uint64_t kChange = 1001;
constexpr std::uint64_t kNewPages = 1002;

class Pages {
  public:
    /// Page number `number` of the stream `thing`.
    void write(std::uint64_t thing, std::uint64_t number, std::span<char> page) const {
        Noise noise(origin_of(Corpus::kImages, thing, number));
        const auto share = kFillLeast + (noise.unit() * (kFillMost - kFillLeast));
        const auto fill = static_cast<std::uint64_t>(share * static_cast<double>(kPage));
        noise.fill(page.first(kPageHeader));
        auto rows = page.subspan(kPageHeader, fill - kPageHeader);
        for (std::uint64_t id = number * 64; !rows.empty(); ++id) {
            rows = rows.subspan(write_row(id, noise, rows));
        }
        std::fill(page.begin() + static_cast<std::ptrdiff_t>(fill), page.end(), '\0');
    }

  private:
    std::uint64_t write_row(std::uint64_t id, Noise& noise, std::span<char> room) const {
        std::array<char, sizeof id + kRowHash + kRowText> row{};
        std::memcpy(row.data(), &id, sizeof id);
        noise.fill(std::span(row).subspan(sizeof id, kRowHash));
        const Noise words(origin_of(Corpus::kImages, noise.next()));
        language_.write(words, std::span(row).subspan(sizeof id + kRowHash));
        const auto count = std::min(row.size(), room.size());
        std::memcpy(room.data(), row.data(), count);
        return count;
    }

    Language language_{kPageWords};
};

std::uint64_t scaled(std::uint64_t size, double scale) {
    const auto all_pages = size / kPage;
    const auto pages = std::llround(static_cast<double>(all_pages) * scale);
    return static_cast<std::uint64_t>(std::max(pages, 1LL)) * kPage;
}

void make_volumes(const fs::path& directory, double scale) {
    std::vector<char> piece(kMiB);
    const auto size = scaled(kVolumeSize, scale);
    for (std::uint64_t number = 0; number < kVolumes; ++number) {
        Output file(directory / ("volume-" + std::to_string(number)), Output::Mode::kNew);
        Noise noise(origin_of(Corpus::kVolumes, number));
        for (std::uint64_t at = 0; at < size; at += piece.size()) {
            const auto part = std::span(piece).first(std::min<std::uint64_t>(kMiB, size - at));
            noise.fill(part);
            file.write_at(at, part);
        }
    }
}

class ImageSet {
  public:
    ImageSet(const fs::path& directory, double scale) : size_(scaled(kImageSize, scale)) {
        for (std::uint64_t number = 0; number < kImages; ++number) {
            files_.push_back(std::make_unique<Output>(
                directory / ("image-" + std::to_string(number)), Output::Mode::kNew));
        }
    }

    void make() {
        while (written_ < size_ * kImages) {
            const auto drawn = layout_.log_uniform(kExtentLeast, kExtentMost) / kGrid * kGrid;
            const auto length = std::min(drawn, size_ - (written_ % size_));
            std::vector<char> extent(length);
            const auto with_this = static_cast<double>(written_ + length);
            const bool is_copy = static_cast<double>(copied_) + (static_cast<double>(length) / 2) <
                                     kCopied * with_this &&
                                 written_ > 4 * kExtentMost;
            if (is_copy) {
                copy(extent);
                copied_ += length;
            } else {
                write_pages(extent);
            }
            files_[written_ / size_]->write_at(written_ % size_, extent);
            written_ += length;
        }
    }

  private:
    void copy(std::span<char> extent) {
        // Inside one image, so that what is read is one piece.
        const auto images = (written_ + size_ - 1) / size_;
        const auto from = layout_.below(images);
        const auto filled = std::min(size_, written_ - (from * size_));
        const auto count = std::min<std::uint64_t>(extent.size(), filled);
        const auto at = layout_.below(((filled - count) / kGrid) + 1) * kGrid;
        files_[from]->read_at(at, extent.first(count));
        write_pages(extent.subspan(count));
    }

    void write_pages(std::span<char> extent) {
        std::array<char, kPage> page{};
        while (!extent.empty()) {
            pages_.write(0, next_page_++, page);
            const auto count = std::min(extent.size(), page.size());
            std::memcpy(extent.data(), page.data(), count);
            extent = extent.subspan(count);
        }
    }

    std::uint64_t size_;
    std::uint64_t written_ = 0;
    std::uint64_t copied_ = 0;
    std::uint64_t next_page_ = 0;
    Noise layout_{origin_of(Corpus::kImages, kLayout)};
    Pages pages_;
    std::vector<std::unique_ptr<Output>> files_;
};

std::vector<fs::path> files_in(const fs::path& directory) {
    std::vector<fs::path> paths;
    for (const auto& entry : fs::directory_iterator(directory)) {
        if (entry.is_regular_file() && entry.path().filename().string().front() != '.') {
            paths.push_back(entry.path());
        }
    }
    std::sort(paths.begin(), paths.end());
    return paths;
}

}  // namespace

void make_large_files(Corpus corpus, const fs::path& directory, double scale) {
    if (corpus == Corpus::kVolumes) {
        make_volumes(directory, scale);
    } else {
        ImageSet(directory, scale).make();
    }
}

void change_large_files(Corpus corpus, const fs::path& directory) {
    const auto paths = files_in(directory);
    if (paths.empty()) {
        give_up("nothing to change in " + directory.string());
    }
    const auto size = fs::file_size(paths.front());
    const auto length =
        std::min(corpus == Corpus::kVolumes ? kVolumeChange : kImageChange, size / kPage * kPage);
    const auto all = static_cast<double>(size * paths.size());
    const auto extents = std::max(1LL, std::llround(all * kChanged / static_cast<double>(length)));
    const Pages pages;
    Noise noise(origin_of(corpus, kChange));
    std::vector<char> bytes(length);
    std::uint64_t next_page = 0;
    for (long long extent = 0; extent < extents; ++extent) {
        if (corpus == Corpus::kVolumes) {
            noise.fill(bytes);
        } else {
            for (std::uint64_t at = 0; at < length; at += kPage) {
                pages.write(kNewPages, next_page++, std::span(bytes).subspan(at, kPage));
            }
        }
        const auto at = noise.below(((size - length) / kGrid) + 1) * kGrid;
        Output(paths[noise.below(paths.size())], Output::Mode::kInPlace).write_at(at, bytes);
    }
}

}  // namespace muster::bench

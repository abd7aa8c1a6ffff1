#include "backup/corpus.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "support/report.h"

namespace muster::bench {
namespace {

constexpr std::uint64_t kWordSeed = 'w';
// Roughly how often each letter is seen in English text.
constexpr std::string_view kLetters =
    "eeeeeeeeeeeetttttttttaaaaaaaaooooooooiiiiiiinnnnnnnsssssshhhhhhrrrrrrddddllllcccuuummmwwffggyy"
    "pp"
    "bbvk_0123";
constexpr std::uint64_t kLineEvery = 9;

}  // namespace

Origin origin_of(Corpus corpus, std::uint64_t thing, std::uint64_t part, std::uint64_t revision) {
    return {static_cast<std::uint64_t>(corpus), thing, part, revision};
}

Language::Language(std::uint64_t words) {
    Noise noise({kWordSeed, words});
    for (std::uint64_t number = 0; number < words; ++number) {
        // The later half of the words, the rarer ones, may be longer.
        const auto length = 2 + noise.below(number < words / 2 ? 7 : 10);
        std::string word;
        for (std::uint64_t letter = 0; letter < length; ++letter) {
            word += kLetters[noise.below(kLetters.size())];
        }
        words_.push_back(word + ' ');
    }
}

void Language::write(Noise noise, std::span<char> text) const {
    while (!text.empty()) {
        const auto& word = words_[noise.below(1 + noise.below(words_.size()))];
        const auto count = std::min(word.size(), text.size());
        std::memcpy(text.data(), word.data(), count);
        if (noise.below(kLineEvery) == 0) {
            text[count - 1] = '\n';
        }
        text = text.subspan(count);
    }
}

Output::Output(const std::filesystem::path& path, Mode mode)
    : path_(path),
      file_(::open(path.c_str(), O_RDWR | O_CLOEXEC | (mode == Mode::kNew ? O_CREAT | O_TRUNC : 0),
                   0644)) {
    if (file_ < 0) {
        give_up("can't open " + path.string() + ": " + std::strerror(errno));
    }
}

Output::~Output() {
    ::close(file_);
}

void Output::write_at(std::uint64_t offset, std::span<const char> bytes) {
    while (!bytes.empty()) {
        const auto count = ::pwrite(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (count <= 0) {
            give_up("can't write " + path_.string() + ": " + std::strerror(errno));
        }
        offset += static_cast<std::uint64_t>(count);
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
}

void Output::read_at(std::uint64_t offset, std::span<char> bytes) const {
    while (!bytes.empty()) {
        const auto count = ::pread(file_, bytes.data(), bytes.size(), static_cast<off_t>(offset));
        if (count <= 0) {
            give_up("can't read " + path_.string() + ": " + std::strerror(errno));
        }
        offset += static_cast<std::uint64_t>(count);
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
}

void Output::set_executable() {
    if (::fchmod(file_, 0755) != 0) {
        give_up("can't make " + path_.string() + " executable: " + std::strerror(errno));
    }
}

}  // namespace muster::bench

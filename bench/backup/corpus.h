#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

#include "backup/noise.h"

namespace muster::bench {

inline constexpr std::uint64_t kKiB = 1024;
inline constexpr std::uint64_t kMiB = 1024 * kKiB;

/// The four kinds of data; each has its letter.
enum class Corpus : char { kVolumes = 'a', kImages = 'b', kSmallFiles = 'c', kHistory = 'd' };

/// Makes a corpus, `scale` times as large as the whole one, in a directory that does not exist yet.
/// Ends the program when that fails, as everything here.
void make(Corpus corpus, const std::filesystem::path& directory, double scale);
/// Changes one per cent of what `make` made.
void change(Corpus corpus, const std::filesystem::path& directory);

/// Corpora a and b: few large files.
void make_large_files(Corpus corpus, const std::filesystem::path& directory, double scale);
void change_large_files(Corpus corpus, const std::filesystem::path& directory);
/// Corpus c.
void make_small_files(const std::filesystem::path& directory, double scale);
/// Corpus d.
void make_history(const std::filesystem::path& directory, double scale);
/// Corpora c and d: a hundredth of the files gets new content, a thousandth goes, as many come.
void change_small_files(Corpus corpus, const std::filesystem::path& directory);

/// An origin of this corpus.
Origin origin_of(Corpus corpus, std::uint64_t thing, std::uint64_t part = 0,
                 std::uint64_t revision = 0);

/// Words of a made-up language, the frequent ones short, in lines.
class Language {
  public:
    explicit Language(std::uint64_t words);
    void write(Noise noise, std::span<char> text) const;

  private:
    std::vector<std::string> words_;
};

/// A file that is written; the program ends when it can't be.
class Output {
  public:
    enum class Mode { kNew, kInPlace };
    Output(const std::filesystem::path& path, Mode mode);
    Output(const Output&) = delete;
    Output& operator=(const Output&) = delete;
    Output(Output&&) = delete;
    Output& operator=(Output&&) = delete;
    ~Output();
    void write_at(std::uint64_t offset, std::span<const char> bytes);
    void read_at(std::uint64_t offset, std::span<char> bytes) const;
    void set_executable();

  private:
    std::filesystem::path path_;
    int file_;
};

}  // namespace muster::bench

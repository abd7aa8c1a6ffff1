// Backups of the same generated data by muster, restic, borg and others: time, CPU, memory, size.
//
// This program makes the data; backup.py backs it up. The same corpus and scale give the same bytes
// on every machine.
//
//   bench_backup make a|b|c|d DIRECTORY SCALE
//   bench_backup change a|b|c|d DIRECTORY
//
// At scale 1: a, 4 GiB in eight files that nothing compresses; b, 4 GiB of disk images with
// database pages and copies; c, 200,000 small files; d, a source tree in 40 versions. `change`
// alters one per cent: extents in place (a, b), or files rewritten, removed and added (c, d).
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <string_view>

#include "backup/corpus.h"
#include "support/report.h"

namespace muster::bench {
namespace {

namespace fs = std::filesystem;

std::time_t nanoseconds() {
    std::timespec now{};
    clock_gettime(CLOCK_REALTIME_COARSE, &now);
    return (now.tv_sec * 1'000'000'000) + now.tv_nsec;
}

/// borg forgets the files that carry the newest time stamp of a backup and reads them again in the
/// next. So the newest file is this one, and nothing of the corpus is as new as it is.
void write_newest(const fs::path& directory) {
    const auto corpus_ended = nanoseconds();
    while (nanoseconds() == corpus_ended) {
    }
    Output(directory / ".newest", Output::Mode::kNew).write_at(0, std::string_view("newest\n"));
}

bool is_large(Corpus corpus) {
    return corpus == Corpus::kVolumes || corpus == Corpus::kImages;
}

}  // namespace

void make(Corpus corpus, const fs::path& directory, double scale) {
    if (!fs::create_directories(directory)) {
        give_up(directory.string() + " exists already");
    }
    if (is_large(corpus)) {
        make_large_files(corpus, directory, scale);
    } else if (corpus == Corpus::kSmallFiles) {
        make_small_files(directory, scale);
    } else {
        make_history(directory, scale);
    }
    write_newest(directory);
}

void change(Corpus corpus, const fs::path& directory) {
    if (is_large(corpus)) {
        change_large_files(corpus, directory);
    } else {
        change_small_files(corpus, directory);
    }
}

namespace {

int run(const std::vector<std::string>& words) {
    const auto is_letter = [&] {
        return words[1].size() == 1 && words[1][0] >= 'a' && words[1][0] <= 'd';
    };
    const bool makes = words.size() == 4 && words[0] == "make" && is_letter();
    const bool changes = words.size() == 3 && words[0] == "change" && is_letter();
    if (!makes && !changes) {
        std::fputs("usage: bench_backup make a|b|c|d DIRECTORY SCALE | change a|b|c|d DIRECTORY\n",
                   stderr);
        return 2;
    }
    const auto corpus = static_cast<Corpus>(words[1][0]);
    if (changes) {
        change(corpus, words[2]);
        return 0;
    }
    const auto scale = std::strtod(words[3].c_str(), nullptr);
    if (!(scale > 0 && scale <= 100)) {
        give_up("the scale is a number up to 100, not \"" + words[3] + "\"");
    }
    make(corpus, words[2], scale);
    return 0;
}

}  // namespace
}  // namespace muster::bench

int main(int count, char** words) {
    try {
        return muster::bench::run(muster::bench::words_of(count, words));
    } catch (const std::exception& failure) {
        muster::bench::give_up(failure.what());
    }
}

#include "adapters/os/segment_files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <utility>

namespace muster::adapters {

namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSuffix = ".obs";

std::string reason() {
    return std::strerror(errno);  // NOLINT(concurrency-mt-unsafe): only for a message
}

std::string name_of(std::uint64_t number) {
    std::array<char, 32> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%08llu", static_cast<unsigned long long>(number));
    return std::string(buffer.data()) + std::string(kSuffix);
}

struct Segment {
    std::uint64_t number = 0;
    std::uint64_t bytes = 0;
};

/// Oldest first; what has another name is none.
std::vector<Segment> list(const std::string& directory) {
    std::vector<Segment> all;
    std::error_code failed;
    for (fs::directory_iterator at(directory, failed); !failed && at != fs::directory_iterator();
         at.increment(failed)) {
        const auto name = at->path().filename().string();
        Segment segment;
        const char* end = name.data() + name.size() - std::min(name.size(), kSuffix.size());
        const auto read = std::from_chars(name.data(), end, segment.number);
        if (read.ec != std::errc{} || name != name_of(segment.number)) {
            continue;
        }
        std::error_code unknown;
        const auto size = fs::file_size(at->path(), unknown);
        segment.bytes = unknown ? 0 : size;
        all.push_back(segment);
    }
    std::ranges::sort(all, {}, &Segment::number);
    return all;
}

}  // namespace

Result<std::unique_ptr<SegmentFiles>> SegmentFiles::open(const std::string& directory,
                                                         Limits limits, Log& log) {
    if (::mkdir(directory.c_str(), S_IRWXU) != 0 && errno != EEXIST) {
        return Error{Errc::kDenied, "can't make " + directory + ": " + reason(),
                     "check the space and the permissions of the data directory"};
    }
    const auto all = list(directory);
    const auto newest = all.empty() ? 0 : all.back().number;
    return std::unique_ptr<SegmentFiles>(new SegmentFiles(directory, limits, newest, log));
}

SegmentFiles::SegmentFiles(std::string directory, Limits limits, std::uint64_t newest, Log& log)
    : directory_(std::move(directory)),
      limits_(limits),
      newest_(newest),
      log_(log),
      thread_([this] { work(); }) {
}

SegmentFiles::~SegmentFiles() {
    {
        const std::scoped_lock lock(mutex_);
        is_ending_ = true;
    }
    changed_.notify_one();
    thread_.join();
    if (file_ >= 0) {
        ::close(file_);
    }
}

void SegmentFiles::begin(std::string bytes) {
    take({true, std::move(bytes)});
}

void SegmentFiles::append(std::string bytes) {
    take({false, std::move(bytes)});
}

void SegmentFiles::take(Piece piece) {
    {
        const std::scoped_lock lock(mutex_);
        // A segment with a hole can't be read on: the next one begins anew.
        has_dropped_ = piece.is_new ? false : has_dropped_;
        if (has_dropped_ || waiting_bytes_ + piece.bytes.size() > limits_.waiting_bytes) {
            has_dropped_ = true;
            return;
        }
        waiting_bytes_ += piece.bytes.size();
        waiting_.push_back(std::move(piece));
    }
    changed_.notify_one();
}

void SegmentFiles::work() {
    std::unique_lock lock(mutex_);
    while (true) {
        changed_.wait(lock, [this] { return is_ending_ || !waiting_.empty(); });
        if (waiting_.empty()) {
            return;
        }
        const Piece piece = std::move(waiting_.front());
        waiting_.pop_front();
        lock.unlock();
        write(piece);
        lock.lock();
        waiting_bytes_ -= piece.bytes.size();
    }
}

void SegmentFiles::write(const Piece& piece) {
    if (piece.is_new) {
        start_segment();
    }
    if (file_ < 0 || is_broken_) {  // None has begun, or it is broken.
        return;
    }
    std::string_view left = piece.bytes;
    while (!left.empty()) {
        const auto done = ::write(file_, left.data(), left.size());
        if (done < 0 && errno == EINTR) {
            continue;
        }
        if (done <= 0) {
            break_off();
            return;
        }
        left.remove_prefix(static_cast<std::size_t>(done));
    }
}

void SegmentFiles::start_segment() {
    if (file_ >= 0) {
        ::close(file_);
    }
    remove_oldest();
    ++newest_;
    is_broken_ = false;
    const auto path = directory_ + "/" + name_of(newest_);
    file_ = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0600);
    if (file_ < 0) {
        break_off();
    }
}

// What is left of the segment up to here can be read.
void SegmentFiles::break_off() {
    const auto why = reason();
    log_.warn("observations.broken", {{"segment", name_of(newest_)}, {"reason", why}});
    is_broken_ = true;
}

void SegmentFiles::remove_oldest() {
    const auto all = list(directory_);
    std::uint64_t total = 0;
    for (const auto& segment : all) {
        total += segment.bytes;
    }
    for (const auto& segment : all) {
        if (total <= limits_.total_bytes) {
            return;
        }
        ::unlink((directory_ + "/" + name_of(segment.number)).c_str());
        total -= segment.bytes;
    }
}

Result<std::vector<std::string>> read_segments(const std::string& directory) {
    std::vector<std::string> all;
    for (const auto& segment : list(directory)) {
        std::ifstream in(directory + "/" + name_of(segment.number), std::ios::binary);
        std::string bytes((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
        if (in || in.eof()) {
            all.push_back(std::move(bytes));  // One that went meanwhile was the oldest.
        }
    }
    if (all.empty()) {
        return Error{Errc::kNotFound, directory + " holds no record of observations",
                     "name a node's data directory with --data; its node must have run once"};
    }
    return all;
}

}  // namespace muster::adapters

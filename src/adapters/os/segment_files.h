#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "base/segment_sink.h"

namespace muster::adapters {

/// Segments as files of one directory, "00000001.obs", written by a thread of its own, so that a
/// slow disk holds up nobody. The oldest go when all together are larger than the limit.
class SegmentFiles final : public SegmentSink {
  public:
    struct Limits {
        std::uint64_t total_bytes = 64U << 20U;
        std::uint64_t waiting_bytes = 8U << 20U;  ///< Beyond it what comes is dropped.
    };

    /// Makes the directory (mode 0700) where it is missing, and goes on after its newest segment.
    /// `log` is called from the thread: once for each segment that can't be written.
    static Result<std::unique_ptr<SegmentFiles>> open(const std::string& directory, Limits limits,
                                                      Log& log);
    SegmentFiles(const SegmentFiles&) = delete;
    SegmentFiles& operator=(const SegmentFiles&) = delete;
    /// Writes what waits, then ends the thread.
    ~SegmentFiles() override;

    void begin(std::string bytes) override;
    void append(std::string bytes) override;

  private:
    struct Piece {
        bool is_new = false;
        std::string bytes;
    };
    SegmentFiles(std::string directory, Limits limits, std::uint64_t newest, Log& log);
    void take(Piece piece);
    void work();
    void write(const Piece& piece);
    void start_segment();
    void break_off();
    void remove_oldest();

    std::string directory_;
    Limits limits_;
    std::uint64_t newest_;
    int file_ = -1;
    bool is_broken_ = false;  ///< The newest segment lacks something: no more is added to it.
    Log& log_;

    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<Piece> waiting_;
    std::uint64_t waiting_bytes_ = 0;
    bool has_dropped_ = false;
    bool is_ending_ = false;
    std::thread thread_;
};

/// The segments of a directory, oldest first. kNotFound when there are none.
Result<std::vector<std::string>> read_segments(const std::string& directory);

}  // namespace muster::adapters

#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>

#include "base/time.h"

namespace muster::cli {

/// Files and their bytes.
struct Amount {
    std::uint64_t files = 0;
    std::uint64_t bytes = 0;
};

/// How far a command is.
struct ProgressFigures {
    Duration elapsed{0};
    Amount done;
    std::optional<Amount> total;  ///< Nothing: not known (yet).
    std::uint64_t problems = 0;
    double bytes_per_second = 0;  ///< Of the last seconds.
};

/// From 0 to 1, by the bytes, or by the files when these are empty. Nothing without a total.
std::optional<double> fraction_done(const ProgressFigures& figures);
/// By the rate of the last seconds. Nothing without a total, when it (nearly) stands still, or when
/// all bytes are done: how long it takes then to end has nothing to do with the rate.
std::optional<std::int64_t> seconds_left(const ProgressFigures& figures);
/// "2:05", "1:02:05".
std::string clock_text(std::int64_t seconds);
/// The line for people: "[0:05] 12.5%  3 of 24 files, 1.00 GiB of 8.00 GiB, 205 MiB/s, ETA 0:35,
/// 0 errors". Plain text; what is not known is left out.
std::string progress_line(const ProgressFigures& figures);
/// The begin of restic's JSON message "status", which is the same for all commands. As there,
/// `percent_done` is a fraction, and 0 while the total is not known.
std::string status_start(const ProgressFigures& figures);
/// The line of work that is counted in pieces: "packs read: 12 / 120  10.0%  ETA 0:35".
/// The pieces stand as bytes in the figures.
std::string count_line(const std::string& what, const ProgressFigures& figures);

/// How quick something was in the last ten seconds.
class RateMeter {
  public:
    /// Times and counts never go back.
    void add(Instant now, std::uint64_t count);
    /// 0 until two moments are known.
    [[nodiscard]] double per_second() const;

  private:
    struct Sample {
        Instant at;
        std::uint64_t count = 0;
    };
    std::deque<Sample> samples_;  // The last one is the newest, however close to the one before.
};

}  // namespace muster::cli

#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>

#include "base/clock.h"
#include "base/result.h"
#include "base/units.h"

namespace muster::adapters::repo_server {

/// How much all repositories of a folder may hold together. From any thread.
class Quota {
  public:
    Quota(ByteCount most, std::string folder, Clock& clock)
        : most_(most.bytes), folder_(std::move(folder)), clock_(clock) {}

    /// Counts the files that are there, but for uploads. kDenied when a folder can't be read.
    Result<> measure();
    /// False, and nothing taken, when there is not so much left. When it is full it counts again,
    /// once a minute at most: another program may have pruned.
    bool take(std::int64_t bytes);
    /// What was taken lies in the folder now.
    void keep(std::int64_t bytes);
    /// What was taken was not needed.
    void give_back(std::int64_t bytes) { taken_ -= bytes; }
    void removed(std::int64_t bytes) { kept_ -= bytes; }
    [[nodiscard]] ByteCount used() const { return {kept_ + taken_}; }

  private:
    bool take_once(std::int64_t bytes);
    bool count_again();

    const std::int64_t most_;
    const std::string folder_;
    Clock& clock_;
    std::atomic<std::int64_t> kept_ = 0;
    std::atomic<std::int64_t> taken_ = 0;  ///< By uploads that are under way.
    std::mutex mutex_;
    Instant counted_{};
};

/// What an upload takes from a quota, and gives back unless it is kept. Without a quota, anything.
class Reservation {
  public:
    explicit Reservation(Quota* quota) : quota_(quota) {}
    Reservation(const Reservation&) = delete;
    Reservation& operator=(const Reservation&) = delete;
    ~Reservation() {
        if (quota_ != nullptr) {
            quota_->give_back(taken_);
        }
    }

    /// Takes what is still missing for so many bytes; false when the quota does not have it.
    bool cover(std::int64_t bytes) {
        if (quota_ == nullptr || bytes <= taken_) {
            return true;
        }
        if (!quota_->take(bytes - taken_)) {
            return false;
        }
        taken_ = bytes;
        return true;
    }
    /// All that was taken stays.
    void keep() {
        if (quota_ != nullptr) {
            quota_->keep(taken_);
        }
        taken_ = 0;
    }

  private:
    Quota* quota_;
    std::int64_t taken_ = 0;
};

}  // namespace muster::adapters::repo_server

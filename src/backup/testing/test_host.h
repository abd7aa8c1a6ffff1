#pragma once

#include <algorithm>
#include <atomic>
#include <mutex>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "backup/host.h"

namespace muster::backup::testing {

/// A host whose time stands still but for pauses and `advance`; its threads are real.
class TestHost final : public Host {
  public:
    explicit TestHost(unsigned cores = 2) : cores_(cores) {}

    [[nodiscard]] Instant now() const override { return Instant(Duration(elapsed_.load())); }
    [[nodiscard]] WallTime wall() const override {
        // 2026-11-21T20:00:00Z.
        constexpr std::chrono::seconds kBegin{1'795'291'200};
        const Duration since(elapsed_.load());
        return WallTime(kBegin) + std::chrono::duration_cast<std::chrono::microseconds>(since);
    }
    [[nodiscard]] int utc_offset(std::int64_t /*unix_seconds*/) const override { return offset; }
    void pause(Duration duration) override {
        advance(duration);
        ++pauses;
        if (on_pause) {
            on_pause();
        }
    }
    [[nodiscard]] bool is_stopped() const override { return is_told_to_stop; }
    void fill_random(ByteSpan into) override {
        const std::scoped_lock lock(mutex_);
        std::ranges::generate(into, [this] { return static_cast<std::uint8_t>(random_()); });
    }
    [[nodiscard]] unsigned cores() const override { return cores_; }
    void run_parallel(unsigned copies, const std::function<void(unsigned)>& body) override {
        std::vector<std::jthread> threads;
        for (unsigned i = 0; i < copies; ++i) {
            threads.emplace_back([&body, i] { body(i); });
        }
    }
    [[nodiscard]] Identity identity() const override { return who; }
    [[nodiscard]] bool is_alive(std::int64_t pid) const override { return alive.contains(pid); }

    void advance(Duration duration) { elapsed_ += duration.count(); }

    int offset = 0;
    Identity who{"here", "somebody", 7, 8, 4711};
    std::set<std::int64_t> alive{4711};
    std::atomic<bool> is_told_to_stop{false};
    std::function<void()> on_pause;  ///< What happens while the engine waits.
    std::atomic<unsigned> pauses{0};

  private:
    unsigned cores_;
    std::atomic<std::int64_t> elapsed_{0};
    std::mutex mutex_;
    std::mt19937_64 random_{42};  // NOLINT: the same for each run.
};

}  // namespace muster::backup::testing

#include "adapters/os/system.h"

#include <sys/random.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <ctime>

#include "base/check.h"

namespace muster::adapters {

namespace asio = boost::asio;

namespace {

// Asio's timer runs on CLOCK_MONOTONIC, which stands still while the machine is suspended. Sleeping
// in slices bounds how late a sleeper notices that boot time went on without it.
constexpr Duration kSlice = std::chrono::seconds(2);

}  // namespace

Instant SystemClock::now() const {
    timespec time{};
    CHECK(clock_gettime(CLOCK_BOOTTIME, &time) == 0);
    return Instant(std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec));
}

WallTime SystemClock::wall() const {
    return std::chrono::time_point_cast<std::chrono::microseconds>(
        std::chrono::system_clock::now());
}

Task<> SystemClock::sleep_until(Instant when) {
    const auto executor = co_await asio::this_coro::executor;
    asio::steady_timer timer(executor);
    for (;;) {
        const auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none) {
            co_return Error{Errc::kCancelled, "the task was told to stop"};
        }
        const auto left = when - now();
        if (left <= Duration::zero()) {
            co_return Result<>{};
        }
        timer.expires_after(std::min<Duration>(left, kSlice));
        const auto woken = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(woken);
    }
}

std::uint64_t SystemRandom::next() {
    std::uint64_t bits = 0;
    // Up to 256 bytes come whole and uninterrupted once the kernel's pool is ready (getrandom(2)).
    CHECK(getrandom(&bits, sizeof bits, 0) == sizeof bits);
    return bits;
}

}  // namespace muster::adapters

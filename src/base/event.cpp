#include "base/event.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace muster {

namespace asio = boost::asio;

// A timer that never expires: cancelling it wakes every waiter through the executor.
struct Event::Waiters {
    explicit Waiters(const Executor& executor)
        : timer(executor, asio::steady_timer::time_point::max()) {}
    asio::steady_timer timer;
};

Event::Event(Executor executor) : waiters_(std::make_unique<Waiters>(executor)) {
}
Event::Event(Event&&) noexcept = default;
Event& Event::operator=(Event&&) noexcept = default;
Event::~Event() = default;

Task<> Event::wait() {
    const auto result = co_await waiters_->timer.async_wait(asio::as_tuple(asio::use_awaitable));
    static_cast<void>(result);
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (cancellation.cancelled() != asio::cancellation_type::none) {
        co_return Error{Errc::kCancelled, "the task was told to stop"};
    }
    co_return Result<>{};
}

void Event::notify() {
    waiters_->timer.cancel();
}

}  // namespace muster

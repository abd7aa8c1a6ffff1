#include "sim/virtual_clock.h"

#include <algorithm>
#include <boost/asio/associated_cancellation_slot.hpp>
#include <boost/asio/async_result.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <vector>

namespace muster::sim {

namespace asio = boost::asio;

// Sleepers sit in reusable places; the heap holds small entries that name a place and the use of
// it. A cancelled sleeper leaves its place at once, and its entry is passed over when it comes up.
struct VirtualClock::State {
    struct Waker {
        virtual ~Waker() = default;
        virtual void wake() = 0;
    };
    template <class H>
    struct HandlerWaker final : Waker {
        explicit HandlerWaker(H h) : handler(std::move(h)) {}
        void wake() override {
            asio::get_associated_cancellation_slot(handler).clear();
            auto moved = std::move(handler);
            moved();
        }
        H handler;
    };
    struct Sleeper {
        std::unique_ptr<Waker> waker;
        std::uint64_t use = 0;  // 0: the place is free.
    };
    struct Entry {
        Instant when;
        std::uint64_t use;
        std::size_t place;
        // The standard heap keeps the largest on top; the earliest is wanted, then the oldest.
        bool operator<(const Entry& other) const {
            return when != other.when ? when > other.when : use > other.use;
        }
    };

    explicit State(asio::io_context& loop) : context(loop) {}

    std::size_t take_place() {
        if (free.empty()) {
            sleepers.emplace_back();
            return sleepers.size() - 1;
        }
        const auto place = free.back();
        free.pop_back();
        return place;
    }

    template <class H>
    void add(Instant when, H handler) {
        const auto place = take_place();
        const auto use = ++last_use;
        auto slot = asio::get_associated_cancellation_slot(handler);
        if (slot.is_connected()) {
            slot.assign([this, place, use](asio::cancellation_type) { cancel(place, use); });
        }
        sleepers[place].waker = std::make_unique<HandlerWaker<H>>(std::move(handler));
        sleepers[place].use = use;
        heap.push_back({when, use, place});
        std::push_heap(heap.begin(), heap.end());
        ++living;
    }

    void cancel(std::size_t place, std::uint64_t use) {
        if (sleepers[place].use == use) {
            release(place);
        }
    }

    void release(std::size_t place) {
        sleepers[place].use = 0;
        --living;
        free.push_back(place);
        asio::post(context, [waker = std::move(sleepers[place].waker)] { waker->wake(); });
    }

    void drop_cancelled() {
        while (!heap.empty() && sleepers[heap.front().place].use != heap.front().use) {
            pop();
        }
    }

    Entry pop() {
        std::pop_heap(heap.begin(), heap.end());
        const auto entry = heap.back();
        heap.pop_back();
        return entry;
    }

    std::size_t run_ready() {
        if (context.stopped()) {
            context.restart();
        }
        return context.poll();
    }

    asio::io_context& context;
    Instant now{};
    Duration wall_shift{};
    std::vector<Sleeper> sleepers;
    std::vector<std::size_t> free;
    std::vector<Entry> heap;
    std::uint64_t last_use = 0;
    std::size_t living = 0;
};

VirtualClock::VirtualClock(asio::io_context& context) : state_(std::make_unique<State>(context)) {
}

VirtualClock::~VirtualClock() = default;

Instant VirtualClock::now() const {
    return state_->now;
}

WallTime VirtualClock::wall() const {
    constexpr auto kStart = std::chrono::sys_days(std::chrono::January / 1 / 2026);
    return WallTime(kStart) + std::chrono::floor<std::chrono::microseconds>(
                                  state_->now.time_since_epoch() + state_->wall_shift);
}

Task<> VirtualClock::sleep_until(Instant when) {
    const auto before = co_await asio::this_coro::cancellation_state;
    if (before.cancelled() == asio::cancellation_type::none && when > state_->now) {
        co_await asio::async_initiate<const asio::use_awaitable_t<>, void()>(
            [](auto handler, State* state, Instant until) {
                state->add(until, std::move(handler));
            },
            asio::use_awaitable, state_.get(), when);
    }
    const auto after = co_await asio::this_coro::cancellation_state;
    if (after.cancelled() != asio::cancellation_type::none) {
        co_return Error{Errc::kCancelled, "the task was told to stop"};
    }
    co_return Result<>{};
}

bool VirtualClock::step() {
    const bool ran = state_->run_ready() > 0;
    state_->drop_cancelled();
    if (state_->heap.empty()) {
        return ran;
    }
    const auto entry = state_->pop();
    state_->now = std::max(state_->now, entry.when);
    state_->release(entry.place);
    return true;
}

void VirtualClock::run_until(Instant until) {
    while (true) {
        state_->run_ready();
        state_->drop_cancelled();
        if (state_->heap.empty() || state_->heap.front().when > until) {
            break;
        }
        step();
    }
    state_->now = std::max(state_->now, until);
    state_->run_ready();
}

void VirtualClock::shift_wall(Duration by) {
    state_->wall_shift += by;
}

std::size_t VirtualClock::pending() const {
    return state_->living;
}

}  // namespace muster::sim

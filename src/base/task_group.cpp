#include "base/task_group.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <list>
#include <vector>

#include "base/event.h"

namespace muster {

namespace asio = boost::asio;

struct TaskGroup::State {
    std::list<asio::cancellation_signal> signals;
    bool is_stopping = false;
    Event idle;
    explicit State(const Executor& executor) : idle(executor) {}
};

namespace {

// Cancellation is a value: without this, awaiting anything after a cancel throws.
asio::awaitable<void> run_child(Task<> task) {
    co_await asio::this_coro::throw_if_cancelled(false);
    const auto ignored = co_await std::move(task);
    static_cast<void>(ignored);
}

}  // namespace

TaskGroup::TaskGroup(Executor executor)
    : executor_(std::move(executor)), state_(std::make_shared<State>(executor_)) {
}

TaskGroup::~TaskGroup() = default;

void TaskGroup::spawn(Task<> task) {
    if (state_->is_stopping) {
        return;
    }
    auto& signal = state_->signals.emplace_back();
    const auto place = std::prev(state_->signals.end());
    asio::co_spawn(executor_, run_child(std::move(task)),
                   asio::bind_cancellation_slot(
                       signal.slot(), [state = state_, place](const std::exception_ptr& failure) {
                           // Library exceptions are turned into Errors inside the adapters.
                           if (failure) {
                               std::terminate();
                           }
                           state->signals.erase(place);
                           if (state->signals.empty()) {
                               state->idle.notify();
                           }
                       }));
}

Task<> TaskGroup::stop() {
    state_->is_stopping = true;
    // A child may end, and so leave the list, while the others are told to stop.
    std::vector<asio::cancellation_signal*> signals;
    for (auto& signal : state_->signals) {
        signals.push_back(&signal);
    }
    const auto state = state_;
    for (auto* signal : signals) {
        asio::post(executor_, [state, signal] {
            const auto living = std::ranges::find(
                state->signals, signal, [](asio::cancellation_signal& one) { return &one; });
            if (living != state->signals.end()) {
                living->emit(asio::cancellation_type::terminal);
            }
        });
    }
    return wait();
}

Task<> TaskGroup::wait() {
    const auto state = state_;
    while (!state->signals.empty()) {
        // Whoever waits may have been cancelled itself; the children must have ended all the same.
        const auto woken = co_await state->idle.wait();
        static_cast<void>(woken);
    }
    co_return Result<>{};
}

std::size_t TaskGroup::size() const {
    return state_->signals.size();
}

}  // namespace muster

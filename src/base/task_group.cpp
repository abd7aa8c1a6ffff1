#include "base/task_group.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cstdint>
#include <exception>
#include <map>

#include "base/event.h"

namespace muster {

namespace asio = boost::asio;

struct TaskGroup::Child {
    asio::cancellation_signal signal;
};

struct TaskGroup::State {
    std::map<std::uint64_t, Child> children;  ///< By number, in the order that they began.
    std::uint64_t begun = 0;
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

void TaskGroup::spawn(Task<> task, Child*& child) {
    if (state_->is_stopping) {
        return;
    }
    const auto place = state_->children.try_emplace(state_->begun++).first;
    child = &place->second;
    asio::co_spawn(
        executor_, run_child(std::move(task)),
        asio::bind_cancellation_slot(place->second.signal.slot(),
                                     [state = state_, place](const std::exception_ptr& failure) {
                                         // Library exceptions are turned into Errors inside the
                                         // adapters.
                                         if (failure) {
                                             std::terminate();
                                         }
                                         state->children.erase(place);
                                         if (state->children.empty()) {
                                             state->idle.notify();
                                         }
                                     }));
}

void TaskGroup::cancel(Child* child) {
    child->signal.emit(asio::cancellation_type::terminal);
}

void TaskGroup::spawn(Task<> task) {
    Child* ignored = nullptr;
    spawn(std::move(task), ignored);
}

Task<> TaskGroup::stop() {
    state_->is_stopping = true;
    // A child may end, and so leave the list, while the others are told to stop.
    const auto state = state_;
    for (const auto& [number, child] : state->children) {
        asio::post(executor_, [state, number] {
            const auto living = state->children.find(number);
            if (living != state->children.end()) {
                living->second.signal.emit(asio::cancellation_type::terminal);
            }
        });
    }
    return wait();
}

Task<> TaskGroup::wait() {
    const auto state = state_;
    while (!state->children.empty()) {
        // Whoever waits may have been cancelled itself; the children must have ended all the same.
        const auto woken = co_await state->idle.wait();
        static_cast<void>(woken);
    }
    co_return Result<>{};
}

std::size_t TaskGroup::size() const {
    return state_->children.size();
}

}  // namespace muster

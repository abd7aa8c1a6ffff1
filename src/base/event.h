#pragma once

#include <memory>

#include "base/task.h"

namespace muster {

/// Wakes waiting tasks of the same executor: a condition variable for coroutines. It carries no
/// state: a waiter re-reads what it waited for.
class Event {
  public:
    explicit Event(Executor executor);
    Event(Event&&) noexcept;
    Event& operator=(Event&&) noexcept;
    ~Event();

    /// Suspends until the next `notify()`. kCancelled when the task was cancelled.
    Task<> wait();
    /// Wakes all that wait now; never runs them inside this call.
    void notify();

  private:
    struct Waiters;
    std::unique_ptr<Waiters> waiters_;
};

}  // namespace muster

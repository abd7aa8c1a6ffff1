#pragma once

#include <cstddef>
#include <memory>

#include "base/task.h"

namespace muster {

/// Owns the coroutines that a component started. A component has one, spawns into it, and awaits
/// `stop()` before it goes: no task outlives what it refers to.
class TaskGroup {
  public:
    explicit TaskGroup(Executor executor);
    TaskGroup(const TaskGroup&) = delete;
    TaskGroup& operator=(const TaskGroup&) = delete;
    /// All children must have ended (`stop()` was awaited), or the executor is being torn down.
    ~TaskGroup();

    /// Starts `task` on the group's executor; its error, if any, is dropped, so a child handles its
    /// own failures. Nothing is started after `stop()`.
    void spawn(Task<> task);
    struct Child;
    /// The same, for a child that may be told to end by itself: `child` is its name, set before it
    /// runs, and not set after `stop()`.
    void spawn(Task<> task, Child*& child);
    /// Cancels a child that has not ended; never runs it inside this call.
    void cancel(Child* child);
    /// Cancels every child and waits until all have ended. Idempotent.
    Task<> stop();
    /// Waits until no child is left, without cancelling.
    Task<> wait();
    [[nodiscard]] std::size_t size() const;
    [[nodiscard]] const Executor& executor() const { return executor_; }

  private:
    struct State;
    Executor executor_;
    // Shared with the children's completion handlers, which may run after the group is gone when an
    // executor is torn down.
    std::shared_ptr<State> state_;
};

}  // namespace muster

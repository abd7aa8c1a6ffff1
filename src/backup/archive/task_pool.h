#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include "backup/bytes.h"
#include "base/result.h"

namespace muster::backup {

/// The work of an archive: directories and files on a stack (so that a tree is gone through depth
/// first and little is open at once), blobs of big files before them. Buffers are part of it, since
/// who waits for one helps with the blobs that hold them.
class TaskPool {
  public:
    using Task = std::function<Result<>()>;

    explicit TaskPool(std::size_t buffers) : free_buffers_(buffers) {}

    void push(Task task);
    /// Goes before all others.
    void push_urgent(Task task);
    /// Runs tasks until none is left anywhere, or one failed, or `stop` was called.
    Result<> work();
    void stop();

    /// A big buffer; while none is free, urgent tasks are run. kCancelled after `stop`.
    Result<std::shared_ptr<Buffer>> take_buffer(std::size_t capacity);

  private:
    Result<> run(std::unique_lock<std::mutex>& lock, Task task);
    void wake_all();
    void give_back(Buffer buffer);

    std::mutex mutex_;
    std::condition_variable filled_;       // A task, or the end.
    std::condition_variable buffer_free_;  // A buffer, an urgent task, or the end.
    // Before the tasks: those that are left over when it ends give their buffers back.
    std::size_t free_buffers_;
    std::vector<Buffer> spare_;
    std::vector<Task> stack_;
    std::deque<Task> urgent_;
    std::size_t unfinished_ = 0;
    bool is_stopped_ = false;
};

}  // namespace muster::backup

#include "backup/archive/task_pool.h"

#include <utility>

namespace muster::backup {

void TaskPool::push(Task task) {
    const std::scoped_lock lock(mutex_);
    stack_.push_back(std::move(task));
    ++unfinished_;
    filled_.notify_one();
}

void TaskPool::push_urgent(Task task) {
    const std::scoped_lock lock(mutex_);
    urgent_.push_back(std::move(task));
    ++unfinished_;
    filled_.notify_one();
    buffer_free_.notify_one();
}

void TaskPool::stop() {
    const std::scoped_lock lock(mutex_);
    is_stopped_ = true;
    wake_all();
}

void TaskPool::wake_all() {
    filled_.notify_all();
    buffer_free_.notify_all();
}

Result<> TaskPool::run(std::unique_lock<std::mutex>& lock, Task task) {
    lock.unlock();
    auto outcome = task();
    task = nullptr;  // What it holds is let go before the lock is taken again.
    lock.lock();
    --unfinished_;
    if (!outcome) {
        is_stopped_ = true;
    }
    if (unfinished_ == 0 || is_stopped_) {
        wake_all();
    }
    return outcome;
}

Result<> TaskPool::work() {
    std::unique_lock lock(mutex_);
    for (;;) {
        filled_.wait(lock, [&] {
            return is_stopped_ || unfinished_ == 0 || !urgent_.empty() || !stack_.empty();
        });
        if (is_stopped_ || unfinished_ == 0) {
            return {};
        }
        Task task;
        if (!urgent_.empty()) {
            task = std::move(urgent_.front());
            urgent_.pop_front();
        } else {
            task = std::move(stack_.back());
            stack_.pop_back();
        }
        TRY_OK(run(lock, std::move(task)));
    }
}

Result<std::shared_ptr<Buffer>> TaskPool::take_buffer(std::size_t capacity) {
    std::unique_lock lock(mutex_);
    while (free_buffers_ == 0 && !is_stopped_) {
        if (urgent_.empty()) {
            buffer_free_.wait(lock);
            continue;
        }
        Task task = std::move(urgent_.front());
        urgent_.pop_front();
        TRY_OK(run(lock, std::move(task)));
    }
    if (is_stopped_) {
        return Error(Errc::kCancelled, "the backup was stopped");
    }
    --free_buffers_;
    Buffer buffer;
    if (!spare_.empty()) {
        buffer = std::move(spare_.back());
        spare_.pop_back();
    }
    lock.unlock();
    buffer.reserve(capacity);
    // Shared by the blobs that lie in it, whichever thread ends last.
    return std::shared_ptr<Buffer>(new Buffer(std::move(buffer)), [this](Buffer* held) {
        give_back(std::move(*held));
        delete held;
    });
}

void TaskPool::give_back(Buffer buffer) {
    const std::scoped_lock lock(mutex_);
    ++free_buffers_;
    buffer.clear();
    spare_.push_back(std::move(buffer));
    buffer_free_.notify_one();
}

}  // namespace muster::backup

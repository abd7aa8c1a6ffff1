#pragma once

#include <atomic>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "adapters/state/tables.h"
#include "base/task.h"

namespace muster::adapters {

/// One call on its way to the store's thread and back.
class StoreRequest {
  public:
    explicit StoreRequest(Instant asked) : asked_(asked) {}
    StoreRequest(const StoreRequest&) = delete;
    StoreRequest& operator=(const StoreRequest&) = delete;
    virtual ~StoreRequest() = default;

    /// When it was asked for, by the caller's clock.
    [[nodiscard]] Instant asked() const { return asked_; }
    /// The caller has no time left: true when the thread had not taken it up, and never will.
    bool withdraw();
    /// The thread takes it up: false when it was withdrawn.
    bool take();

    /// On the thread: does its work; the answer counts only once the batch is durable.
    virtual void work(Tables& tables) = 0;
    /// On the thread: the batch failed.
    virtual void fail(const Error& error) = 0;
    /// On the executor: hands the answer over.
    virtual void deliver() = 0;

  private:
    enum class State { kQueued, kTaken, kWithdrawn };
    Instant asked_;
    std::atomic<State> state_{State::kQueued};
};

/// What a finished batch changed, for those who watch.
struct StoreNews {
    state::Revision revision;
    std::optional<Instant> next_expiry;
};

/// The thread that alone touches the database. Requests that arrive while one batch is on its way
/// to the disk make up the next batch: one fsync serves them all (group commit), and each still
/// sees the effects of those before it.
class StoreThread {
  public:
    /// Told on the executor after each batch that changed something, before its answers.
    using OnNews = std::function<void(StoreNews)>;

    StoreThread(Tables tables, Executor executor, OnNews on_news);
    StoreThread(const StoreThread&) = delete;
    StoreThread& operator=(const StoreThread&) = delete;
    /// Finishes what is queued and joins.
    ~StoreThread();

    /// kUnavailable when too many are waiting.
    Result<> submit(std::shared_ptr<StoreRequest> request);
    /// Requests not yet answered.
    [[nodiscard]] std::size_t waiting() const { return waiting_; }

  private:
    using Batch = std::vector<std::shared_ptr<StoreRequest>>;
    void loop();
    Batch next_batch();
    void carry_out(Batch batch);
    Result<> try_batch(const std::vector<StoreRequest*>& batch);
    void answer(Batch batch);

    Tables tables_;
    Executor executor_;
    OnNews on_news_;
    StoreNews told_;
    std::optional<Error> broken_;  ///< After a failed fsync nothing can be promised any more.
    std::mutex mutex_;
    std::condition_variable wake_;
    std::deque<std::shared_ptr<StoreRequest>> queue_;
    bool is_stopping_ = false;
    std::atomic<std::size_t> waiting_{0};
    std::thread thread_;  ///< Last: it uses all of the above.
};

}  // namespace muster::adapters

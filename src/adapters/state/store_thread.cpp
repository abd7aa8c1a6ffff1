#include "adapters/state/store_thread.h"

#include <pthread.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <csignal>

namespace muster::adapters {
namespace {

constexpr std::size_t kMaxBatch = 256;
constexpr std::size_t kMaxWaiting = 20'000;

}  // namespace

bool StoreRequest::withdraw() {
    auto expected = State::kQueued;
    return state_.compare_exchange_strong(expected, State::kWithdrawn);
}

bool StoreRequest::take() {
    auto expected = State::kQueued;
    return state_.compare_exchange_strong(expected, State::kTaken);
}

StoreThread::StoreThread(Tables tables, Executor executor, OnNews on_news)
    : tables_(std::move(tables)), executor_(std::move(executor)), on_news_(std::move(on_news)) {
    told_ = {tables_.revision(), tables_.next_expiry()};
    // Signals are the main thread's business: the new thread inherits a full mask.
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    thread_ = std::thread([this] { loop(); });
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

StoreThread::~StoreThread() {
    {
        const std::lock_guard lock(mutex_);
        is_stopping_ = true;
    }
    wake_.notify_one();
    thread_.join();
}

Result<> StoreThread::submit(std::shared_ptr<StoreRequest> request) {
    {
        const std::lock_guard lock(mutex_);
        if (queue_.size() >= kMaxWaiting) {
            return Error{Errc::kUnavailable,
                         std::to_string(queue_.size()) + " calls wait for the store's disk",
                         "see whether the disk is slow: `iostat -x 1`"};
        }
        queue_.push_back(std::move(request));
        ++waiting_;
    }
    wake_.notify_one();
    return {};
}

void StoreThread::loop() {
    for (;;) {
        auto batch = next_batch();
        if (batch.empty()) {
            return;
        }
        carry_out(std::move(batch));
    }
}

StoreThread::Batch StoreThread::next_batch() {
    std::unique_lock lock(mutex_);
    wake_.wait(lock, [this] { return is_stopping_ || !queue_.empty(); });
    const auto count = std::min(queue_.size(), kMaxBatch);
    const auto end = queue_.begin() + static_cast<std::ptrdiff_t>(count);
    Batch batch(std::make_move_iterator(queue_.begin()), std::make_move_iterator(end));
    queue_.erase(queue_.begin(), end);
    return batch;
}

void StoreThread::carry_out(Batch batch) {
    std::vector<StoreRequest*> taken;
    for (const auto& request : batch) {
        if (request->take()) {
            taken.push_back(request.get());
        }
    }
    const auto done = try_batch(taken);
    if (!done) {
        if (done.error().code() == Errc::kOutcomeUnknown) {
            broken_ = done.error();
        }
        for (auto* request : taken) {
            request->fail(done.error());
        }
    }
    answer(std::move(batch));
}

Result<> StoreThread::try_batch(const std::vector<StoreRequest*>& batch) {
    if (broken_) {
        return Error{Errc::kUnavailable, broken_->message() + "; nothing is stored since then",
                     broken_->hint()};
    }
    Instant now{};
    for (const auto* request : batch) {
        now = std::max(now, request->asked());
    }
    auto done = tables_.begin(now);
    for (auto* request : batch) {
        if (done && !tables_.failure()) {
            request->work(tables_);
        }
    }
    if (done && tables_.failure()) {
        done = *tables_.failure();
    }
    if (done) {
        done = tables_.commit();
    }
    if (!done) {
        tables_.roll_back();
    }
    return done;
}

void StoreThread::answer(Batch batch) {
    const StoreNews news{tables_.revision(), tables_.next_expiry()};
    const bool is_new = news.revision != told_.revision || news.next_expiry != told_.next_expiry;
    told_ = news;
    waiting_ -= batch.size();
    // One handler for the batch: each wakes the executor anew. The requests go with it, withdrawn
    // or not: their timers belong to the executor.
    auto deliver = [is_new, on_news = is_new ? on_news_ : OnNews(), news,
                    batch = std::move(batch)] {
        if (is_new) {
            on_news(news);
        }
        for (const auto& request : batch) {
            request->deliver();
        }
    };
    boost::asio::post(executor_, std::move(deliver));
}

}  // namespace muster::adapters

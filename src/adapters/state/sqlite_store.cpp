#include "adapters/state/sqlite_store.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <optional>

#include "adapters/state/store_file.h"
#include "adapters/state/store_thread.h"
#include "base/event.h"
#include "base/task_group.h"

namespace muster::adapters {

namespace asio = boost::asio;
using state::Changes;
using state::KeyValue;
using state::LeaseId;
using state::Revision;

namespace {

/// A timer takes no longer spans: a deadline may be as far as time goes.
constexpr Duration kLongestWait = std::chrono::hours(24);

// What a call does with a deadline that passes while the disk is at work.
enum class Access { kRead, kWrite };

template <class T>
class Pending final : public StoreRequest {
  public:
    using Work = std::function<Result<T>(Tables&)>;
    Pending(const Executor& executor, Instant asked, Work work)
        : StoreRequest(asked), work_(std::move(work)), timer_(executor) {}

    void work(Tables& tables) override { result_ = work_(tables); }
    void fail(const Error& error) override { result_ = error; }
    void deliver() override {
        is_delivered_ = true;
        timer_.cancel();
    }
    [[nodiscard]] bool is_delivered() const { return is_delivered_; }
    Result<T> take_result() { return std::move(*result_); }
    asio::steady_timer& timer() { return timer_; }

  private:
    Work work_;
    std::optional<Result<T>> result_;
    asio::steady_timer timer_;
    bool is_delivered_ = false;
};

// Why a call that was not answered is left.
Error left_alone(bool is_cancelled, bool was_withdrawn, Access access) {
    if (is_cancelled) {
        return Error{Errc::kCancelled, "the task was told to stop"};
    }
    if (was_withdrawn || access == Access::kRead) {
        return Error{Errc::kTimedOut, "the store's disk did not answer in time"};
    }
    return Error{Errc::kOutcomeUnknown, "the store's disk did not confirm the write in time",
                 "see whether the disk is slow: `iostat -x 1`"};
}

}  // namespace

struct SqliteStore::Impl {
    // Shared with handlers that the thread posted and that may run after the store is gone.
    struct Bulletin {
        explicit Bulletin(const Executor& executor) : changed(executor) {}
        Event changed;
        StoreNews news;
    };

    Impl(StoreLock held, Tables tables, Executor where, Clock& time)
        : lock(std::move(held)),
          executor(std::move(where)),
          clock(time),
          bulletin(std::make_shared<Bulletin>(executor)),
          thread((bulletin->news = {tables.revision(), tables.next_expiry()}, std::move(tables)),
                 executor, [bulletin = bulletin](StoreNews news) {
                     bulletin->news = news;
                     bulletin->changed.notify();
                 }) {}

    template <class T>
    Task<T> call(Access access, std::function<Result<T>(Tables&)> work, Instant deadline);
    Task<> ring(Instant when, std::shared_ptr<bool> has_rung);
    Task<> wait_for_news(StoreNews known, Instant until);

    StoreLock lock;
    Executor executor;
    Clock& clock;
    std::shared_ptr<Bulletin> bulletin;
    StoreThread thread;
};

template <class T>
Task<T> SqliteStore::Impl::call(Access access, std::function<Result<T>(Tables&)> work,
                                Instant deadline) {
    const auto now = clock.now();
    if (deadline <= now) {
        co_return Error{Errc::kTimedOut, "no time was left to ask the store"};
    }
    const auto pending = std::make_shared<Pending<T>>(executor, now, std::move(work));
    CO_TRY_OK(thread.submit(pending));
    while (!pending->is_delivered()) {
        pending->timer().expires_after(std::min<Duration>(deadline - clock.now(), kLongestWait));
        const auto woken =
            co_await pending->timer().async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(woken);
        const auto cancellation = co_await asio::this_coro::cancellation_state;
        const bool is_cancelled = cancellation.cancelled() != asio::cancellation_type::none;
        if (!pending->is_delivered() && (is_cancelled || clock.now() >= deadline)) {
            const bool was_withdrawn = pending->withdraw();
            co_return left_alone(is_cancelled, was_withdrawn, access);
        }
    }
    co_return pending->take_result();
}

Task<> SqliteStore::Impl::ring(Instant when, std::shared_ptr<bool> has_rung) {
    const auto slept = co_await clock.sleep_until(when);
    static_cast<void>(slept);
    *has_rung = true;
    bulletin->changed.notify();
    co_return Result<>{};
}

// Waits for anything newer than what the caller knows, or until that time.
Task<> SqliteStore::Impl::wait_for_news(StoreNews known, Instant until) {
    // Shared with the alarm, which may be destroyed after this frame when the loop is torn down.
    const auto has_rung = std::make_shared<bool>(false);
    TaskGroup alarm(executor);
    alarm.spawn(ring(until, has_rung));
    Result<> woken;
    while (woken && !*has_rung && bulletin->news.revision == known.revision &&
           bulletin->news.next_expiry == known.next_expiry) {
        woken = co_await bulletin->changed.wait();
    }
    const auto stopped = co_await alarm.stop();
    static_cast<void>(stopped);
    co_return woken;
}

Result<std::unique_ptr<SqliteStore>> SqliteStore::open(const std::string& path, Executor executor,
                                                       Clock& clock) {
    TRY(auto lock, StoreLock::take(path));
    TRY(auto database, open_store_file(path, lock));
    TRY(auto tables, Tables::load(std::move(database), clock.now()));
    auto impl =
        std::make_unique<Impl>(std::move(lock), std::move(tables), std::move(executor), clock);
    return std::unique_ptr<SqliteStore>(new SqliteStore(std::move(impl)));
}

SqliteStore::SqliteStore(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
}
SqliteStore::~SqliteStore() = default;

std::size_t SqliteStore::waiting() const {
    return impl_->thread.waiting();
}

Task<std::optional<KeyValue>> SqliteStore::get(std::string key, Instant deadline) {
    return impl_->call<std::optional<KeyValue>>(
        Access::kRead, [key = std::move(key)](Tables& tables) { return tables.get(key); },
        deadline);
}

Task<std::vector<KeyValue>> SqliteStore::list(Range range, Instant deadline) {
    return impl_->call<std::vector<KeyValue>>(
        Access::kRead, [range = std::move(range)](Tables& tables) { return tables.list(range); },
        deadline);
}

Task<Revision> SqliteStore::commit(state::Transaction transaction, Instant deadline) {
    return impl_->call<Revision>(
        Access::kWrite,
        [transaction = std::move(transaction)](Tables& tables) {
            return tables.apply(transaction);
        },
        deadline);
}

Task<LeaseId> SqliteStore::grant(Duration ttl, Instant deadline) {
    return impl_->call<LeaseId>(
        Access::kWrite, [ttl](Tables& tables) { return tables.grant(ttl); }, deadline);
}

Task<> SqliteStore::renew(LeaseId lease, Instant deadline) {
    return impl_->call<void>(
        Access::kWrite, [lease](Tables& tables) { return tables.renew(lease); }, deadline);
}

Task<> SqliteStore::revoke(LeaseId lease, Instant deadline) {
    return impl_->call<void>(
        Access::kWrite, [lease](Tables& tables) { return tables.revoke(lease); }, deadline);
}

Task<Changes> SqliteStore::watch(std::string prefix, Revision from, Instant deadline) {
    for (;;) {
        const auto known = impl_->bulletin->news;
        const auto now = impl_->clock.now();
        const auto wake = std::min(deadline, known.next_expiry.value_or(deadline));
        if (now >= deadline) {
            co_return Changes{{}, from};
        }
        // Nothing newer than `from` and no lease over: the disk need not be asked.
        const bool may_have_news = from <= known.revision || now >= wake;
        if (!may_have_news) {
            CO_TRY_OK(co_await impl_->wait_for_news(known, wake));
            continue;
        }
        auto found = co_await impl_->call<Changes>(
            Access::kRead, [prefix, from](Tables& tables) { return tables.changes(prefix, from); },
            deadline);
        if (!found && found.error().code() == Errc::kTimedOut) {
            co_return Changes{{}, from};
        }
        if (!found || !found->changes.empty()) {
            co_return found;
        }
        from = std::max(from, found->next);
        CO_TRY_OK(co_await impl_->wait_for_news(known, wake));
    }
}

Task<Revision> SqliteStore::revision(Instant deadline) {
    return impl_->call<Revision>(
        Access::kRead, [](Tables& tables) -> Result<Revision> { return tables.revision(); },
        deadline);
}

}  // namespace muster::adapters

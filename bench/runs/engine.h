#pragma once

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>

#include "adapters/os/system.h"
#include "adapters/state/sqlite_store.h"
#include "support/report.h"
#include "workflow/runner.h"

namespace muster::bench {

/// An empty directory on the disk that TMPDIR names; gone at the end.
class Scratch {
  public:
    Scratch() : path_((std::filesystem::temp_directory_path() / "muster-bench-XXXXXX").string()) {
        if (mkdtemp(path_.data()) == nullptr) {
            give_up("can't make a directory like " + path_);
        }
    }
    Scratch(const Scratch&) = delete;
    Scratch& operator=(const Scratch&) = delete;
    ~Scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }

  private:
    std::string path_;
};

template <class T>
T value_of(Result<T> result) {
    if (!result) {
        give_up(result.error().message());
    }
    if constexpr (!std::is_void_v<T>) {
        return *std::move(result);
    }
}

/// A step that has nothing to do, or, told to wait, does not end before it is told to stop.
class IdleAction final : public workflow::Action {
  public:
    IdleAction(Clock& clock, bool waits, std::size_t& waiting)
        : clock_(clock), waits_(waits), waiting_(waiting) {}
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::hours(1), .is_idempotent = true};
    }
    Task<workflow::Observation> observe(workflow::Call /*call*/, Instant /*deadline*/) override {
        co_return workflow::Observation{workflow::Observation::State::kNotDone, {}};
    }
    Task<Fields> apply(workflow::Call /*call*/, Instant deadline) override {
        if (waits_) {
            ++waiting_;
            CO_TRY_OK(co_await clock_.sleep_until(deadline));
        }
        co_return Fields{};
    }
    Task<> undo(workflow::Call /*call*/, Instant /*deadline*/) override { co_return Result<>{}; }

  private:
    Clock& clock_;
    bool waits_;
    std::size_t& waiting_;
};

/// The run engine over the embedded store, as the daemon wires them.
class Engine {
  public:
    explicit Engine(const std::string& path)
        : store_(value_of(adapters::SqliteStore::open(path, loop_.get_executor(), clock_))) {
        actions_.add("nothing", {}, std::make_unique<IdleAction>(clock_, false, waiting_));
        actions_.add("wait", {}, std::make_unique<IdleAction>(clock_, true, waiting_));
        runner_.emplace(
            workflow::Runner::Deps{.executor = loop_.get_executor(),
                                   .clock = clock_,
                                   .random = random_,
                                   .log = log_,
                                   .store = *store_,
                                   .actions = actions_,
                                   .may_act = [](const ServiceId&, Epoch) { return true; }},
            [this](const workflow::Run& run) { note(run); });
    }
    Engine(const Engine&) = delete;
    Engine& operator=(const Engine&) = delete;
    ~Engine() { finish(runner_->stop()); }

    [[nodiscard]] workflow::Runner& runner() { return *runner_; }
    Task<state::Revision> commit(state::Transaction transaction) {
        return store_->commit(std::move(transaction), clock_.now() + std::chrono::minutes(1));
    }
    /// Runs that have ended.
    [[nodiscard]] int done() const { return done_; }
    /// Steps that were begun and wait.
    [[nodiscard]] std::size_t waiting() const { return waiting_; }

    void turn() {
        loop_.restart();
        loop_.run_one();
    }
    template <class T>
    T finish(Task<T> task) {
        std::optional<Result<T>> outcome;
        begin(std::move(task), [&](Result<T> result) { outcome = std::move(result); });
        while (!outcome) {
            turn();
        }
        return value_of(*std::move(outcome));
    }
    template <class T, class Then>
    void begin(Task<T> task, Then then) {
        boost::asio::co_spawn(
            loop_, std::move(task),
            [then](const std::exception_ptr&, Result<T> result) { then(std::move(result)); });
    }

  private:
    void note(const workflow::Run& run) {
        if (run.status == workflow::RunStatus::kDone) {
            ++done_;
        } else if (run.status != workflow::RunStatus::kRunning) {
            give_up("a run does not go on: " + run.reason);
        }
    }

    boost::asio::io_context loop_;
    adapters::SystemClock clock_;
    adapters::SystemRandom random_;
    NullLog log_;
    std::unique_ptr<adapters::SqliteStore> store_;
    workflow::Actions actions_;
    std::size_t waiting_ = 0;
    int done_ = 0;
    std::optional<workflow::Runner> runner_;
};

}  // namespace muster::bench

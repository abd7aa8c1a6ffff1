// Durable steps per second of the run engine and its store, beside plain SQLite transactions.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdlib>
#include <filesystem>
#include <optional>

#include "adapters/os/system.h"
#include "adapters/state/database.h"
#include "adapters/state/sqlite_store.h"
#include "support/report.h"
#include "workflow/runner.h"

namespace {

using namespace muster;
namespace asio = boost::asio;

constexpr int kStepsPerRun = 50;
constexpr int kManyRuns = 32;
constexpr int kPlainTransactions = 500;
/// About what a journal entry weighs.
constexpr std::size_t kPlainBytes = 400;

/// A step that has nothing to do.
class NothingAction final : public workflow::Action {
  public:
    [[nodiscard]] workflow::Traits traits() const override { return {.is_idempotent = true}; }
    Task<workflow::Observation> observe(workflow::Call /*call*/, Instant /*deadline*/) override {
        co_return workflow::Observation{workflow::Observation::State::kNotDone, {}};
    }
    Task<Fields> apply(workflow::Call /*call*/, Instant /*deadline*/) override {
        co_return Fields{};
    }
    Task<> undo(workflow::Call /*call*/, Instant /*deadline*/) override { co_return Result<>{}; }
};

/// An empty directory on the disk that TMPDIR names; gone at the end.
class Scratch {
  public:
    Scratch() : path_((std::filesystem::temp_directory_path() / "muster-bench-XXXXXX").string()) {
        if (mkdtemp(path_.data()) == nullptr) {
            bench::give_up("can't make a directory like " + path_);
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
        bench::give_up(result.error().message());
    }
    if constexpr (!std::is_void_v<T>) {
        return *std::move(result);
    }
}

template <class T>
T finish(asio::io_context& loop, Task<T> task) {
    std::optional<Result<T>> outcome;
    asio::co_spawn(loop, std::move(task), [&](const std::exception_ptr&, Result<T> result) {
        outcome = std::move(result);
    });
    while (!outcome) {
        loop.restart();
        loop.run_one();
    }
    return value_of(*std::move(outcome));
}

/// Each step needs the one before it, so that none is written together with its neighbour.
workflow::RunSpec chain(int number) {
    const auto name = std::to_string(number);
    workflow::RunSpec spec;
    spec.id = RunId("r-" + name);
    spec.cause.kind = "failover";
    spec.cause.service = ServiceId("s" + name);
    spec.cause.from = SiteId("east");
    spec.cause.to = SiteId("west");
    spec.cause.epoch = {1};
    for (int i = 0; i < kStepsPerRun; ++i) {
        plan::Step step;
        step.id = StepId("step" + std::to_string(i));
        step.action = "nothing";
        step.with.kind = plan::Node::Kind::kMap;
        if (i > 0) {
            step.needs.push_back(spec.steps.back().id);
        }
        spec.steps.push_back(step);
    }
    return spec;
}

double steps_per_second(int runs) {
    const Scratch scratch;
    asio::io_context loop;
    adapters::SystemClock clock;
    adapters::SystemRandom random;
    NullLog log;
    const auto store =
        value_of(adapters::SqliteStore::open(scratch.file("state.db"), loop.get_executor(), clock));
    workflow::Actions actions;
    actions.add("nothing", {}, std::make_unique<NothingAction>());
    int done = 0;
    workflow::Runner runner({.executor = loop.get_executor(),
                             .clock = clock,
                             .random = random,
                             .log = log,
                             .store = *store,
                             .actions = actions,
                             .may_act = [](const ServiceId&, Epoch) { return true; }},
                            [&](const workflow::Run& run) {
                                if (run.status == workflow::RunStatus::kDone) {
                                    ++done;
                                } else if (run.status != workflow::RunStatus::kRunning) {
                                    bench::give_up("a run does not go on: " + run.reason);
                                }
                            });
    const double seconds = bench::seconds_of([&] {
        for (int i = 0; i < runs; ++i) {
            finish(loop, runner.start(chain(i)));
        }
        while (done < runs) {
            loop.restart();
            loop.run_one();
        }
    });
    finish(loop, runner.stop());
    return runs * kStepsPerRun / seconds;
}

double plain_transactions_per_second() {
    const Scratch scratch;
    auto database = value_of(adapters::Database::open(scratch.file("plain.db")));
    value_of(
        database.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                         "CREATE TABLE journal (number INTEGER PRIMARY KEY, entry BLOB);"));
    auto insert = value_of(database.prepare("INSERT INTO journal VALUES (?, ?)"));
    const std::string entry(kPlainBytes, 'x');
    const double seconds = bench::seconds_of([&] {
        for (int i = 0; i < kPlainTransactions; ++i) {
            value_of(insert.reset().bind(i).bind(entry).run());
        }
    });
    return kPlainTransactions / seconds;
}

}  // namespace

int main(int count, char** words) {
    bench::Report report;
    const auto many = std::to_string(kManyRuns) + " runs at once";
    for (int i = 0; i < bench::kRepetitions; ++i) {
        report.add({"plain SQLite, FULL, WAL", "one insert each", "transactions/s"},
                   plain_transactions_per_second());
        report.add({"muster runs", "1 run at once", "steps/s"}, steps_per_second(1));
        report.add({"muster runs", many, "steps/s"}, steps_per_second(kManyRuns));
    }
    return report.finish(bench::words_of(count, words));
}

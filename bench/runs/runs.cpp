// Durable steps per second of the run engine and its store, and the memory of many runs, beside
// plain SQLite.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <fstream>

#include "adapters/state/database.h"
#include "runs/engine.h"

namespace {

using namespace muster;
using bench::Engine;
using bench::Scratch;
using bench::value_of;

constexpr int kStepsPerRun = 50;
constexpr int kManyRuns = 32;
/// Transactions, or steps of one run after the other, in a slice.
constexpr int kSlice = 100;
constexpr int kSlices = 10;
/// About what a journal entry weighs.
constexpr std::size_t kPlainBytes = 400;
constexpr int kRunsInFlight = 10'000;
/// Of a run in flight: what the move of a service with a database, servers and a name has.
constexpr int kStepsInFlight = 12;
constexpr int kStartsAtOnce = 500;
constexpr double kMegabyte = 1e6;

plan::Node parameters() {
    plan::Node out;
    out.kind = plan::Node::Kind::kMap;
    const std::array<const char*, 4> names{"component", "site", "from", "deadline"};
    for (const auto* name : names) {
        plan::Node value;
        value.kind = plan::Node::Kind::kScalar;
        value.scalar = std::string("value-of-") + name;
        out.entries.push_back({name, {}, value});
    }
    return out;
}

/// Each step needs the one before it, so that none is written together with its neighbour.
workflow::RunSpec chain(int number, int steps, const std::string& action) {
    const auto name = std::to_string(number);
    workflow::RunSpec spec;
    spec.id = RunId("r-" + name);
    spec.cause.kind = "failover";
    spec.cause.service = ServiceId("s" + name);
    spec.cause.from = SiteId("east");
    spec.cause.to = SiteId("west");
    spec.cause.epoch = {1};
    std::vector<plan::Step> all;
    for (int i = 0; i < steps; ++i) {
        plan::Step step;
        step.id = StepId("step" + std::to_string(i));
        step.action = action;
        step.with = parameters();
        if (i > 0) {
            step.needs.push_back(all.back().id);
        }
        all.push_back(step);
    }
    spec.steps = std::move(all);
    return spec;
}

/// Each of these does a slice of its work and answers the seconds it took. The slices of all take
/// turns, so that other work on the machine falls on all of them alike.
class Plain {
  public:
    Plain() : database_(value_of(adapters::Database::open(scratch_.file("plain.db")))) {
        value_of(
            database_.execute("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                              "CREATE TABLE journal (number INTEGER PRIMARY KEY, entry BLOB);"));
        insert_ = value_of(database_.prepare("INSERT INTO journal VALUES (?, ?)"));
    }
    double slice() {
        return bench::seconds_of([this] {
            for (int i = 0; i < kSlice; ++i) {
                value_of(insert_.reset().bind(number_++).bind(entry_).run());
            }
        });
    }

  private:
    Scratch scratch_;
    adapters::Database database_;
    adapters::Statement insert_;
    const std::string entry_ = std::string(kPlainBytes, 'x');
    std::int64_t number_ = 0;
};

class Puts {
  public:
    double slice() {
        return bench::seconds_of([this] {
            for (int i = 0; i < kSlice; ++i) {
                const auto key = std::to_string(number_++);
                engine_.finish(engine_.commit({{}, {state::Op::put(key, entry_)}}));
            }
        });
    }

  private:
    Scratch scratch_;
    Engine engine_{scratch_.file("state.db")};
    const std::string entry_ = std::string(kPlainBytes, 'x');
    int number_ = 0;
};

class Runs {
  public:
    explicit Runs(int at_once) : at_once_(at_once) {}
    double slice() {
        return bench::seconds_of([this] {
            for (int round = 0; round < std::max(1, kSlice / kStepsPerRun / at_once_); ++round) {
                finish_some();
            }
        });
    }
    [[nodiscard]] double steps() const { return static_cast<double>(begun_) * kStepsPerRun; }

  private:
    void finish_some() {
        for (int i = 0; i < at_once_; ++i) {
            engine_.finish(engine_.runner().start(chain(begun_++, kStepsPerRun, "nothing")));
        }
        while (engine_.done() < begun_) {
            engine_.turn();
        }
    }
    Scratch scratch_;
    Engine engine_{scratch_.file("state.db")};
    int at_once_;
    int begun_ = 0;
};

double resident_megabytes() {
    std::ifstream file("/proc/self/statm");
    double all = 0;
    double resident = 0;
    file >> all >> resident;
    return resident * static_cast<double>(sysconf(_SC_PAGESIZE)) / kMegabyte;
}

void start_all(Engine& engine) {
    int begun = 0;
    int ended = 0;
    while (ended < kRunsInFlight || engine.waiting() < kRunsInFlight) {
        while (begun < kRunsInFlight && begun - ended < kStartsAtOnce) {
            engine.begin(engine.runner().start(chain(begun, kStepsInFlight, "wait")),
                         [&ended](Result<RunId> run) {
                             value_of(std::move(run));
                             ++ended;
                         });
            ++begun;
        }
        engine.turn();
    }
}

struct Crowd {
    double start_seconds = 0;
    double resident = 0;
    double recover_seconds = 0;
    double resident_after = 0;
};

/// All wait inside their first step; then the process ends, and another takes all of them up until
/// they wait there again. Each life is a process of its own, so that its memory is its own.
template <class Life>
std::array<double, 2> in_a_process(const Life& life) {
    std::array<int, 2> ends{};
    if (pipe(ends.data()) != 0) {
        bench::give_up("can't make a pipe");
    }
    const pid_t child = fork();
    if (child == 0) {
        const std::array<double, 2> figures = life();
        const bool is_told = write(ends[1], figures.data(), sizeof figures) == sizeof figures;
        _exit(is_told ? 0 : 1);
    }
    close(ends[1]);
    std::array<double, 2> figures{};
    const bool is_told = read(ends[0], figures.data(), sizeof figures) == sizeof figures;
    close(ends[0]);
    int status = 0;
    waitpid(child, &status, 0);
    if (!is_told || status != 0) {
        bench::give_up("the process with many runs failed");
    }
    return figures;
}

Crowd crowd() {
    const Scratch scratch;
    const auto path = scratch.file("state.db");
    const auto first = in_a_process([&]() -> std::array<double, 2> {
        Engine engine(path);
        const double seconds = bench::seconds_of([&] { start_all(engine); });
        return {seconds, resident_megabytes()};
    });
    const auto second = in_a_process([&]() -> std::array<double, 2> {
        Engine engine(path);
        const double seconds = bench::seconds_of([&] {
            engine.finish(engine.runner().recover());
            while (engine.waiting() < kRunsInFlight) {
                engine.turn();
            }
        });
        return {seconds, resident_megabytes()};
    });
    return {first[0], first[1], second[0], second[1]};
}

void measure_crowd(bench::Report& report) {
    const auto named = [](const char* what) { return "10,000 in flight, " + std::string(what); };
    for (int i = 0; i < bench::kRepetitions; ++i) {
        const auto seen = crowd();
        report.add({"muster runs", named("started"), "s"}, seen.start_seconds);
        report.add({"muster runs", named("resident"), "MB"}, seen.resident);
        report.add({"muster runs", named("taken up"), "s"}, seen.recover_seconds);
        report.add({"muster runs", named("resident after"), "MB"}, seen.resident_after);
    }
}

void measure_steps(bench::Report& report) {
    const auto many = std::to_string(kManyRuns) + " runs at once";
    for (int i = 0; i < bench::kRepetitions; ++i) {
        Plain plain;
        Puts puts;
        Runs single(1);
        Runs crowd(kManyRuns);
        double plain_seconds = 0;
        double put_seconds = 0;
        double single_seconds = 0;
        double crowd_seconds = 0;
        for (int slice = 0; slice < kSlices; ++slice) {
            plain_seconds += plain.slice();
            put_seconds += puts.slice();
            single_seconds += single.slice();
            crowd_seconds += crowd.slice();
        }
        constexpr double kTransactions = kSlices * kSlice;
        const double baseline = kTransactions / plain_seconds;
        const double one = single.steps() / single_seconds;
        const double all = crowd.steps() / crowd_seconds;
        report.add({"plain SQLite, FULL, WAL", "one insert each", "transactions/s"}, baseline);
        report.add({"muster store", "one put each", "transactions/s"}, kTransactions / put_seconds);
        report.add({"muster runs", "1 run at once", "steps/s"}, one);
        report.add({"muster runs", many, "steps/s"}, all);
        report.add({"muster runs / plain", "1 run at once", "ratio"}, one / baseline);
        report.add({"muster runs / plain", many, "ratio"}, all / baseline);
    }
}

}  // namespace

// With the word "steps" or "crowd", only that half.
int main(int count, char** words) {
    const auto all = bench::words_of(count, words);
    const auto wants = [&all](const char* half, const char* other) {
        return std::find(all.begin(), all.end(), half) != all.end() ||
               std::find(all.begin(), all.end(), other) == all.end();
    };
    bench::Report report;
    if (wants("steps", "crowd")) {
        measure_steps(report);
    }
    if (wants("crowd", "steps")) {
        measure_crowd(report);
    }
    return report.finish(all);
}

#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/event.h"
#include "workflow/journal.h"
#include "workflow/machine.h"
#include "workflow/runner.h"

namespace muster::workflow {

/// What became of a person's request, once it is journaled or refused.
struct Reply {
    explicit Reply(const Executor& executor) : given(executor) {}
    Event given;
    std::optional<Result<>> result;
};

/// A call to an action under way.
struct Outcome {
    explicit Outcome(const Executor& executor) : changed(executor) {}
    Event changed;
    std::optional<Entry> cause;
    bool may_be_cut = false;
    bool is_late = false;
    bool is_cut = false;
};

/// A run in this process: the machine, its place in the journal, and the causes not yet taken.
struct Live {
    struct Input {
        Entry cause;
        std::shared_ptr<Reply> reply;  ///< Shared: the asker may be gone before the answer.
    };
    explicit Live(const Executor& executor) : wake(executor) {}

    std::optional<Machine> machine;  ///< Nothing when the journal can't be read.
    Run view;                        ///< As journaled: what others see.
    std::int64_t next_number = 1;
    std::string sum;  ///< Of the newest record.
    std::deque<Input> inputs;
    Event wake;
    Instant base{};  ///< Where `Entry::after` is 0 on this process's clock.
    std::optional<Instant> alarm;
    bool is_driven = false;
    bool is_cut = false;  ///< It was cut short: no call is waited for that need not be.
    std::map<StepId, std::shared_ptr<Outcome>> calls;  ///< Shared: with who waits for its end.
    std::optional<Error> broken;  ///< Why it is not driven although it has not ended.
};

/// A start under way; it goes on when the asker is cancelled.
struct Starting {
    explicit Starting(const Executor& executor) : ended(executor) {}
    Event ended;
    std::optional<Result<RunId>> result;
};

struct Runner::State {
    // Shared: a call or an alarm may end after the run left the list.
    using LivePtr = std::shared_ptr<Live>;

    State(Deps given, OnChange callback);

    // runner.cpp
    Task<RunId> start(RunSpec spec);
    Task<> start_in_group(RunSpec spec, std::shared_ptr<Starting> starting);
    Task<RunId> start_here(RunSpec spec);
    Task<> commit_start(LivePtr live, Sealed first, Sealed second);
    Task<> explain_conflict(ServiceId service);
    Task<> request(RunId run, Entry cause);
    void remember(LivePtr live);
    void forget_old();
    [[nodiscard]] LivePtr find(const RunId& run) const;
    // drive.cpp
    Task<> drive(LivePtr live);
    Task<> take(LivePtr live, Entry cause);
    Task<> commit_record(LivePtr live, std::string key, Sealed sealed);
    Task<bool> is_written(std::string key, std::string text);
    void log_status(const Run& run);
    static void show(Live& live, const std::vector<Entry>& entries);
    void push(Live& live, Live::Input input);
    void set_alarm(const LivePtr& live);
    Task<> ring(std::weak_ptr<Live> live, Instant when);
    void give_up(Live& live, const Error& error);
    // call.cpp
    Task<> cut_short(RunId run, std::string by);
    [[nodiscard]] static std::shared_ptr<Outcome> open_call(const Executor& executor, Live& live,
                                                            const Directive& directive);
    Task<> perform(LivePtr live, Directive directive);
    Task<> call(Directive directive, Instant deadline, std::shared_ptr<Outcome> outcome);
    Task<> expire(Instant when, std::shared_ptr<Outcome> outcome);
    // recover.cpp
    struct Stored {
        RunId id;
        std::optional<std::string> spec;
        std::map<std::int64_t, std::string> records;
    };
    Task<> recover();
    void collect(state::KeyValue entry, Stored& current);
    void take_up(const Stored& stored);
    [[nodiscard]] Result<> load(const Stored& stored, Live& live) const;
    // set_aside.cpp
    Task<> set_aside(LivePtr live, std::string by);

    Deps deps;
    OnChange on_change;
    TaskGroup group;
    std::string writer;
    bool is_stopping = false;
    std::map<RunId, LivePtr> runs;
};

}  // namespace muster::workflow

#include <algorithm>
#include <utility>

#include "workflow/live.h"

// One coroutine drives each run: it takes the causes in turn, writes what follows from each, and
// only then shows it and lets the calls begin.

namespace muster::workflow {
namespace {

constexpr Duration kStoreTimeout = std::chrono::seconds(5);
constexpr Duration kFirstPause = std::chrono::milliseconds(100);
constexpr Duration kLongestPause = std::chrono::seconds(5);
constexpr double kJitter = 0.2;

void answer(const Live::Input& input, Result<> result) {
    if (input.reply != nullptr) {
        input.reply->result = std::move(result);
        input.reply->given.notify();
    }
}

}  // namespace

void Runner::State::push(Live& live, Live::Input input) {
    live.inputs.push_back(std::move(input));
    live.wake.notify();
}

Task<> Runner::State::drive(LivePtr live) {
    while (live->is_driven && !is_stopping) {
        if (live->inputs.empty()) {
            set_alarm(live);
            CO_TRY_OK(co_await live->wake.wait());
            continue;
        }
        auto input = std::move(live->inputs.front());
        live->inputs.pop_front();
        const auto taken = co_await take(live, std::move(input.cause));
        answer(input, taken);
    }
    for (const auto& input : live->inputs) {
        answer(input, Error{Errc::kCancelled,
                            "run " + live->view.spec.id.str() + " is not driven any more"});
    }
    live->inputs.clear();
    forget_old();
    co_return Result<>{};
}

// The outcome of one step and the intents that follow from it are one record: one write each.
Task<> Runner::State::take(LivePtr live, Entry cause) {
    cause.at = deps.clock.wall();
    cause.after = deps.clock.now() - live->base;
    CO_TRY(auto reaction, live->machine->take(std::move(cause)));
    if (reaction.entries.empty()) {
        co_return Result<>{};
    }
    const auto id = live->view.spec.id;
    const Record record{live->next_number, writer, std::move(reaction.entries)};
    auto sealed = encode(record, id, live->sum);
    auto sum = sealed.sum;
    const auto written =
        co_await commit_record(live, record_key(id, record.number), std::move(sealed));
    if (!written) {
        give_up(*live, written.error());
        co_return written;
    }
    ++live->next_number;
    live->sum = std::move(sum);
    live->is_driven = !is_final(live->machine->run().status);
    const auto before = live->view.status;
    show(*live, record.entries);
    if (live->view.status != before) {
        log_status(live->view);
    }
    if (on_change) {
        on_change(live->view);
    }
    for (auto& directive : reaction.directives) {
        group.spawn(perform(live, std::move(directive)));
    }
    co_return Result<>{};
}

void Runner::State::log_status(const Run& run) {
    const auto level = run.status == RunStatus::kWaiting ? Level::kWarn : Level::kInfo;
    const std::initializer_list<LogField> fields{{"run", run.spec.id},
                                                 {"service", run.spec.cause.service},
                                                 {"status", to_string(run.status)},
                                                 {"reason", run.reason}};
    deps.log.write(level, "run.status", fields);
}

// Only what the entries changed is copied: a run may have a thousand steps.
void Runner::State::show(Live& live, const std::vector<Entry>& entries) {
    const auto& from = live.machine->run();
    auto& view = live.view;
    view.status = from.status;
    view.reason = from.reason;
    view.started = from.started;
    view.ended = from.ended;
    view.took = from.took;
    view.restarts = from.restarts;
    for (const auto& entry : entries) {
        if (!entry.step.empty()) {
            view.steps[entry.step] = from.steps.at(entry.step);
        } else if (entry.kind != Entry::Kind::kStatus) {
            view.steps = from.steps;  // It concerns the whole run.
        }
    }
}

// The run rests here until the store takes the record: nothing happens that is not written.
Task<> Runner::State::commit_record(LivePtr live, std::string key, Sealed sealed) {
    const auto& run = live->machine->run();
    state::Transaction transaction{{{key, {}}}, {state::Op::put(key, sealed.text)}};
    if (is_final(run.status) && !run.spec.cause.service.empty()) {
        transaction.ops.push_back(state::Op::erase(lock_key(run.spec.cause.service)));
    }
    Duration pause = kFirstPause;
    while (true) {
        const auto committed =
            co_await deps.store.commit(transaction, deps.clock.now() + kStoreTimeout);
        if (committed) {
            co_return Result<>{};
        }
        const auto code = committed.error().code();
        if (code == Errc::kConflict || code == Errc::kOutcomeUnknown) {
            CO_TRY(const bool is_there, co_await is_written(key, sealed.text));
            if (is_there) {
                co_return Result<>{};
            }
        } else if (code != Errc::kUnavailable && code != Errc::kTimedOut) {
            co_return committed.error();
        }
        deps.log.warn("run.store_unavailable",
                      {{"run", run.spec.id}, {"error", committed.error().message()}});
        CO_TRY_OK(co_await deps.clock.sleep_for(deps.random.jitter(pause, kJitter)));
        pause = std::min(pause * 2, kLongestPause);
    }
}

/// True when `key` holds `text`, false when it holds nothing; kConflict when it holds another.
Task<bool> Runner::State::is_written(std::string key, std::string text) {
    Duration pause = kFirstPause;
    while (true) {
        const auto found = co_await deps.store.get(key, deps.clock.now() + kStoreTimeout);
        if (found && *found && (*found)->value != text) {
            co_return Error{Errc::kConflict, "another process has written " + key,
                            "run one muster per data directory and site"};
        }
        if (found) {
            co_return found->has_value();
        }
        const auto code = found.error().code();
        if (code != Errc::kUnavailable && code != Errc::kTimedOut &&
            code != Errc::kOutcomeUnknown) {
            co_return found.error();
        }
        CO_TRY_OK(co_await deps.clock.sleep_for(deps.random.jitter(pause, kJitter)));
        pause = std::min(pause * 2, kLongestPause);
    }
}

// The machine is ahead of the journal: it must not be used again.
void Runner::State::give_up(Live& live, const Error& error) {
    live.is_driven = false;
    live.broken = Error(error).with("run " + live.view.spec.id.str() + " is not driven here");
    if (error.code() == Errc::kCancelled) {
        return;
    }
    live.view.status = RunStatus::kWaiting;
    live.view.reason = live.broken->message();
    deps.log.error("run.given_up", {{"run", live.view.spec.id}, {"error", error.message()}});
    if (on_change) {
        on_change(live.view);
    }
}

void Runner::State::set_alarm(const LivePtr& live) {
    const auto next = live->machine->next_timer();
    if (!next) {
        return;
    }
    const auto when = live->base + *next;
    if (!live->alarm || when < *live->alarm) {
        live->alarm = when;
        group.spawn(ring(live, when));
    }
}

Task<> Runner::State::ring(std::weak_ptr<Live> live, Instant when) {
    CO_TRY_OK(co_await deps.clock.sleep_until(when));
    const auto still = live.lock();
    if (still == nullptr || still->alarm != when) {
        co_return Result<>{};
    }
    still->alarm.reset();
    Entry cause;
    cause.kind = Entry::Kind::kTimer;
    push(*still, {std::move(cause), nullptr});
    co_return Result<>{};
}

}  // namespace muster::workflow

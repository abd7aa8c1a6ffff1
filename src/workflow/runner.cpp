#include "workflow/runner.h"

#include <algorithm>
#include <utility>

#include "workflow/live.h"

namespace muster::workflow {
namespace {

constexpr std::size_t kWriterLength = 12;
constexpr Duration kStoreTimeout = std::chrono::seconds(5);

Entry cause_by(Entry::Kind kind, std::string by) {
    Entry out;
    out.kind = kind;
    out.by = std::move(by);
    return out;
}

}  // namespace

Runner::State::State(Deps given, OnChange callback)
    : deps(std::move(given)),
      on_change(std::move(callback)),
      group(deps.executor),
      writer(deps.random.token(kWriterLength)) {
}

Runner::Runner(Deps deps, OnChange on_change)
    : state_(std::make_unique<State>(std::move(deps), std::move(on_change))) {
}

Runner::~Runner() = default;

Task<RunId> Runner::start(RunSpec spec) {
    return state_->start(std::move(spec));
}
Task<> Runner::recover() {
    return state_->recover();
}
Task<> Runner::stop() {
    state_->is_stopping = true;
    return state_->group.stop();
}
Task<> Runner::resume(RunId run, std::string by) {
    return state_->request(std::move(run), cause_by(Entry::Kind::kResumed, std::move(by)));
}
Task<> Runner::abort(RunId run, std::string by) {
    return state_->request(std::move(run), cause_by(Entry::Kind::kAborting, std::move(by)));
}
Task<> Runner::cut_short(RunId run, std::string by) {
    return state_->cut_short(std::move(run), std::move(by));
}
Task<> Runner::rollback(RunId run, std::string by) {
    return state_->request(std::move(run), cause_by(Entry::Kind::kRollingBack, std::move(by)));
}
Task<> Runner::approve(RunId run, StepId step, std::string by) {
    auto cause = cause_by(Entry::Kind::kApproved, std::move(by));
    cause.step = std::move(step);
    return state_->request(std::move(run), std::move(cause));
}

const Run* Runner::find(const RunId& run) const {
    const auto live = state_->find(run);
    return live == nullptr ? nullptr : &live->view;
}

std::vector<const Run*> Runner::list() const {
    std::vector<const Run*> out;
    for (const auto& [id, live] : state_->runs) {
        out.push_back(&live->view);
    }
    std::ranges::sort(out, [](const Run* one, const Run* other) {
        return std::pair(other->started, other->spec.id) < std::pair(one->started, one->spec.id);
    });
    return out;
}

const Run* Runner::active_on(const ServiceId& service) const {
    for (const auto& [id, live] : state_->runs) {
        if (live->view.spec.cause.service == service && !is_final(live->view.status)) {
            return &live->view;
        }
    }
    return nullptr;
}

Runner::State::LivePtr Runner::State::find(const RunId& run) const {
    const auto found = runs.find(run);
    return found == runs.end() ? nullptr : found->second;
}

void Runner::State::remember(LivePtr live) {
    const auto id = live->view.spec.id;
    runs[id] = std::move(live);
    forget_old();
}

void Runner::State::forget_old() {
    std::vector<std::pair<WallTime, RunId>> finished;
    for (const auto& [id, live] : runs) {
        if (is_final(live->view.status) && !live->is_driven) {
            finished.emplace_back(live->view.started, id);
        }
    }
    if (finished.size() <= kMaxFinishedRuns) {
        return;
    }
    std::ranges::sort(finished);
    finished.resize(finished.size() - kMaxFinishedRuns);
    for (const auto& [started, id] : finished) {
        runs.erase(id);
    }
}

// Half a start, journaled but driven by nobody, must not come of an asker that goes away.
Task<RunId> Runner::State::start(RunSpec spec) {
    if (is_stopping) {
        co_return Error{Errc::kCancelled, "muster is stopping; nothing new is started"};
    }
    const auto starting = std::make_shared<Starting>(deps.executor);
    group.spawn(start_in_group(std::move(spec), starting));
    while (!starting->result) {
        CO_TRY_OK(co_await starting->ended.wait());
    }
    co_return *starting->result;
}

Task<> Runner::State::start_in_group(RunSpec spec, std::shared_ptr<Starting> starting) {
    starting->result = co_await start_here(std::move(spec));
    starting->ended.notify();
    co_return Result<>{};
}

Task<RunId> Runner::State::start_here(RunSpec spec) {
    if (spec.id.empty()) {
        spec.id = make_run_id(deps.clock.wall(), deps.random);
    }
    if (spec.id.str().find('/') != std::string::npos) {
        co_return Error{Errc::kInvalid, "run id \"" + spec.id.str() + "\" contains a slash"};
    }
    CO_TRY(auto traits, traits_of(spec, deps.actions));
    const auto first = encode(SpecRecord{spec, traits});
    // What can't be read back must not be started: it could not be taken up after a crash.
    CO_TRY_OK(decode_spec(first.text, spec.id));
    auto live = std::make_shared<Live>(deps.executor);
    CO_TRY(live->machine, Machine::make(spec, std::move(traits)));
    live->base = deps.clock.now();
    Entry cause = cause_by(Entry::Kind::kStarted, spec.cause.requested_by);
    cause.at = deps.clock.wall();
    CO_TRY(auto reaction, live->machine->take(std::move(cause)));
    live->view = live->machine->run();
    const auto second = encode(Record{1, writer, reaction.entries}, spec.id, first.sum);
    CO_TRY_OK(co_await commit_start(live, first, second));
    live->next_number = 2;
    live->sum = second.sum;
    live->is_driven = !is_final(live->view.status);
    remember(live);
    log_status(live->view);
    if (on_change) {
        on_change(live->view);
    }
    for (auto& directive : reaction.directives) {
        group.spawn(perform(live, std::move(directive)));
    }
    if (live->is_driven) {
        group.spawn(drive(live));
    }
    co_return spec.id;
}

Task<> Runner::State::commit_start(LivePtr live, Sealed first, Sealed second) {
    const auto id = live->view.spec.id;
    const auto service = live->view.spec.cause.service;
    state::Transaction transaction;
    transaction.compares = {{spec_key(id), {}}, {record_key(id, 1), {}}};
    transaction.ops = {state::Op::put(spec_key(id), first.text),
                       state::Op::put(record_key(id, 1), second.text)};
    if (!service.empty()) {
        transaction.compares.push_back({lock_key(service), {}});
        if (!is_final(live->view.status)) {
            transaction.ops.push_back(state::Op::put(lock_key(service), id.str()));
        }
    }
    const auto committed =
        co_await deps.store.commit(transaction, deps.clock.now() + kStoreTimeout);
    if (committed) {
        co_return Result<>{};
    }
    if (committed.error().code() == Errc::kConflict) {
        co_return co_await explain_conflict(service);
    }
    if (committed.error().code() != Errc::kOutcomeUnknown) {
        co_return Error(committed.error()).with("run " + id.str() + " was not started");
    }
    CO_TRY(const bool is_there, co_await is_written(record_key(id, 1), second.text));
    if (!is_there) {
        co_return Error{Errc::kUnavailable,
                        "run " + id.str() + " was not started: the store lost it",
                        "start it again"};
    }
    co_return Result<>{};
}

Task<> Runner::State::explain_conflict(ServiceId service) {
    std::string holder;
    const auto lock = co_await deps.store.get(lock_key(service), deps.clock.now() + kStoreTimeout);
    if (lock && *lock) {
        holder = (*lock)->value;
    }
    if (holder.empty()) {
        co_return Error{Errc::kConflict, "a run with this id exists already"};
    }
    co_return Error{Errc::kConflict,
                    "run " + holder + " is active on service \"" + service.str() + "\"",
                    "watch it with: muster run watch " + holder +
                        ", or end it with: muster run abort " + holder};
}

Task<> Runner::State::request(RunId run, Entry cause) {
    const auto live = find(run);
    if (live == nullptr) {
        co_return Error{Errc::kNotFound, "there is no run " + run.str(),
                        "list the runs with: muster run list"};
    }
    if (live->broken) {
        const bool is_unreadable = !live->machine && live->broken->code() == Errc::kCorrupt;
        if (is_unreadable && cause.kind == Entry::Kind::kAborting) {
            co_return co_await set_aside(live, std::move(cause.by));
        }
        co_return Error(*live->broken);
    }
    if (!live->is_driven) {
        co_return Error{
            Errc::kConflict,
            "run " + run.str() + " has ended: " + std::string(to_string(live->view.status)),
            "see it with: muster run show " + run.str()};
    }
    const auto reply = std::make_shared<Reply>(deps.executor);
    push(*live, {std::move(cause), reply});
    while (!reply->result) {
        CO_TRY_OK(co_await reply->given.wait());
    }
    co_return *reply->result;
}

RunId make_run_id(WallTime now, Random& random) {
    std::string digits;
    for (const char c : format_wall(now)) {
        if (c == '.') {
            break;
        }
        if (c == 'T') {
            digits += '-';
        } else if (c >= '0' && c <= '9') {
            digits += c;
        }
    }
    constexpr std::size_t kLength = 4;
    return RunId("r-" + digits + "-" + random.token(kLength));
}

}  // namespace muster::workflow

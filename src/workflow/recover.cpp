#include <algorithm>
#include <charconv>
#include <utility>

#include "workflow/live.h"

namespace muster::workflow {
namespace {

constexpr std::string_view kRuns = "runs/";
constexpr std::size_t kPage = 1000;
constexpr Duration kStoreTimeout = std::chrono::seconds(30);

// "runs/ID/spec" or "runs/ID/journal/NUMBER".
struct Key {
    RunId run;
    bool is_spec = false;
    std::int64_t number = 0;
};

std::optional<Key> parse_key(std::string_view key) {
    constexpr std::string_view kJournal = "journal/";
    key.remove_prefix(std::min(kRuns.size(), key.size()));
    const auto slash = key.find('/');
    if (slash == std::string_view::npos) {
        return std::nullopt;
    }
    Key out{RunId(std::string(key.substr(0, slash))), false, 0};
    key.remove_prefix(slash + 1);
    if (key == "spec") {
        out.is_spec = true;
        return out;
    }
    if (!key.starts_with(kJournal)) {
        return std::nullopt;
    }
    key.remove_prefix(kJournal.size());
    const auto read = std::from_chars(key.data(), key.data() + key.size(), out.number);
    if (read.ec != std::errc{} || read.ptr != key.data() + key.size()) {
        return std::nullopt;
    }
    return out;
}

// A record of a newer muster comes with its own hint.
Error explain(const Error& error, const RunId& run) {
    if (error.code() != Errc::kCorrupt) {
        return error;
    }
    return Error{Errc::kCorrupt, error.message(),
                 "look at the servers it moved, then end it with: muster run abort " + run.str() +
                     " (its journal is kept)"};
}

Result<> fold_all(Machine& machine, const Record& record) {
    for (const auto& entry : record.entries) {
        TRY_OK(machine.fold(entry));
    }
    return {};
}

}  // namespace

// Keys come sorted, so that all of one run stand together.
Task<> Runner::State::recover() {
    Stored current;
    std::string from;
    while (true) {
        CO_TRY(auto page, (co_await deps.store.list({std::string(kRuns), from, kPage},
                                                    deps.clock.now() + kStoreTimeout))
                              .with("while the runs were read"));
        const bool is_last = page.size() < kPage;
        if (!is_last) {
            from = page.back().key + '\0';  // Before its entries are moved away.
        }
        for (auto& entry : page) {
            collect(std::move(entry), current);
        }
        if (is_last) {
            break;
        }
    }
    take_up(current);
    co_return Result<>{};
}

void Runner::State::collect(state::KeyValue entry, Stored& current) {
    const auto key = parse_key(entry.key);
    if (!key) {
        deps.log.warn("run.unknown_key", {{"key", entry.key}});
        return;
    }
    if (key->run != current.id) {
        take_up(current);
        current = {};
        current.id = key->run;
    }
    if (key->is_spec) {
        current.spec = std::move(entry.value);
    } else {
        current.records.emplace(key->number, std::move(entry.value));
    }
}

void Runner::State::take_up(const Stored& stored) {
    if (stored.id.empty() || runs.contains(stored.id)) {
        return;
    }
    auto live = std::make_shared<Live>(deps.executor);
    live->view.spec.id = stored.id;
    if (const auto loaded = load(stored, *live); !loaded) {
        if (live->machine) {
            live->view = live->machine->run();  // As far as it can be read.
        }
        live->machine.reset();
        live->broken = explain(loaded.error(), stored.id);
        live->view.status = RunStatus::kWaiting;
        live->view.reason = live->broken->message() + "; " + live->broken->hint();
        deps.log.error("run.unreadable", {{"run", stored.id}, {"error", loaded.error().message()}});
        remember(std::move(live));
        return;
    }
    live->view = live->machine->run();
    live->is_driven = !is_final(live->view.status);
    if (live->is_driven && deps.may_take_up && !deps.may_take_up(live->view)) {
        live->is_driven = false;
        live->broken = Error{Errc::kConflict, "run " + stored.id.str() + " is not driven here",
                             "ask the node that drives it"};
    }
    const auto wall = deps.clock.wall() - live->view.started;
    live->base = deps.clock.now() - std::max<Duration>(live->machine->elapsed(), wall);
    remember(live);
    if (live->is_driven) {
        deps.log.info("run.taken_up", {{"run", stored.id}, {"records", live->next_number - 1}});
        Entry cause;
        cause.kind = Entry::Kind::kTakenUp;
        push(*live, {std::move(cause), nullptr});
        group.spawn(drive(live));
    }
}

Result<> Runner::State::load(const Stored& stored, Live& live) const {
    if (!stored.spec) {
        return Error{Errc::kCorrupt, "run " + stored.id.str() + " has a journal but no spec"};
    }
    if (stored.records.empty()) {
        return Error{Errc::kCorrupt, "run " + stored.id.str() + " has a spec but no journal"};
    }
    TRY(auto first, decode_spec(*stored.spec, stored.id));
    live.view.spec = first.record.spec;
    TRY(live.machine, Machine::make(std::move(first.record.spec), std::move(first.record.traits))
                          .with("the spec of run " + stored.id.str()));
    live.sum = first.sum;
    live.next_number = 1;
    for (const auto& [number, text] : stored.records) {
        TRY(const auto opened, decode_record(text, {stored.id, live.next_number, live.sum}));
        TRY_OK(fold_all(*live.machine, opened.record)
                   .with("journal entry " + std::to_string(number) + " of run " + stored.id.str()));
        live.sum = opened.sum;
        ++live.next_number;
    }
    return {};
}

}  // namespace muster::workflow

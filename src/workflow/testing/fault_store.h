#pragma once

#include <boost/json/parse.hpp>
#include <cstddef>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "state/memory_store.h"
#include "state/passing_store_test_support.h"
#include "workflow/journal.h"

namespace muster::workflow::testing {

/// Where a process may die: every port asks it at each boundary. From the moment of death on,
/// nothing that this process does has an effect, until `revive`.
class Mortality {
  public:
    /// Counts a boundary; true when the process dies, or is dead.
    bool dies_here() {
        ++passed_;
        is_dead_ = is_dead_ || points_.contains(passed_);
        return is_dead_;
    }
    void die_at(std::set<std::size_t> points) { points_ = std::move(points); }
    void revive() { is_dead_ = false; }
    [[nodiscard]] bool is_dead() const { return is_dead_; }
    [[nodiscard]] std::size_t passed() const { return passed_; }

  private:
    std::set<std::size_t> points_;
    std::size_t passed_ = 0;
    bool is_dead_ = false;
};

/// A store that dies before or after a write, loses its tongue, and remembers each intent written.
class FaultStore final : public state::PassingStore {
  public:
    /// What to answer to a commit instead of letting it through.
    struct Fault {
        Errc code = Errc::kUnavailable;
        bool is_applied = false;
    };

    FaultStore(state::MemoryStore& inner, Mortality& mortality)
        : PassingStore(inner), mortality_(mortality) {}

    /// Asked with the commit's number (from 1); nothing: no fault.
    std::function<std::optional<Fault>(std::size_t)> fault;
    /// "applying a 1", "undoing b 2": every intent that is durable.
    std::set<std::string> intents;

    [[nodiscard]] std::size_t commits() const { return commits_; }

    Task<std::optional<state::KeyValue>> get(std::string key, Instant deadline) override {
        if (mortality_.is_dead()) {
            return down<std::optional<state::KeyValue>>();
        }
        return PassingStore::get(std::move(key), deadline);
    }
    Task<std::vector<state::KeyValue>> list(Range range, Instant deadline) override {
        if (mortality_.dies_here()) {
            return down<std::vector<state::KeyValue>>();
        }
        return PassingStore::list(std::move(range), deadline);
    }
    Task<state::Revision> commit(state::Transaction transaction, Instant deadline) override {
        if (mortality_.dies_here()) {
            co_return Error{Errc::kUnavailable, "the process is dead"};
        }
        const auto injected = fault ? fault(++commits_) : std::nullopt;
        if (injected && !injected->is_applied) {
            co_return Error{injected->code, "the store is down"};
        }
        const auto ops = transaction.ops;
        const auto committed = co_await PassingStore::commit(std::move(transaction), deadline);
        if (committed) {
            note(ops);
        }
        if (mortality_.dies_here()) {
            co_return Error{Errc::kUnavailable, "the process is dead"};
        }
        if (injected) {
            co_return Error{injected->code, "the answer was lost"};
        }
        co_return committed;
    }

  private:
    template <class T>
    Task<T> down() {
        co_return Error{Errc::kUnavailable, "the process is dead"};
    }
    void note(const std::vector<state::Op>& ops) {
        for (const auto& op : ops) {
            const bool is_record =
                op.key.starts_with("runs/") && op.key.find("/journal/") != std::string::npos;
            if (!is_record || op.value.empty()) {
                continue;
            }
            const auto record = boost::json::parse(op.value);
            for (const auto& entry : record.at("body").at("entries").as_array()) {
                const auto& object = entry.as_object();
                if (object.contains("attempt") && object.contains("step")) {
                    intents.insert(std::string(object.at("kind").as_string()) + " " +
                                   std::string(object.at("step").as_string()) + " " +
                                   std::to_string(object.at("attempt").as_int64()));
                }
            }
        }
    }

    Mortality& mortality_;
    std::size_t commits_ = 0;
};

}  // namespace muster::workflow::testing

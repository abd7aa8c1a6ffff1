#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "base/random.h"
#include "base/task_group.h"
#include "state/store.h"
#include "workflow/action.h"
#include "workflow/run.h"

namespace muster::workflow {

/// Carries runs out, durably: drives the pure machine (workflow/machine.h), journals the intent
/// before each effect and the outcome after it, and takes up unfinished runs after a restart.
class Runner {
  public:
    struct Deps {
        Executor executor;
        Clock& clock;
        Random& random;
        Log& log;
        state::Store& store;
        Actions& actions;
        /// True while this node may act for the service at that epoch; a node that has seen a
        /// higher epoch stops at once.
        std::function<bool(const ServiceId&, Epoch)> may_act;
        /// Where several nodes share a store: whether this one takes up the run in `recover`. The
        /// others are listed as they stand. Without it: all.
        std::function<bool(const Run&)> may_take_up = {};
    };
    using OnChange = std::function<void(const Run&)>;
    /// So many finished runs stay in memory, the newest; the store keeps all.
    static constexpr std::size_t kMaxFinishedRuns = 200;

    Runner(Deps deps, OnChange on_change);
    ~Runner();

    /// Journals the run and starts it. kInvalid for a bad graph or an unknown action; kConflict
    /// when another run is active on the same service.
    Task<RunId> start(RunSpec spec);
    /// Reads all runs from the store and goes on with the unfinished ones. Call once, at start. A
    /// run whose journal can't be read does not stop the others: it is listed as waiting, with the
    /// reason (its key and entry), and its service stays locked.
    Task<> recover();
    /// Stops driving (the runs stay where their journal says); for shutdown.
    Task<> stop();

    /// Lets a failed step be tried again. kConflict when the run does not wait.
    Task<> resume(RunId run, std::string by);
    /// Ends the run after the steps under way; nothing is undone. A run whose journal is damaged is
    /// set aside: its journal stays under "aside/", its service is free again.
    Task<> abort(RunId run, std::string by);
    /// Ends the run without waiting for its steps: as `abort`, and the calls under way that may be
    /// repeated are cancelled; asked once more whether they happened, for a short time. Those that
    /// may not, and fences, are let finish. Repeating it does no harm.
    Task<> cut_short(RunId run, std::string by);
    /// Undoes finished steps in reverse order. kDenied past a point of no return.
    Task<> rollback(RunId run, std::string by);
    /// Answers a waiting `approve` step. kNotFound, or kConflict when it has expired.
    Task<> approve(RunId run, StepId step, std::string by);

    /// nullptr when it is not known.
    [[nodiscard]] const Run* find(const RunId& run) const;
    /// Newest first.
    [[nodiscard]] std::vector<const Run*> list() const;
    [[nodiscard]] const Run* active_on(const ServiceId& service) const;

  private:
    struct State;
    std::unique_ptr<State> state_;
};

/// A new run id: sortable by time, readable: "r-20261121-050828-k3f9".
RunId make_run_id(WallTime now, Random& random);

}  // namespace muster::workflow

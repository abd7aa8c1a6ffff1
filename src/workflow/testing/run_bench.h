#pragma once

#include <gtest/gtest.h>

#include <boost/asio/io_context.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/virtual_clock.h"
#include "workflow/runner.h"
#include "workflow/testing/outside_world.h"

namespace muster::workflow::testing {

/// A scalar map as a step's parameters.
inline plan::Node with(const Fields& fields) {
    plan::Node out;
    out.kind = plan::Node::Kind::kMap;
    for (const auto& [key, text] : fields) {
        plan::Node value;
        value.kind = plan::Node::Kind::kScalar;
        value.scalar = text;
        out.entries.push_back({key, {}, value});
    }
    return out;
}

/// A step of the action of the same name, unless another is given.
inline plan::Step step(const std::string& id, const std::vector<std::string>& needs = {},
                       const Fields& parameters = {}) {
    plan::Step out;
    out.id = StepId(id);
    out.action = id;
    out.with = with(parameters);
    for (const auto& need : needs) {
        out.needs.emplace_back(need);
    }
    return out;
}

/// One node's run engine over a store and a world that survive it, in virtual time.
class RunBench {
  public:
    using Behaviours = std::map<std::string, Behaviour>;

    explicit RunBench(const Behaviours& behaviours) {
        for (const auto& [type, behaviour] : behaviours) {
            actions.add(type, {},
                        std::make_unique<RecordingAction>(
                            behaviour, RecordingAction::Deps{clock, world, mortality, store}));
        }
        boot();
    }
    ~RunBench() { shut_down(); }
    RunBench(const RunBench&) = delete;
    RunBench& operator=(const RunBench&) = delete;

    void boot() {
        runner = std::make_unique<Runner>(
            Runner::Deps{loop.get_executor(), clock, random, log, store, actions,
                         [this](const ServiceId&, Epoch epoch) { return epoch >= newest_epoch; }},
            [this](const Run& run) {
                ++changes;
                last = run;
            });
    }
    /// Stops the runner and takes it away; the store and the world stay.
    void shut_down() {
        if (runner != nullptr) {
            const auto stopped = finish(runner->stop());
            const auto gone = finish(people->stop());
            EXPECT_TRUE(stopped && gone);
            people = std::make_unique<TaskGroup>(loop.get_executor());
            runner.reset();
        }
    }

    /// Drives the loop until `task` has ended, with time standing still where it can.
    template <class T>
    Result<T> finish(Task<T> task) {
        std::optional<Result<T>> out;
        TaskGroup group(loop.get_executor());
        group.spawn(keep(std::move(task), &out));
        while (!out && (poll() || clock.step())) {
        }
        poll();
        if (!out) {
            return Error{Errc::kUnavailable, "it never ended"};
        }
        return *std::move(out);
    }
    bool poll() {
        loop.restart();
        return loop.poll() > 0;
    }
    /// Runs until nothing is left to do.
    void settle() {
        while (clock.step()) {
        }
    }
    void advance(Duration duration) { clock.advance(duration); }

    [[nodiscard]] const Run& run(const RunId& id) const { return *runner->find(id); }
    [[nodiscard]] RunStatus status(const RunId& id) const { return run(id).status; }
    [[nodiscard]] StepStatus status(const RunId& id, const std::string& of) const {
        return run(id).steps.at(StepId(of)).status;
    }

    static RunSpec spec(std::vector<plan::Step> steps) {
        RunSpec out;
        out.id = RunId("r-1");
        out.cause.kind = "failover";
        out.cause.service = ServiceId("shop");
        out.cause.from = SiteId("east");
        out.cause.to = SiteId("west");
        out.cause.epoch = {7};
        out.steps = std::move(steps);
        return out;
    }

    boost::asio::io_context loop;
    sim::VirtualClock clock{loop};
    SeededRandom random{42};
    NullLog log;
    Mortality mortality;
    state::MemoryStore disk{loop.get_executor(), clock};
    FaultStore store{disk, mortality};
    OutsideWorld world;
    Actions actions;
    Epoch newest_epoch{1};
    int changes = 0;
    std::optional<Run> last;
    std::unique_ptr<TaskGroup> people = std::make_unique<TaskGroup>(loop.get_executor());
    std::unique_ptr<Runner> runner;

  private:
    template <class T>
    static Task<> keep(Task<T> task, std::optional<Result<T>>* out) {
        auto result = co_await std::move(task);
        out->emplace(std::move(result));
        co_return Result<>{};
    }
};

}  // namespace muster::workflow::testing

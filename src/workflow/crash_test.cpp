#include <gtest/gtest.h>

#include <cstdio>
#include <set>

#include "workflow/journal.h"
#include "workflow/machine.h"
#include "workflow/testing/run_bench.h"

// Exhaustive: the process dies at every boundary in turn (before and after each store write,
// before, in the middle of and after each action call), is started again on what survived, and the
// outcome is compared with that of a life without a crash.

namespace muster::workflow {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the bench's own words.

/// What a person does when the run waits.
enum class Person { kNone, kApproves, kResumes, kRollsBack, kAborts };

struct Shape {
    std::string name;
    RunBench::Behaviours behaviours;
    std::vector<plan::Step> steps;
    Person person = Person::kNone;
    bool is_blind = false;  ///< Its observe can't tell: a person may have to end it.
};

Behaviour once() {
    Behaviour out;
    out.traits.can_undo = true;
    out.traits.timeout = std::chrono::minutes(1);
    return out;
}
Behaviour refusing(int times, Errc code) {
    auto out = once();
    out.refusals = times;
    out.refusal = code;
    return out;
}
Behaviour silent(int times) {
    auto out = once();
    out.silent = times;
    return out;
}
Behaviour blind(bool is_idempotent) {
    auto out = once();
    out.can_tell = false;
    out.traits.is_idempotent = is_idempotent;
    return out;
}
plan::Step approval(const std::string& id, const std::vector<std::string>& needs) {
    auto out = step(id, needs, {{"message", "go?"}, {"expires", "1d"}});
    out.action = "approve";
    return out;
}
plan::Step when(plan::Step of, std::string condition) {
    of.when = std::move(condition);
    return of;
}

std::vector<Shape> shapes() {
    const auto ok = once();
    auto stubborn = ok;
    stubborn.undo_refusals = 1;
    std::vector<Shape> out;
    out.push_back(
        {"chain",
         {{"a", ok}, {"b", ok}, {"c", ok}},
         {step("a", {}, {{"x", "${run.epoch}"}}), step("b", {"a"}, {{"x", "${steps.a.mark}"}}),
          step("c", {"b"}, {{"x", "${steps.b.mark}/${run.to}"}})}});
    out.push_back({"diamond",
                   {{"a", ok}, {"b", ok}, {"c", ok}, {"d", ok}},
                   {step("a"), step("b", {"a"}), step("c", {"a"}),
                    step("d", {"b", "c"}, {{"x", "${steps.b.mark}${steps.c.mark}"}})}});
    out.push_back({"retries",
                   {{"a", refusing(2, Errc::kUnavailable)}, {"b", silent(1)}, {"c", ok}},
                   {step("a"), step("b", {"a"}), step("c", {"b"})}});
    out.push_back({"approval",
                   {{"a", ok}, {"b", ok}},
                   {step("a"), approval("ask", {"a"}), step("b", {"ask"})},
                   Person::kApproves});
    out.push_back({"rollback",
                   {{"a", ok}, {"b", stubborn}, {"c", refusing(1000, Errc::kDenied)}},
                   {step("a"), step("b", {"a"}), step("c", {"b"})},
                   Person::kRollsBack});
    out.push_back({"rollback of a fan-out",
                   {{"a", ok}, {"b", ok}, {"c", silent(1)}, {"d", refusing(1000, Errc::kInvalid)}},
                   {step("a"), step("b", {"a"}), step("c", {"a"}), step("d", {"b", "c"})},
                   Person::kRollsBack});
    out.push_back({"resume",
                   {{"a", ok}, {"b", refusing(1, Errc::kDenied)}, {"c", ok}},
                   {step("a"), step("b", {"a"}), step("c", {"b"})},
                   Person::kResumes});
    out.push_back({"repeatable and blind",
                   {{"a", blind(true)}, {"b", blind(true)}},
                   {step("a"), step("b", {"a"})}});
    out.push_back({"unrepeatable and blind",
                   {{"a", blind(false)}, {"b", blind(false)}},
                   {step("a"), step("b", {"a"})},
                   Person::kAborts,
                   true});
    out.push_back({"conditions",
                   {{"a", ok}, {"b", ok}, {"c", ok}, {"d", ok}},
                   {step("a"), when(step("b", {"a"}), "${steps.a.mark} == \"no\""),
                    when(step("c", {"b"}), "not succeeded(b) and ${run.to} == \"west\""),
                    when(step("d", {"c"}), "failed(c)")}});
    out.push_back({"fan-out",
                   {{"a", ok}, {"b", ok}, {"c", ok}, {"d", silent(1)}, {"e", ok}, {"z", ok}},
                   {step("a"), step("b", {"a"}), step("c", {"a"}), step("d", {"a"}),
                    step("e", {"a"}), step("z", {"b", "c", "d", "e"})}});
    return out;
}

/// One history of a shape: it is driven to its end through all the deaths it is given.
class History {
  public:
    explicit History(const Shape& shape) : shape_(shape), bench_(shape.behaviours) {}

    void live(std::set<std::size_t> deaths) {
        bench_.mortality.die_at(std::move(deaths));
        constexpr int kPatience = 20'000;
        for (int turn = 0; turn < kPatience; ++turn) {
            if (bench_.mortality.is_dead()) {
                restart();
            }
            const auto* run = bench_.runner->find(kRun);
            if (run != nullptr && is_final(run->status)) {
                end_ = *run;
                bench_.poll();
                return;
            }
            if (bench_.poll()) {
                continue;
            }
            const bool is_idle = bench_.people->size() == 0;
            if (run == nullptr && is_idle) {
                bench_.people->spawn(start());
            } else if (run != nullptr && run->status == RunStatus::kWaiting && is_idle) {
                bench_.people->spawn(act(*run));
            } else if (!bench_.clock.step()) {
                ADD_FAILURE() << shape_.name << ": stuck";
                return;
            }
        }
        ADD_FAILURE() << shape_.name << ": never ended";
    }

    // A few ticks late, the process is gone and another takes its place.
    void restart() {
        bench_.shut_down();
        bench_.mortality.revive();
        bench_.boot();
        const auto recovered = bench_.finish(bench_.runner->recover());
        if (!recovered && !bench_.mortality.is_dead()) {
            ADD_FAILURE() << shape_.name << ": " << recovered.error().message();
        }
    }

    Task<> start() {
        const auto started = co_await bench_.runner->start(RunBench::spec(shape_.steps));
        static_cast<void>(started);
        co_return Result<>{};
    }

    Task<> act(Run run) {
        Result<> done;
        for (const auto& [id, state] : run.steps) {
            if (state.status == StepStatus::kAwaiting) {
                co_return co_await bench_.runner->approve(kRun, id, "ann");
            }
        }
        switch (shape_.person) {
            case Person::kResumes:
                done = co_await bench_.runner->resume(kRun, "ann");
                break;
            case Person::kRollsBack:
                // A rollback that could not undo a step waits again: it goes on by a resume.
                done = co_await bench_.runner->rollback(kRun, "ann");
                if (!done && done.error().code() == Errc::kConflict) {
                    done = co_await bench_.runner->resume(kRun, "ann");
                }
                break;
            default:
                done = co_await bench_.runner->abort(kRun, "ann");
                break;
        }
        co_return done;
    }

    [[nodiscard]] const Run& end() const { return end_; }
    RunBench& bench() { return bench_; }

  private:
    inline static const RunId kRun{"r-1"};
    const Shape& shape_;
    RunBench bench_;
    Run end_;
};

std::string describe(const Shape& shape, const std::set<std::size_t>& deaths) {
    std::string out = shape.name + ", died at";
    for (const auto point : deaths) {
        out += " " + std::to_string(point);
    }
    return out;
}

void expect_effects(const Shape& shape, const Run& end, const OutsideWorld& world) {
    for (const auto& [id, thing] : world.things) {
        const auto& behaviour = shape.behaviours.at(id.str());
        const auto status = end.steps.at(id).status;
        if (!behaviour.traits.is_idempotent) {
            EXPECT_LE(thing.applied, 1) << id.str();
            EXPECT_LE(thing.undone, 1) << id.str();
        }
        if (status == StepStatus::kDone) {
            EXPECT_GE(thing.applied, 1) << id.str();
            EXPECT_TRUE(thing.is_there) << id.str();
        }
        if (status == StepStatus::kUndone || status == StepStatus::kSkipped) {
            EXPECT_FALSE(thing.is_there) << id.str();
        }
    }
}

void expect_same_end(const Run& end, const Run& wanted) {
    EXPECT_EQ(to_string(end.status), to_string(wanted.status)) << end.reason;
    for (const auto& [id, state] : wanted.steps) {
        EXPECT_EQ(to_string(end.steps.at(id).status), to_string(state.status)) << id.str();
        EXPECT_EQ(end.steps.at(id).outputs, state.outputs) << id.str();
    }
}

std::vector<Record> read_journal(RunBench& bench, SpecRecord& first) {
    const RunId run("r-1");
    const auto deadline = bench.clock.now() + std::chrono::seconds(1);
    const auto spec = bench.finish(bench.disk.get(spec_key(run), deadline));
    auto opened = decode_spec((*spec)->value, run);
    EXPECT_TRUE(opened.has_value());
    first = opened->record;
    std::string sum = opened->sum;
    std::vector<Record> out;
    for (std::int64_t number = 1;; ++number) {
        const auto entry = bench.finish(bench.disk.get(record_key(run, number), deadline));
        if (!*entry) {
            return out;
        }
        auto record = decode_record((*entry)->value, {run, number, sum});
        EXPECT_TRUE(record.has_value()) << record.error().message();
        sum = record->sum;
        out.push_back(std::move(record->record));
    }
}

// The causes alone, given to a fresh machine, lead to the same consequences: byte by byte.
void expect_same_replay(RunBench& bench, const Run& end) {
    SpecRecord first;
    const auto records = read_journal(bench, first);
    auto folded = Machine::make(first.spec, first.traits);
    auto taken = Machine::make(first.spec, first.traits);
    ASSERT_TRUE(folded && taken);
    for (const auto& record : records) {
        for (const auto& entry : record.entries) {
            ASSERT_TRUE(folded->fold(entry).has_value()) << to_string(entry.kind);
        }
        const auto reaction = taken->take(record.entries.front());
        ASSERT_TRUE(reaction.has_value()) << reaction.error().message();
        const auto again =
            encode(Record{record.number, record.writer, reaction->entries}, first.spec.id, {});
        ASSERT_EQ(again.text, encode(record, first.spec.id, {}).text);
    }
    expect_same_end(folded->run(), end);
    EXPECT_EQ(folded->run().restarts, end.restarts);
    EXPECT_EQ(folded->run().took, end.took);
    const auto lock = bench.finish(
        bench.disk.get(lock_key(ServiceId("shop")), bench.clock.now() + std::chrono::seconds(1)));
    EXPECT_FALSE(lock->has_value()) << "the service is still locked";
}

void check(const Shape& shape, const std::set<std::size_t>& deaths, const Run& wanted) {
    SCOPED_TRACE(describe(shape, deaths));
    History history(shape);
    history.live(deaths);
    expect_effects(shape, history.end(), history.bench().world);
    EXPECT_EQ(history.bench().world.violations, std::vector<std::string>{});
    if (!shape.is_blind) {
        expect_same_end(history.end(), wanted);
    }
    expect_same_replay(history.bench(), history.end());
}

std::size_t points_of(const Shape& shape, Run& end) {
    History calm(shape);
    calm.live({});
    end = calm.end();
    expect_effects(shape, end, calm.bench().world);
    expect_same_replay(calm.bench(), end);
    return calm.bench().mortality.passed();
}

TEST(Crash, AtEveryBoundaryLeadsToTheSameEnd) {
    std::size_t total = 0;
    for (const auto& shape : shapes()) {
        workflow::Run wanted;
        const auto points = points_of(shape, wanted);
        for (std::size_t point = 1; point <= points; ++point) {
            check(shape, {point}, wanted);
            if (HasFatalFailure() || HasNonfatalFailure()) {
                return;
            }
        }
        std::printf("%-24s %4zu crash points, ends %s\n", shape.name.c_str(), points,
                    std::string(to_string(wanted.status)).c_str());
        total += points;
    }
    std::printf("%zu crash points in all\n", total);
}

TEST(Crash, TwiceAtEveryPairOfBoundariesLeadsToTheSameEnd) {
    std::size_t total = 0;
    for (const auto& shape : shapes()) {
        if (shape.name != "chain" && shape.name != "rollback") {
            continue;
        }
        workflow::Run wanted;
        const auto points = points_of(shape, wanted);
        // The second death is counted from the first on: recovery passes boundaries of its own.
        constexpr std::size_t kRecovery = 12;
        for (std::size_t one = 1; one <= points; ++one) {
            for (std::size_t other = one + 1; other <= points + kRecovery; ++other) {
                check(shape, {one, other}, wanted);
                ++total;
                if (HasFatalFailure() || HasNonfatalFailure()) {
                    return;
                }
            }
        }
    }
    std::printf("%zu pairs of crash points\n", total);
}

}  // namespace
}  // namespace muster::workflow

#include "postgres/left_server.h"

#include <gtest/gtest.h>

namespace muster::postgres {
namespace {

constexpr Epoch kLeft{3};

Marks successor() {
    Marks marks;
    marks.state.accepts_connections = true;
    marks.state.role = Role::kPrimary;
    marks.state.is_writable = true;
    marks.state.timeline = 2;
    marks.state.system_identifier = "7";
    marks.canary = kLeft;
    return marks;
}

Marks returned(Epoch mark) {
    Marks marks = successor();
    marks.state.timeline = 1;
    marks.canary = mark;
    return marks;
}

Marks by_host(Process process, bool has_signal) {
    Marks marks;
    marks.state.process = process;
    marks.state.timeline = 1;
    marks.state.system_identifier = "7";
    marks.has_signal = has_signal;
    marks.on_disk = kLeft;
    return marks;
}

Standing standing(const Marks& left, const Marks& primary) {
    return judge_left_server(left, primary, kLeft).standing;
}

TEST(LeftServer, AnOlderMarkThanItsSuccessorsMakesAWriterAnIntruder) {
    EXPECT_EQ(standing(returned({0}), successor()), Standing::kIntruder);
    EXPECT_EQ(standing(returned({2}), successor()), Standing::kIntruder);
}

TEST(LeftServer, AWriterThatCarriesTheEpochItselfIsLeftToAPerson) {
    EXPECT_EQ(standing(returned(kLeft), successor()), Standing::kUnproven);
    EXPECT_EQ(standing(returned({9}), successor()), Standing::kUnproven);
}

TEST(LeftServer, AMarkThatCantBeReadProvesNothing) {
    auto left = returned({0});
    left.canary.reset();
    EXPECT_EQ(standing(left, successor()), Standing::kUnproven);
}

TEST(LeftServer, NothingIsTouchedUnlessTheSuccessorTakesWritesWithTheEpoch) {
    auto primary = successor();
    primary.state.is_writable = false;
    EXPECT_EQ(standing(returned({0}), primary), Standing::kUnproven);
    primary = successor();
    primary.canary = Epoch{2};
    EXPECT_EQ(standing(returned({0}), primary), Standing::kUnproven);
    EXPECT_EQ(standing(by_host(Process::kStopped, false), primary), Standing::kUnproven);
    primary.canary.reset();
    EXPECT_EQ(standing(returned({0}), primary), Standing::kUnproven);
    primary.canary = Epoch{8};  // Moved on since: it has served after the move all the same.
    EXPECT_EQ(standing(returned({0}), primary), Standing::kIntruder);
}

TEST(LeftServer, AnotherClusterIsNeverTouched) {
    auto left = returned({0});
    left.state.system_identifier = "8";
    EXPECT_EQ(standing(left, successor()), Standing::kUnproven);
    left.state.system_identifier.clear();
    EXPECT_EQ(standing(left, successor()), Standing::kUnproven);
}

TEST(LeftServer, AStandbyIsHarmlessWhateverThePrimaryIs) {
    auto left = returned({0});
    left.state.role = Role::kStandby;
    left.state.is_writable = false;
    EXPECT_EQ(standing(left, Marks{}), Standing::kStandby);
    EXPECT_EQ(standing(by_host(Process::kRunning, true), Marks{}), Standing::kStandby);
    EXPECT_EQ(standing(by_host(Process::kStopped, true), Marks{}), Standing::kStopped);
}

TEST(LeftServer, AServerThatStartsWithoutTheSignalIsAnIntruderBeforeItLetsAnybodyIn) {
    EXPECT_EQ(standing(by_host(Process::kRunning, false), successor()), Standing::kIntruder);
    EXPECT_EQ(standing(by_host(Process::kFrozen, false), successor()), Standing::kIntruder);
    auto newer = by_host(Process::kRunning, false);
    newer.state.timeline = 2;
    EXPECT_EQ(standing(newer, successor()), Standing::kUnproven);
}

TEST(LeftServer, AStoppedOneWithoutTheSignalIsNotSealed) {
    EXPECT_EQ(standing(by_host(Process::kStopped, false), successor()), Standing::kUnsealed);
}

TEST(LeftServer, AHostThatTellsNothingProvesNothing) {
    EXPECT_EQ(standing(Marks{}, successor()), Standing::kUnproven);
    auto left = by_host(Process::kUnknown, true);
    EXPECT_EQ(standing(left, successor()), Standing::kUnproven);
}

}  // namespace
}  // namespace muster::postgres

#include "agent/reprotect.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

using namespace std::chrono_literals;

TEST(Reprotect, PausesDoubleFromAMinuteToAnHour) {
    EXPECT_EQ(pause_after(1), Duration(1min));
    EXPECT_EQ(pause_after(2), Duration(2min));
    EXPECT_EQ(pause_after(6), Duration(32min));
    EXPECT_EQ(pause_after(7), Duration(1h));
    EXPECT_EQ(pause_after(1000), Duration(1h));
}

TEST(Reprotect, IsGivenUpAfterTheLastAttempt) {
    Reprotect one;
    for (int attempt = 1; attempt < Reprotect::kMostAttempts; ++attempt) {
        note_failure(&one, "the disk is full", WallTime(1000s));
        EXPECT_EQ(one.state, Reprotect::State::kWaiting) << attempt;
        EXPECT_GT(one.next, WallTime(1000s));
    }
    note_failure(&one, "the disk is full", WallTime(1000s));
    EXPECT_EQ(one.state, Reprotect::State::kGivenUp);
    EXPECT_EQ(one.error, "the disk is full");
}

TEST(Reprotect, ReadsBackWhatWasWritten) {
    Reprotects all;
    all[SiteId("east")] = {Reprotect::State::kRunning, Epoch{7},     3,
                           WallTime(1'800'000'000s),   RunId("r-1"), "it said \"no\""};
    all[SiteId("north")].state = Reprotect::State::kGivenUp;
    const auto read = decode_reprotects(encode(all)).value();
    ASSERT_EQ(read.size(), 2U);
    const auto& east = read.at(SiteId("east"));
    EXPECT_EQ(east.state, Reprotect::State::kRunning);
    EXPECT_EQ(east.left, Epoch{7});
    EXPECT_EQ(east.attempts, 3);
    EXPECT_EQ(east.next, WallTime(1'800'000'000s));
    EXPECT_EQ(east.run, RunId("r-1"));
    EXPECT_EQ(east.error, "it said \"no\"");
    EXPECT_EQ(read.at(SiteId("north")).state, Reprotect::State::kGivenUp);
}

TEST(Reprotect, DamageIsRefusedNotGuessed) {
    const auto whole = encode(Reprotects{{SiteId("east"), {}}});
    for (std::size_t length = 0; length < whole.size(); ++length) {
        EXPECT_FALSE(decode_reprotects(whole.substr(0, length))) << length;
    }
    EXPECT_FALSE(decode_reprotects(R"({"sites":[]})"));
}

}  // namespace
}  // namespace muster::agent

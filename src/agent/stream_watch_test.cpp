#include "agent/stream_watch.h"

#include <gtest/gtest.h>

namespace muster::agent {
namespace {

using namespace std::chrono_literals;
using component::ReplicationView;
using component::ReplicaView;
using State = StreamWatch::State;

constexpr Instant kNow{1h};

class Stream : public ::testing::Test {
  protected:
    Stream() {
        view_.position = {1000};
        view_.seen = kNow;
        standby_.named = 1;
        standby_.is_streaming = true;
        standby_.says_streaming = true;
        standby_.flushed = {1000};
        standby_.answers = true;
        look();
    }

    /// The primary is seen anew, so much later.
    void pass(Duration time) {
        view_.seen += time;
        look();
    }
    void look() { look_at(view_, standby_, &stream_); }
    [[nodiscard]] bool is_wanted() const { return wants_renewal(standby_, stream_, view_.seen); }

    ReplicationView view_;
    ReplicaView standby_;
    StreamWatch stream_;
};

TEST_F(Stream, FlowsWhenWhatWasThereALookBeforeIsConfirmed) {
    EXPECT_EQ(stream_.state, State::kFlows);
    view_.position = {2000};
    pass(500ms);
    view_.position = {3000};
    standby_.flushed = {2000};
    pass(500ms);
    EXPECT_EQ(stream_.state, State::kFlows);
    EXPECT_FALSE(is_wanted());
}

TEST_F(Stream, IsStuckAfterASecondWithoutWhatWasThere) {
    view_.position = {2000};
    pass(500ms);
    pass(500ms);
    EXPECT_EQ(stream_.state, State::kFlows) << "that may be on its way";
    EXPECT_FALSE(is_wanted());
    pass(500ms);
    EXPECT_EQ(stream_.state, State::kStuck);
    EXPECT_TRUE(is_wanted());
    standby_.flushed = {2000};
    pass(500ms);
    EXPECT_EQ(stream_.state, State::kFlows);
    EXPECT_FALSE(is_wanted());
}

TEST_F(Stream, IsLookedAtAtOnceAfterASilenceOfThePrimary) {
    view_.position = {2000};
    pass(45s);
    EXPECT_EQ(stream_.state, State::kUnproven);
    EXPECT_TRUE(is_wanted());
    standby_.flushed = {2000};
    pass(500ms);
    EXPECT_EQ(stream_.state, State::kFlows);
    EXPECT_FALSE(is_wanted());
}

TEST_F(Stream, IsLookedAtAtOnceAfterASilenceOfTheStandby) {
    view_.position = {2000};
    standby_.answers = false;
    for (int turn = 0; turn < 10; ++turn) {
        pass(500ms);
        EXPECT_FALSE(is_wanted()) << "only one end answers";
    }
    EXPECT_EQ(stream_.state, State::kStuck);
    standby_.answers = true;
    look();
    EXPECT_TRUE(is_wanted());
}

TEST_F(Stream, ThatBrokeIsRenewedOnceTheStandbyAnswersAgain) {
    standby_.is_streaming = false;
    standby_.says_streaming = false;
    standby_.named = 0;
    pass(500ms);
    standby_.answers = false;
    pass(500ms);
    standby_.answers = true;
    pass(500ms);
    EXPECT_FALSE(is_wanted()) << "one missed answer is no cut";
    standby_.answers = false;
    for (int turn = 0; turn < 7; ++turn) {
        pass(500ms);
    }
    standby_.answers = true;
    pass(500ms);
    EXPECT_TRUE(is_wanted());
}

TEST_F(Stream, IsJudgedAsWellWhereThePrimaryIsAskedRarely) {
    for (std::uint64_t turn = 2; turn < 9; ++turn) {
        view_.position = {1000 * turn};
        standby_.flushed = {1000 * turn - 500};
        pass(10s);
    }
    EXPECT_EQ(stream_.state, State::kFlows);
    EXPECT_FALSE(is_wanted());
    pass(10s);
    EXPECT_EQ(stream_.state, State::kStuck);
    EXPECT_TRUE(is_wanted());
}

TEST_F(Stream, NeedsNoLookWhenNothingIsMissing) {
    pass(45s);
    EXPECT_EQ(stream_.state, State::kFlows);
    EXPECT_FALSE(is_wanted());
}

TEST_F(Stream, ThatBrokeIsRenewedOnceAfterASilence) {
    standby_.is_streaming = false;
    standby_.says_streaming = false;
    standby_.named = 0;
    pass(500ms);
    EXPECT_FALSE(is_wanted()) << "a standby that connects by itself";
    pass(90s);
    EXPECT_TRUE(is_wanted());
    note_renewal(&stream_, view_.seen);
    for (int turn = 0; turn < 60; ++turn) {
        pass(500ms);
        EXPECT_FALSE(is_wanted());
    }
}

TEST_F(Stream, UnderAnotherNameIsNotBroken) {
    standby_.is_streaming = false;
    standby_.named = 0;
    pass(90s);
    EXPECT_FALSE(is_wanted());
}

TEST_F(Stream, OfAServerWithACloneIsLeftAlone) {
    standby_.named = 2;
    view_.position = {2000};
    pass(45s);
    EXPECT_FALSE(is_wanted());
}

TEST_F(Stream, HasItsTimeAfterARenewalBeforeTheNext) {
    view_.position = {2000};
    pass(45s);
    note_renewal(&stream_, view_.seen);
    pass(500ms);
    EXPECT_EQ(stream_.state, State::kUnproven);
    for (int turn = 0; turn < 18; ++turn) {
        pass(500ms);
        EXPECT_FALSE(is_wanted()) << turn;
    }
    EXPECT_EQ(stream_.state, State::kStuck);
    pass(500ms);
    EXPECT_TRUE(is_wanted());
}

}  // namespace
}  // namespace muster::agent

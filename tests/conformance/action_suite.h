#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>

#include "base/clock.h"
#include "workflow/action.h"

namespace muster::conformance {

/// The suite that every action passes. A `World` is default-constructible and has
///   workflow::Action& action();
///   Result<T> run(Task<T>);          runs the loop until the task has ended
///   Clock& clock();
///   plan::Node with();               parameters that work, with observe and undo where there are
///   plan::Node without_looks();      the same without observe
///   int effects();                   how often the effect is there: 0 at first
///   plan::Node unreachable();        parameters that lead to nobody; an empty node: not applicable
///   plan::Node hanging();            parameters that lead to somebody who never answers
///   static constexpr bool kCanLook;  observe can tell
template <class World>
class ActionSuite : public testing::Test {
  protected:
    workflow::Call call(plan::Node with) {
        workflow::Call made;
        made.run = RunId("r-1");
        made.step = StepId("step");
        made.epoch = Epoch{7};
        made.service = ServiceId("shop");
        made.with = std::move(with);
        return made;
    }
    Instant deadline(Duration left = std::chrono::seconds(30)) {
        return world_.clock().now() + left;
    }
    Result<Fields> apply(plan::Node with, Duration left = std::chrono::seconds(30)) {
        return world_.run(world_.action().apply(call(std::move(with)), deadline(left)));
    }
    workflow::Observation observe(plan::Node with) {
        auto seen = world_.run(world_.action().observe(call(std::move(with)), deadline()));
        EXPECT_TRUE(seen.has_value()) << (seen ? "" : seen.error().message());
        return seen ? *seen : workflow::Observation{};
    }

    World world_;
};

TYPED_TEST_SUITE_P(ActionSuite);

TYPED_TEST_P(ActionSuite, DoesItAndThenSaysSoWhereItCanTell) {
    using State = workflow::Observation::State;
    const auto before = this->observe(this->world_.with());
    EXPECT_EQ(before.state, TypeParam::kCanLook ? State::kNotDone : State::kUnknown);
    const auto done = this->apply(this->world_.with());
    ASSERT_TRUE(done.has_value()) << done.error().message();
    EXPECT_EQ(this->world_.effects(), 1);
    const auto after = this->observe(this->world_.with());
    EXPECT_EQ(after.state, TypeParam::kCanLook ? State::kDone : State::kUnknown);
    EXPECT_EQ(this->world_.effects(), 1) << "looking does nothing";
}

TYPED_TEST_P(ActionSuite, CantTellWhenItWasNotToldHowToLook) {
    EXPECT_EQ(this->observe(this->world_.without_looks()).state,
              workflow::Observation::State::kUnknown);
}

TYPED_TEST_P(ActionSuite, PutsItBackOrSaysThatItCant) {
    const auto done = this->apply(this->world_.with());
    ASSERT_TRUE(done.has_value()) << done.error().message();
    auto back = this->call(this->world_.with());
    back.outputs = *done;
    const auto undone =
        this->world_.run(this->world_.action().undo(std::move(back), this->deadline()));
    if (this->world_.action().traits().can_undo) {
        ASSERT_TRUE(undone.has_value()) << undone.error().message();
        EXPECT_EQ(this->world_.effects(), 0);
    } else {
        ASSERT_FALSE(undone.has_value());
        EXPECT_EQ(undone.error().code(), Errc::kInvalid);
    }
}

TYPED_TEST_P(ActionSuite, IsUnavailableWhenNobodyIsThere) {
    auto with = this->world_.unreachable();
    if (!with.is_map()) {
        return;
    }
    const auto done = this->apply(std::move(with));
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code(), Errc::kUnavailable) << done.error().message();
}

TYPED_TEST_P(ActionSuite, EndsByItsDeadlineWhenNobodyAnswers) {
    const auto began = this->world_.clock().now();
    const auto done = this->apply(this->world_.hanging(), std::chrono::milliseconds(300));
    ASSERT_FALSE(done.has_value());
    EXPECT_TRUE(done.error().code() == Errc::kOutcomeUnknown ||
                done.error().code() == Errc::kTimedOut)
        << done.error().message();
    EXPECT_LT(this->world_.clock().now() - began, std::chrono::seconds(10));
}

TYPED_TEST_P(ActionSuite, DoesNothingWithoutTime) {
    const auto done = this->apply(this->world_.with(), std::chrono::milliseconds(-1));
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code(), Errc::kTimedOut) << done.error().message();
    EXPECT_EQ(this->world_.effects(), 0);
}

REGISTER_TYPED_TEST_SUITE_P(ActionSuite, DoesItAndThenSaysSoWhereItCanTell,
                            CantTellWhenItWasNotToldHowToLook, PutsItBackOrSaysThatItCant,
                            IsUnavailableWhenNobodyIsThere, EndsByItsDeadlineWhenNobodyAnswers,
                            DoesNothingWithoutTime);

}  // namespace muster::conformance

#include "adapters/action/notify_action.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>

#include "../../../tests/conformance/action_suite.h"
#include "adapters/action/action_test_support.h"

namespace muster {
namespace {

using test::map;
using test::scalar;

class NotifyWorld : public test::ActionWorld {
  public:
    static constexpr bool kCanLook = false;
    workflow::Action& action() { return action_; }
    plan::Node to(const std::string& url) {
        return map({{"webhook", scalar(url)}, {"message", scalar("moving \"shop\"")}});
    }
    plan::Node with() { return to(server_.url("/hook")); }
    plan::Node without_looks() { return with(); }
    [[nodiscard]] int effects() const { return static_cast<int>(server_.asked.size()); }
    plan::Node unreachable() { return to("http://127.0.0.1:1/"); }
    plan::Node hanging() { return to(server_.url("/silence")); }
    test::WebServer& server() { return server_; }

  private:
    test::WebServer server_{
        loop(), [](const test::Asked& asked) -> std::optional<test::WebServer::Answer> {
            if (asked.path == "/silence") {
                return std::nullopt;
            }
            return test::WebServer::Answer{asked.path == "/broken" ? 500 : 204, ""};
        }};
    adapters::NotifyAction action_{deps()};
};

using NotifyWorlds = testing::Types<NotifyWorld>;

}  // namespace

namespace conformance {
INSTANTIATE_TYPED_TEST_SUITE_P(Notify, ActionSuite, NotifyWorlds);
}  // namespace conformance

namespace {

class Notify : public conformance::ActionSuite<NotifyWorld> {};

TEST_F(Notify, PostsWhoAndWhat) {
    ASSERT_TRUE(apply(world_.with()));
    const auto& asked = world_.server().asked.front();
    EXPECT_EQ(asked.method, "POST");
    EXPECT_NE(asked.head.find("Content-Type: application/json"), std::string::npos) << asked.head;
    EXPECT_EQ(boost::json::parse(asked.body),
              boost::json::parse(R"({"event": "step.notify", "service": "shop", "run": "r-1",
                                     "step": "step", "message": "moving \"shop\""})"));
}

TEST_F(Notify, TakesASecretAddressFromAFile) {
    const test::Folder folder;
    const auto file = folder.write("hook", world_.server().url("/secret-path") + "\n");
    ASSERT_TRUE(apply(map({{"webhook_file", scalar(file)}, {"message", scalar("m")}})));
    EXPECT_EQ(world_.server().asked.front().path, "/secret-path");
}

TEST_F(Notify, FailsWhenTheWebhookDoes) {
    const auto done = apply(world_.to(world_.server().url("/broken")));
    ASSERT_FALSE(done);
    EXPECT_EQ(done.error().code(), Errc::kOutcomeUnknown);
    EXPECT_EQ(done.error().message().find("broken"), std::string::npos)
        << "a path may be a secret: " << done.error().message();
    EXPECT_TRUE(world_.action().traits().is_idempotent);
}

}  // namespace
}  // namespace muster

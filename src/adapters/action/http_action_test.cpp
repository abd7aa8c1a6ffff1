#include "adapters/action/http_action.h"

#include <gtest/gtest.h>

#include "../../../tests/conformance/action_suite.h"
#include "adapters/action/action_test_support.h"

namespace muster {
namespace {

using test::map;
using test::scalar;

/// A server with one thing that is there or not.
class HttpWorld : public test::ActionWorld {
  public:
    static constexpr bool kCanLook = true;
    workflow::Action& action() { return action_; }
    plan::Node request(const std::string& method, const std::string& path) {
        return map({{"method", scalar(method)}, {"url", scalar(server_.url(path))}});
    }
    plan::Node with() {
        auto node = without_looks();
        node.entries.push_back({"observe", {}, request("GET", "/thing")});
        node.entries.push_back({"undo", {}, request("DELETE", "/thing")});
        return node;
    }
    plan::Node without_looks() { return request("POST", "/thing"); }
    [[nodiscard]] int effects() const { return effects_; }
    static plan::Node unreachable() { return map({{"url", scalar("http://127.0.0.1:1/")}}); }
    plan::Node hanging() { return request("GET", "/silence"); }
    test::WebServer& server() { return server_; }

  private:
    std::optional<test::WebServer::Answer> answer(const test::Asked& asked) {
        if (asked.path == "/silence") {
            return std::nullopt;
        }
        if (asked.path.starts_with("/status/")) {
            return test::WebServer::Answer{std::stoi(asked.path.substr(8)), "one\ntwo\n"};
        }
        if (asked.method == "GET") {
            return test::WebServer::Answer{effects_ > 0 ? 200 : 404, "thing"};
        }
        effects_ += asked.method == "DELETE" ? -1 : 1;
        return test::WebServer::Answer{201, "made"};
    }

    int effects_ = 0;
    test::WebServer server_{loop(), [this](const test::Asked& asked) { return answer(asked); }};
    adapters::HttpAction action_{deps()};
};

using HttpWorlds = testing::Types<HttpWorld>;

}  // namespace

namespace conformance {
INSTANTIATE_TYPED_TEST_SUITE_P(Http, ActionSuite, HttpWorlds);
}  // namespace conformance

namespace {

class Http : public conformance::ActionSuite<HttpWorld> {
  protected:
    Errc code_for(int status) {
        const auto done = apply(world_.request("GET", "/status/" + std::to_string(status)));
        EXPECT_FALSE(done);
        return done ? Errc::kCancelled : done.error().code();
    }
};

TEST_F(Http, HandsOnStatusAndBody) {
    const auto out = apply(world_.with()).value();
    EXPECT_EQ(out.at("status"), "201");
    EXPECT_EQ(out.at("body"), "made");
}

TEST_F(Http, SendsTheSameKeyWithEveryAttempt) {
    ASSERT_TRUE(apply(world_.with()));
    ASSERT_TRUE(apply(world_.with()));
    for (const auto& asked : world_.server().asked) {
        EXPECT_NE(asked.head.find("Idempotency-Key: \"r-1/step\""), std::string::npos)
            << asked.head;
    }
}

TEST_F(Http, SendsTheTokenButNeverTellsIt) {
    const test::Folder folder;
    auto with = world_.request("GET", "/status/403");
    with.entries.push_back({"token_file", {}, scalar(folder.write("token", "s3cret\n"))});
    const auto done = apply(with);
    ASSERT_FALSE(done);
    EXPECT_NE(world_.server().asked.front().head.find("Authorization: Bearer s3cret"),
              std::string::npos);
    EXPECT_EQ(done.error().message().find("s3cret"), std::string::npos);
    EXPECT_EQ(done.error().hint().find("s3cret"), std::string::npos);
}

TEST_F(Http, NeedsTheTokenItNames) {
    auto with = world_.with();
    with.entries.push_back({"token_file", {}, scalar("/nonexistent/token")});
    EXPECT_EQ(apply(with).error().code(), Errc::kNotFound);
    EXPECT_TRUE(world_.server().asked.empty());
}

TEST_F(Http, TellsWhatAStatusMeans) {
    EXPECT_EQ(code_for(400), Errc::kInvalid);
    EXPECT_EQ(code_for(401), Errc::kDenied);
    EXPECT_EQ(code_for(404), Errc::kNotFound);
    EXPECT_EQ(code_for(409), Errc::kConflict);
    EXPECT_EQ(code_for(429), Errc::kUnavailable);
    EXPECT_EQ(code_for(502), Errc::kOutcomeUnknown);
}

TEST_F(Http, AcceptsTheStatusesItWasTold) {
    auto with = world_.request("GET", "/status/418");
    with.entries.push_back({"expect", {}, test::words({"200", "418"})});
    EXPECT_TRUE(apply(with));
    with.entries.push_back({"contains", {}, scalar("three")});
    const auto done = apply(with);
    ASSERT_FALSE(done);
}

TEST_F(Http, LooksByTheMethodWhenNotToldHow) {
    EXPECT_EQ(observe(world_.request("PUT", "/x")).state, workflow::Observation::State::kNotDone);
    EXPECT_EQ(observe(world_.request("POST", "/x")).state, workflow::Observation::State::kUnknown);
}

TEST_F(Http, ASickServerHasNotSaidNo) {
    auto with = world_.request("POST", "/x");
    with.entries.push_back({"observe", {}, world_.request("GET", "/status/500")});
    const auto seen = world_.run(world_.action().observe(call(with), deadline()));
    ASSERT_FALSE(seen);
    EXPECT_EQ(seen.error().code(), Errc::kOutcomeUnknown);
}

}  // namespace
}  // namespace muster

#include "adapters/net/plain_http.h"

#include <gtest/gtest.h>

#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include "adapters/net/failure.h"
#include "adapters/net/net_test_support.h"

namespace muster::adapters {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using asio::ip::tcp;

constexpr auto kValue = asio::as_tuple(asio::use_awaitable);

/// The machine's clock, which a test may set forward.
class ForwardClock final : public Clock {
  public:
    [[nodiscard]] Instant now() const override { return real_.now() + forward; }
    [[nodiscard]] WallTime wall() const override { return real_.wall(); }
    Task<> sleep_until(Instant when) override { return real_.sleep_until(when - forward); }
    Duration forward{};

  private:
    test::TestClock real_;
};

/// Answers each request with `answer`; an empty one is silence.
struct Server {
    explicit Server(asio::io_context& loop, const tcp::endpoint& at)
        : acceptor(loop, at), group(loop.get_executor()) {
        group.spawn(accept(this));
    }
    static Task<> accept(Server* self) {
        while (true) {
            auto [error, socket] = co_await self->acceptor.async_accept(kValue);
            if (error) {
                co_return Result<>{};
            }
            ++self->connections;
            self->group.spawn(serve(self, std::move(socket)));
        }
    }
    static Task<> serve(Server* self, tcp::socket socket) {
        std::string text;
        while (true) {
            const auto [error, length] = co_await asio::async_read_until(
                socket, asio::dynamic_buffer(text), "\r\n\r\n", kValue);
            if (error) {
                self->farewell = error;
                co_return Result<>{};
            }
            self->request = text.substr(0, length);
            text.erase(0, length);
            const auto sent =
                co_await asio::async_write(socket, asio::buffer(self->answer), kValue);
            if (std::get<0>(sent) || self->is_closing) {
                co_return Result<>{};
            }
        }
    }

    tcp::acceptor acceptor;
    TaskGroup group;
    std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
    std::string request;
    boost::system::error_code farewell;  // Of the client that left last.
    int connections = 0;
    bool is_closing = false;  // After each answer.
};

class PlainHttpTest : public testing::Test {
  protected:
    ~PlainHttpTest() override {
        static_cast<void>(test::run(loop_, server_.group.stop()).has_value());
    }
    [[nodiscard]] std::string url(const std::string& path = "/") const {
        return "http://127.0.0.1:" + std::to_string(server_.acceptor.local_endpoint().port()) +
               path;
    }
    Result<HttpResponse> send(const HttpRequest& request, KeptHttpConnection* kept = nullptr,
                              Duration time = 5s) {
        auto plain = plain_request(request, numeric_peer(request.url).value(), kept != nullptr);
        if (!plain) {
            return plain.error();
        }
        return test::run(
            loop_, client_.send(std::make_shared<const PlainHttpRequest>(std::move(*plain)), kept,
                                clock_.now() + time));
    }

    Task<HttpResponse> begin(Instant deadline, KeptHttpConnection* kept = nullptr) {
        auto plain = plain_request({.url = url()}, *numeric_peer(url()), kept != nullptr);
        return client_.send(std::make_shared<const PlainHttpRequest>(std::move(*plain)), kept,
                            deadline);
    }

    asio::io_context loop_;
    ForwardClock clock_;
    PlainHttpClient client_{loop_.get_executor(), clock_};
    Server server_{loop_, {asio::ip::address_v4::loopback(), 0}};
};

TEST_F(PlainHttpTest, SendsOneWholeRequestAndReadsTheAnswer) {
    const auto response = send({.url = url("/a?b=c#d"), .headers = {{"X-One", "1"}}});
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "hello");
    const auto port = std::to_string(server_.acceptor.local_endpoint().port());
    EXPECT_TRUE(server_.request.starts_with("GET /a?b=c HTTP/1.1\r\n")) << server_.request;
    EXPECT_TRUE(server_.request.contains("\r\nHost: 127.0.0.1:" + port + "\r\n"));
    EXPECT_TRUE(server_.request.contains("\r\nX-One: 1\r\n"));
    EXPECT_TRUE(server_.request.contains("\r\nConnection: close\r\n"));
    EXPECT_TRUE(server_.request.ends_with("\r\n\r\n"));
}

TEST_F(PlainHttpTest, OwnHeadersReplaceTheUsualOnes) {
    ASSERT_TRUE(send({.url = url(), .headers = {{"host", "shop.example"}, {"User-Agent", "x"}}}));
    EXPECT_TRUE(server_.request.contains("\r\nhost: shop.example\r\n")) << server_.request;
    EXPECT_FALSE(server_.request.contains("127.0.0.1"));
    EXPECT_FALSE(server_.request.contains("muster"));
}

TEST_F(PlainHttpTest, AHeaderThatWouldBreakTheRequestIsInvalid) {
    for (const auto& headers : {Fields{{"X", "a\r\nY: b"}}, Fields{{"", "a"}}, Fields{{"X Y", "a"}},
                                Fields{{"X:", "a"}}}) {
        EXPECT_EQ(send({.url = url(), .headers = headers}).error().code(), Errc::kInvalid);
    }
}

TEST_F(PlainHttpTest, KnowsAddressesByNumberOnly) {
    EXPECT_EQ(numeric_peer("http://192.0.2.1/x")->port(), 80);
    EXPECT_EQ(numeric_peer("http://[2001:db8::1]:8080")->address().to_string(), "2001:db8::1");
    for (const auto* other : {"http://localhost:80/", "https://127.0.0.1/", "http://u:p@127.0.0.1/",
                              "gopher://127.0.0.1", "127.0.0.1", ""}) {
        EXPECT_FALSE(numeric_peer(other)) << other;
    }
}

TEST_F(PlainHttpTest, SpeaksIpV6) {
    boost::system::error_code failure;
    tcp::acceptor probe(loop_);
    probe.open(tcp::v6(), failure);
    if (!failure) {
        probe.bind({asio::ip::address_v6::loopback(), 0}, failure);
    }
    if (failure) {
        GTEST_SKIP() << "no IPv6 here";
    }
    probe.close();
    Server six(loop_, {asio::ip::address_v6::loopback(), 0});
    const auto port = std::to_string(six.acceptor.local_endpoint().port());
    const auto response = send({.url = "http://[::1]:" + port + "/"});
    EXPECT_TRUE(response) << response.error().message();
    EXPECT_TRUE(six.request.contains("Host: [::1]:" + port)) << six.request;
    EXPECT_TRUE(test::run(loop_, six.group.stop()));
}

TEST_F(PlainHttpTest, ARefusedConnectionSaysSo) {
    const auto response = send({.url = "http://127.0.0.1:" + std::to_string(test::free_port())});
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code(), Errc::kUnavailable);
    EXPECT_TRUE(is_refusal(response.error())) << response.error().message();
}

TEST_F(PlainHttpTest, AnAnswerThatBreaksOffIsAReset) {
    server_.answer = "HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nhello";
    server_.is_closing = true;
    const auto response = send({.url = url()});
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code(), Errc::kOutcomeUnknown);
    EXPECT_TRUE(is_refusal(response.error())) << response.error().message();
}

TEST_F(PlainHttpTest, AnotherLanguageIsCorrupt) {
    server_.answer = "220 mail ready\r\n";
    EXPECT_EQ(send({.url = url()}).error().code(), Errc::kCorrupt);
}

TEST_F(PlainHttpTest, SilenceEndsAtItsDeadline) {
    server_.answer = "";
    const auto began = clock_.now();
    const auto response = send({.url = url()}, nullptr, 50ms);
    EXPECT_EQ(response.error().code(), Errc::kOutcomeUnknown);
    EXPECT_GE(clock_.now() - began, 50ms);
}

TEST_F(PlainHttpTest, EachRequestEndsAtItsOwnDeadline) {
    server_.answer = "";
    std::vector<int> ended;
    TaskGroup group(loop_.get_executor());
    const auto one = [](Task<HttpResponse> request, int number, std::vector<int>* out) -> Task<> {
        const auto response = co_await std::move(request);
        EXPECT_FALSE(response);
        out->push_back(number);
        co_return Result<>{};
    };
    const auto began = clock_.now();
    for (const int number : {3, 1, 4, 2}) {
        group.spawn(one(begin(began + number * 20ms), number, &ended));
    }
    ASSERT_TRUE(test::run(loop_, group.wait()));
    EXPECT_EQ(ended, (std::vector{1, 2, 3, 4}));
}

TEST_F(PlainHttpTest, AFreshConnectionEndsWithoutLeavingPortsBehind) {
    ASSERT_TRUE(send({.url = url()}));
    while (!server_.farewell) {
        ASSERT_EQ(loop_.run_one_for(5s), 1U);
    }
    EXPECT_EQ(server_.farewell, asio::error::connection_reset);
}

TEST_F(PlainHttpTest, KeepsAConnectionAndRenewsItAfterThirtySeconds) {
    KeptHttpConnection kept;
    ASSERT_TRUE(send({.url = url()}, &kept));
    ASSERT_TRUE(send({.url = url()}, &kept));
    EXPECT_EQ(server_.connections, 1);
    EXPECT_FALSE(server_.request.contains("Connection:")) << server_.request;
    clock_.forward = 31s;
    ASSERT_TRUE(send({.url = url()}, &kept));
    EXPECT_EQ(server_.connections, 2);
    ASSERT_TRUE(send({.url = url()}, &kept));
    EXPECT_EQ(server_.connections, 2);
}

TEST_F(PlainHttpTest, AKeptConnectionThatTheServerClosedIsMadeAnewWithoutAFailure) {
    KeptHttpConnection kept;
    server_.is_closing = true;  // Although it promised to stay.
    for (int i = 1; i < 4; ++i) {
        const auto response = send({.url = url()}, &kept);
        ASSERT_TRUE(response) << response.error().message();
        EXPECT_EQ(server_.connections, i);
    }
    const auto gone = url();
    server_.acceptor.close();
    EXPECT_TRUE(is_refusal(send({.url = gone}, &kept).error()));
}

TEST_F(PlainHttpTest, AKeptConnectionServesItsOwnAddressOnly) {
    Server other(loop_, {asio::ip::address_v4::loopback(), 0});
    KeptHttpConnection kept;
    ASSERT_TRUE(send({.url = url()}, &kept));
    const auto port = std::to_string(other.acceptor.local_endpoint().port());
    ASSERT_TRUE(send({.url = "http://127.0.0.1:" + port + "/"}, &kept));
    EXPECT_EQ(other.connections, 1);
    EXPECT_TRUE(test::run(loop_, other.group.stop()));
}

TEST_F(PlainHttpTest, AKeptConnectionThatIsTakenIsNotShared) {
    KeptHttpConnection kept;
    ASSERT_TRUE(send({.url = url()}, &kept));
    server_.answer = "";
    TaskGroup group(loop_.get_executor());
    const auto one = [](Task<HttpResponse> request) -> Task<> {
        const auto response = co_await std::move(request);
        EXPECT_FALSE(response);
        co_return Result<>{};
    };
    group.spawn(one(begin(clock_.now() + 30ms, &kept)));
    group.spawn(one(begin(clock_.now() + 30ms, &kept)));
    ASSERT_TRUE(test::run(loop_, group.wait()));
    EXPECT_EQ(server_.connections, 2);
}

TEST_F(PlainHttpTest, ACancelledRequestEndsAtOnce) {
    server_.answer = "";
    std::optional<Errc> code;
    TaskGroup group(loop_.get_executor());
    group.spawn([](Task<HttpResponse> request, std::optional<Errc>* out) -> Task<> {
        const auto response = co_await std::move(request);
        *out = response.error().code();
        co_return Result<>{};
    }(begin(clock_.now() + 60s), &code));
    while (server_.request.empty()) {
        loop_.run_one();
    }
    ASSERT_TRUE(test::run(loop_, group.stop()));
    EXPECT_EQ(code, Errc::kCancelled);
}

}  // namespace
}  // namespace muster::adapters

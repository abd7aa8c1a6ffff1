#include "adapters/steer/dns_responder.h"

#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>

#include "adapters/steer/dns_message.h"
#include "adapters/steer/dns_udp.h"

namespace muster::adapters {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

class FixedClock final : public Clock {
  public:
    explicit FixedClock(Executor executor) : executor_(std::move(executor)) {}
    [[nodiscard]] Instant now() const override { return Instant(1s); }
    [[nodiscard]] WallTime wall() const override { return WallTime(1'800'000'000s); }
    // The tests wait for nothing that time would end.
    Task<> sleep_until(Instant /*when*/) override {
        asio::steady_timer forever(executor_, asio::steady_timer::time_point::max());
        const auto ended = co_await forever.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ended);
        co_return Error{Errc::kCancelled, "stopped"};
    }

  private:
    Executor executor_;
};

std::vector<DnsResponder::Zone> zones() {
    return {{"example.com",
             {"ns1.example.com"},
             "hostmaster",
             {{{"ns1.example.com", "A", 1h}, {"127.0.0.1"}},
              {{"deep.down.example.com", "TXT", 1h}, {"say \"hi\""}},
              {{"alias.example.com", "CNAME", 60s}, {"shop.example.com"}},
              {{"big.example.com", "TXT", 60s},
               std::vector<std::string>{std::string(200, 'a'), std::string(200, 'b'),
                                        std::string(200, 'c'), std::string(200, 'd'),
                                        std::string(200, 'e'), std::string(200, 'f')}}}}};
}

class DnsResponderTest : public testing::Test {
  protected:
    DnsResponderTest() : responder(loop.get_executor(), clock, log) {
        EXPECT_TRUE(responder.set_zones(zones()));
        port = responder.listen("127.0.0.1:0").value();
    }

    Result<> apply(std::vector<std::string> answers, Epoch epoch, bool is_suspect = false) {
        std::optional<Result<>> outcome;
        asio::co_spawn(
            loop, responder.apply({{"shop.example.com", "A", 30s}, answers, epoch, is_suspect}, {}),
            [&outcome](const std::exception_ptr&, Result<> result) {
                outcome = std::move(result);
            });
        while (!outcome) {
            loop.run_one();
        }
        return *outcome;
    }

    /// What Debian's dig, a client of the field, prints for a question.
    std::string dig(const std::string& question) {
        std::string out;
        std::atomic<bool> is_done = false;
        std::thread client([&] {
            const auto command = "dig +tries=1 +time=2 +nocookie @127.0.0.1 -p " +
                                 std::to_string(port) + " " + question + " 2>&1";
            std::unique_ptr<FILE, int (*)(FILE*)> pipe(popen(command.c_str(), "r"), &pclose);
            std::array<char, 4096> buffer{};
            while (fgets(buffer.data(), buffer.size(), pipe.get()) != nullptr) {
                out += buffer.data();
            }
            is_done = true;
        });
        while (!is_done) {
            loop.run_for(5ms);
        }
        client.join();
        return out;
    }

    asio::io_context loop{1};
    FixedClock clock{loop.get_executor()};
    NullLog log;
    DnsResponder responder;
    std::uint16_t port = 0;
};

bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

TEST_F(DnsResponderTest, AnswersASteeredNameWithItsDeclaredTtl) {
    ASSERT_TRUE(apply({"10.0.0.1", "10.0.0.2"}, Epoch{1}));
    const auto out = dig("shop.example.com A");
    EXPECT_TRUE(has(out, "status: NOERROR")) << out;
    EXPECT_TRUE(has(out, "flags: qr aa rd;")) << out;
    EXPECT_TRUE(has(out, "30\tIN\tA\t10.0.0.1")) << out;
    EXPECT_TRUE(has(out, "30\tIN\tA\t10.0.0.2")) << out;
}

TEST_F(DnsResponderTest, HandsOutFiveSecondsWhileATargetIsSuspect) {
    ASSERT_TRUE(apply({"10.0.0.1"}, Epoch{1}, true));
    EXPECT_TRUE(has(dig("shop.example.com A"), "5\tIN\tA\t10.0.0.1"));
}

TEST_F(DnsResponderTest, RefusesAnOlderEpochAndAnEmptySetAndKeepsTheAnswer) {
    ASSERT_TRUE(apply({"10.0.0.2"}, Epoch{7}));
    EXPECT_EQ(apply({"10.0.0.1"}, Epoch{6}).error().code(), Errc::kConflict);
    EXPECT_EQ(apply({}, Epoch{8}).error().code(), Errc::kInvalid);
    EXPECT_EQ(apply({"not an address"}, Epoch{8}).error().code(), Errc::kInvalid);
    EXPECT_TRUE(has(dig("shop.example.com A"), "10.0.0.2"));
}

TEST_F(DnsResponderTest, TellsNoDataFromNoSuchName) {
    ASSERT_TRUE(apply({"10.0.0.1"}, Epoch{1}));
    const auto no_data = dig("shop.example.com AAAA");
    EXPECT_TRUE(has(no_data, "status: NOERROR") && has(no_data, "ANSWER: 0")) << no_data;
    EXPECT_TRUE(has(no_data, "30\tIN\tSOA")) << no_data;
    const auto no_name = dig("nothing.example.com A");
    EXPECT_TRUE(has(no_name, "status: NXDOMAIN") && has(no_name, "30\tIN\tSOA")) << no_name;
    const auto between = dig("down.example.com A");
    EXPECT_TRUE(has(between, "status: NOERROR") && has(between, "ANSWER: 0")) << between;
}

TEST_F(DnsResponderTest, RaisesTheSerialWithEachChange) {
    const auto serial = [this] { return std::stoul(dig("+short example.com SOA").substr(43)); };
    ASSERT_TRUE(apply({"10.0.0.1"}, Epoch{1}));
    const auto before = serial();
    ASSERT_TRUE(apply({"10.0.0.2"}, Epoch{2}));
    EXPECT_EQ(serial(), before + 1);
}

TEST_F(DnsResponderTest, RefusesZoneTransfersAndForeignNames) {
    EXPECT_TRUE(has(dig("+tcp example.com AXFR"), "Transfer failed"));
    EXPECT_TRUE(has(dig("www.example.org A"), "status: REFUSED"));
}

TEST_F(DnsResponderTest, FollowsAnAliasInsideTheZone) {
    ASSERT_TRUE(apply({"10.0.0.1"}, Epoch{1}));
    const auto out = dig("alias.example.com A");
    EXPECT_TRUE(has(out, "CNAME\tshop.example.com.") && has(out, "A\t10.0.0.1")) << out;
}

TEST_F(DnsResponderTest, CutsWhatDoesNotFitOverUdpAndSendsItWholeOverTcp) {
    EXPECT_TRUE(has(dig("+ignore +noedns big.example.com TXT"), "flags: qr aa tc rd;"));
    EXPECT_TRUE(has(dig("+tcp big.example.com TXT"), "ANSWER: 6"));
}

TEST_F(DnsResponderTest, KeepsTheCaseOfTheQuestionAndQuotesText) {
    EXPECT_TRUE(has(dig("DeeP.dOWN.example.COM TXT"), ";DeeP.dOWN.example.COM."));
    EXPECT_TRUE(has(dig("deep.down.example.com TXT"), "\"say \\\"hi\\\"\""));
}

TEST_F(DnsResponderTest, AnswersUnknownEdnsVersionsWithBadvers) {
    EXPECT_TRUE(has(dig("+edns=1 +noednsnegotiation ns1.example.com A"), "status: BADVERS"));
}

TEST_F(DnsResponderTest, RefusesARecordOutsideItsZonesAndATwinDeclaration) {
    auto bad = zones();
    bad[0].fixed.push_back({{"www.example.org", "A", 60s}, {"10.0.0.1"}});
    EXPECT_EQ(responder.set_zones(bad).error().code(), Errc::kInvalid);
    bad = zones();
    bad[0].fixed.push_back(bad[0].fixed[0]);
    EXPECT_EQ(responder.set_zones(bad).error().code(), Errc::kInvalid);
    EXPECT_TRUE(has(dig("ns1.example.com A"), "127.0.0.1"));
}

TEST_F(DnsResponderTest, SaysWhichAddressIsTakenAndHowToSeeByWhom) {
    DnsResponder other(loop.get_executor(), clock, log);
    const auto address = "127.0.0.1:" + std::to_string(port);
    const auto again = other.listen(address);
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code(), Errc::kUnavailable);
    EXPECT_TRUE(has(again.error().message(), address + " (UDP): Address already in use"));
    EXPECT_TRUE(has(again.error().hint(), "ss -lntup 'sport = :" + std::to_string(port) + "'"));
}

TEST_F(DnsResponderTest, SaysThatOnlyTcpIsTaken) {
    asio::ip::tcp::acceptor taken(loop, {asio::ip::make_address("127.0.0.1"), 0});
    DnsResponder other(loop.get_executor(), clock, log);
    const auto address = "127.0.0.1:" + std::to_string(taken.local_endpoint().port());
    const auto refused = other.listen(address);
    ASSERT_FALSE(refused);
    EXPECT_TRUE(has(refused.error().message(), address + " (TCP): Address already in use"));
}

TEST_F(DnsResponderTest, SaysThatAnAddressIsNotOfThisHost) {
    DnsResponder other(loop.get_executor(), clock, log);
    const auto refused = other.listen("192.0.2.1:0");
    ASSERT_FALSE(refused);
    EXPECT_EQ(refused.error().code(), Errc::kUnavailable);
    EXPECT_TRUE(has(refused.error().message(), "192.0.2.1:0")) << refused.error().message();
    EXPECT_TRUE(has(refused.error().hint(), "ip -brief address")) << refused.error().hint();
    EXPECT_EQ(other.listen("nonsense").error().code(), Errc::kInvalid);
}

/// Asks from a socket of its own and waits for the answer, as a client does.
class Client {
  public:
    Client(const std::string& address, std::uint16_t port) {
        socket_.connect({asio::ip::make_address(address), port});
        const timeval patience{5, 0};
        setsockopt(socket_.native_handle(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
    }
    void send(const std::vector<std::uint8_t>& message) { socket_.send(asio::buffer(message)); }
    /// Empty when none came.
    std::vector<std::uint8_t> receive() {
        std::vector<std::uint8_t> message(4096);
        const auto size = recv(socket_.native_handle(), message.data(), message.size(), 0);
        message.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
        return message;
    }

  private:
    asio::io_context loop_;
    asio::ip::udp::socket socket_{loop_, asio::ip::udp::v4()};
};

/// shop.example.com A, with an id that tells it from others.
std::vector<std::uint8_t> question(std::uint16_t id) {
    std::vector<std::uint8_t> query{0, 0, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
    put_dns_number(query, 0, id);
    for (const std::string label : {"shop", "example", "com"}) {
        query.push_back(static_cast<std::uint8_t>(label.size()));
        query.insert(query.end(), label.begin(), label.end());
    }
    query.insert(query.end(), {0, 0, 1, 0, 1});
    return query;
}

TEST_F(DnsResponderTest, AnswersEveryQueryInAFloodOfGarbage) {
    ASSERT_TRUE(apply({"10.0.0.1"}, Epoch{1}));
    Client good("127.0.0.1", port);
    Client bad("127.0.0.1", port);
    std::uint64_t state = 7;
    for (std::uint16_t round = 0; round < 200; ++round) {
        for (std::size_t size = 0; size < 100; ++size) {
            auto junk = question(round);
            junk.resize(size % 2 == 0 ? size : junk.size());
            for (std::size_t bent = 0; bent < 1 + size % 7 && !junk.empty(); ++bent) {
                state = state * 6364136223846793005U + 1442695040888963407U;
                junk[(state >> 40U) % junk.size()] = static_cast<std::uint8_t>(state >> 56U);
            }
            bad.send(junk);
        }
        bad.send(std::vector<std::uint8_t>(9000, 0xc0));
        // Once this is answered, all before it was taken from the socket.
        good.send(question(round));
        const auto answer = good.receive();
        ASSERT_GT(answer.size(), 12U) << "round " << round;
        EXPECT_EQ(dns_number_at(answer, 0), round);
        EXPECT_EQ(answer[3] & 0x0fU, LDNS_RCODE_NOERROR);
    }
}

TEST_F(DnsResponderTest, AnswersEveryQueryThatArrivesAfterAChangeByThatChange) {
    Client client("127.0.0.1", port);
    for (std::uint8_t round = 1; round < 100; ++round) {
        ASSERT_TRUE(apply({"10.0.0." + std::to_string(round)}, Epoch{round}));
        client.send(question(round));
        const auto answer = client.receive();
        ASSERT_GT(answer.size(), 12U);
        EXPECT_EQ(answer.back(), round);
    }
}

TEST(DnsWildcard, AnswersFromTheAddressThatWasAsked) {
    asio::io_context loop(1);
    FixedClock clock(loop.get_executor());
    NullLog log;
    for (const std::string any : {"0.0.0.0:0", "[::]:0"}) {
        DnsResponder responder(loop.get_executor(), clock, log);
        const auto port = responder.listen(any);
        if (!port && any != "0.0.0.0:0") {
            continue;  // A host without IPv6.
        }
        ASSERT_TRUE(port);
        // A connected socket takes nothing that comes from another address.
        Client client("127.0.0.2", *port);
        client.send(question(1));
        EXPECT_GE(client.receive().size(), 12U) << any;
    }
}

TEST(DnsUdp, EndsAtOnceThoughNobodyAsks) {
    for (int round = 0; round < 20; ++round) {
        DnsUdp udp;
        ASSERT_FALSE(udp.open({asio::ip::make_address("127.0.0.1"), 0}));
        udp.use(std::make_shared<const DnsAnswers>());
        udp.start();
        udp.stop();
        udp.stop();
    }
}

TEST(DnsMessage, NeverFailsOnWhatCannotBeRead) {
    const auto table = DnsTable::build(zones(), {}, 1).value();
    std::uint64_t state = 42;
    for (int round = 0; round < 20'000; ++round) {
        std::vector<std::uint8_t> junk(round % 64);
        for (auto& byte : junk) {
            state = state * 6364136223846793005U + 1442695040888963407U;
            byte = static_cast<std::uint8_t>(state >> 56U);
        }
        const auto reply = answer_query(junk, *table, true);
        EXPECT_TRUE(reply.empty() ||
                    (reply.size() >= 12 && reply[0] == junk[0] && (reply[2] & 0x80U) != 0));
    }
}

TEST(DnsMessage, RepeatsNoneOfManyQuestions) {
    const auto table = DnsTable::build(zones(), {}, 1).value();
    auto query = question(1);
    const std::vector<std::uint8_t> one(query.begin() + 12, query.end());
    for (int i = 1; i < 200; ++i) {
        query.insert(query.end(), one.begin(), one.end());
    }
    put_dns_number(query, 4, 200);
    const auto reply = answer_query(query, *table, true);
    ASSERT_EQ(reply.size(), 12U);
    EXPECT_EQ(reply[3], LDNS_RCODE_FORMERR);
}

TEST(DnsMessage, AnswersNothingToAnAnswer) {
    const auto table = DnsTable::build(zones(), {}, 1).value();
    std::vector<std::uint8_t> answer(12, 0);
    answer[2] = 0x80;
    EXPECT_TRUE(answer_query(answer, *table, true).empty());
}

}  // namespace
}  // namespace muster::adapters

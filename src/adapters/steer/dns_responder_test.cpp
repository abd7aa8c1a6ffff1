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
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>

#include "adapters/steer/dns_message.h"

namespace muster::adapters {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

class FixedClock final : public Clock {
  public:
    [[nodiscard]] Instant now() const override { return Instant(1s); }
    [[nodiscard]] WallTime wall() const override { return WallTime(1'800'000'000s); }
    // The tests wait for nothing that time would end.
    Task<> sleep_until(Instant /*when*/) override {
        asio::steady_timer forever(co_await asio::this_coro::executor,
                                   asio::steady_timer::time_point::max());
        const auto ended = co_await forever.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(ended);
        co_return Error{Errc::kCancelled, "stopped"};
    }
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
    FixedClock clock;
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

TEST_F(DnsResponderTest, SaysWhichAddressItCannotListenAt) {
    DnsResponder other(loop.get_executor(), clock, log);
    const auto again = other.listen("127.0.0.1:" + std::to_string(port));
    EXPECT_EQ(again.error().code(), Errc::kUnavailable);
    EXPECT_EQ(other.listen("nonsense").error().code(), Errc::kInvalid);
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

TEST(DnsMessage, AnswersNothingToAnAnswer) {
    const auto table = DnsTable::build(zones(), {}, 1).value();
    std::vector<std::uint8_t> answer(12, 0);
    answer[2] = 0x80;
    EXPECT_TRUE(answer_query(answer, *table, true).empty());
}

}  // namespace
}  // namespace muster::adapters

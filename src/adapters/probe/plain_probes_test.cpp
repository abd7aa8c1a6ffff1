// The types tcp, http and exec, each by its own rules.

#include "adapters/probe/exec_probe.h"
#include "adapters/probe/probe_test_support.h"
#include "adapters/probe/tcp_probe.h"

namespace muster::adapters {
namespace {

using namespace std::chrono_literals;
using probe::Evidence;
using test::Listener;
using test::probe_settings;

std::string answer(const std::string& body, const std::string& status = "200 OK") {
    return "HTTP/1.1 " + status + "\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

class TcpProbeTest : public test::ProbeTest {};

TEST_F(TcpProbeTest, AConnectionIsGoodAndWithExpectTheAnswerCounts) {
    Listener listener(loop_, "220 mail ready\r\n");
    listener.is_greeting = true;
    const auto address = listener.address();
    EXPECT_EQ(check(probe_settings("tcp", {{"tcp", {address}}}))->evidence, Evidence::kGood);
    EXPECT_EQ(check(probe_settings("tcp", {{"tcp", {address}}, {"expect", {"220 "}}}))->evidence,
              Evidence::kGood);
    EXPECT_TRUE(test::run(loop_, listener.stop()));
}

TEST_F(TcpProbeTest, SendsWhatItIsTold) {
    Listener listener(loop_, "PONG");
    EXPECT_EQ(check(probe_settings("tcp", {{"tcp", {listener.address()}},
                                           {"send", {"PING\r\n\r\n"}},
                                           {"expect", {"PONG"}}}))
                  ->evidence,
              Evidence::kGood);
    EXPECT_TRUE(test::run(loop_, listener.stop()));
}

TEST_F(TcpProbeTest, AnotherAnswerThanExpectedIsHard) {
    Listener listener(loop_, std::string(10'000, 'x'));
    listener.is_greeting = true;
    const auto sample =
        check(probe_settings("tcp", {{"tcp", {listener.address()}}, {"expect", {"220 "}}}));
    EXPECT_EQ(sample->evidence, Evidence::kHard) << sample->detail;
    EXPECT_TRUE(test::run(loop_, listener.stop()));
}

TEST_F(TcpProbeTest, AnUnknownNameIsSilence) {
    const auto sample = check(probe_settings("tcp", {{"tcp", {"no-such-host.invalid:80"}}}));
    EXPECT_EQ(sample->evidence, Evidence::kSilence) << sample->detail;
}

TEST_F(TcpProbeTest, OverTheBudgetIsSlow) {
    Listener listener(loop_, "x");
    const auto sample =
        check(probe_settings("tcp", {{"tcp", {listener.address()}}, {"slow_after", {"1ms"}}}));
    // A loopback connect may be quicker than the shortest budget; both are answers.
    EXPECT_NE(sample->evidence, Evidence::kSilence);
    EXPECT_EQ(sample->evidence == Evidence::kSlow, sample->latency > 1ms);
    EXPECT_TRUE(test::run(loop_, listener.stop()));
}

TEST_F(TcpProbeTest, ReadsHostAndPort) {
    EXPECT_EQ(parse_host_port("a.b:80")->host, "a.b");
    EXPECT_EQ(parse_host_port("[::1]:80")->host, "::1");
    EXPECT_EQ(parse_host_port("[::1]:80")->port, "80");
    for (const auto* text :
         {"", "host", ":80", "host:", "host:x", "host:0", "host:65536", "::1:80", "host:8000000"}) {
        EXPECT_FALSE(parse_host_port(text)) << text;
    }
}

class HttpProbeTest : public test::ProbeTest {
  protected:
    ~HttpProbeTest() override { static_cast<void>(test::run(loop_, listener_.stop()).has_value()); }
    using Entry = std::pair<std::string, std::vector<std::string>>;
    Result<probe::Sample> check_with(const Entry& more) {
        return check(probe_settings("http", {{"http", {url()}}, more}));
    }
    [[nodiscard]] std::string url() const { return "http://" + listener_.address() + "/health"; }
    Listener listener_{loop_, answer("all is well")};
};

TEST_F(HttpProbeTest, AnExpectedAnswerIsGoodAndTellsItsStatus) {
    const auto sample = check_with({"body", {"is well"}});
    EXPECT_EQ(sample->evidence, Evidence::kGood) << sample->detail;
    EXPECT_EQ(sample->facts.at("status"), "200");
}

TEST_F(HttpProbeTest, StatusesFrom200To399AreGoodUnlessOthersAreListed) {
    listener_.answer = answer("", "302 Found");
    EXPECT_EQ(check_with({"method", {"GET"}})->evidence, Evidence::kGood);
    EXPECT_EQ(check_with({"status", {"200", "204"}})->evidence, Evidence::kHard);
    listener_.answer = answer("", "503 Service Unavailable");
    EXPECT_EQ(check_with({"method", {"GET"}})->detail, "status 503");
    EXPECT_EQ(check_with({"status", {"503"}})->evidence, Evidence::kGood);
}

TEST_F(HttpProbeTest, TheBodyMustContainAndMatch) {
    EXPECT_EQ(check_with({"body", {"is bad"}})->evidence, Evidence::kHard);
    EXPECT_EQ(check_with({"matches", {"^all [a-z]{2} well$"}})->evidence, Evidence::kGood);
    EXPECT_EQ(check_with({"matches", {"^all$"}})->evidence, Evidence::kHard);
}

TEST_F(HttpProbeTest, PatternsReadLinesAsECMAScriptDoes) {
    listener_.answer = answer("all\nis well");
    EXPECT_EQ(check_with({"matches", {"all.is"}})->evidence, Evidence::kHard);
    EXPECT_EQ(check_with({"matches", {"^is"}})->evidence, Evidence::kHard);
    EXPECT_EQ(check_with({"matches", {"^all\\sis (\\w)e(l)\\2$"}})->evidence, Evidence::kGood);
}

TEST_F(HttpProbeTest, ALongLineIsMatchedOrTheProbeIsBlind) {
    listener_.answer = answer(std::string(60'000, 'a') + "b");
    EXPECT_EQ(check_with({"matches", {"^a+b$"}})->evidence, Evidence::kGood);
    EXPECT_FALSE(check_with({"matches", {"^(a|b)+$"}})->evidence == Evidence::kHard);
    const auto unknown = check_with({"matches", {"a.*c"}});
    EXPECT_EQ(unknown->evidence, Evidence::kSilence);
    EXPECT_TRUE(unknown->is_blind) << unknown->detail;
}

TEST_F(HttpProbeTest, ConnectsAnewEachTime) {
    const auto probe = make(probe_settings("http", {{"http", {url()}}}));
    ASSERT_EQ(check(*probe)->evidence, Evidence::kGood);
    ASSERT_EQ(check(*probe)->evidence, Evidence::kGood);
    EXPECT_EQ(listener_.connections, 2);
}

TEST_F(HttpProbeTest, KeepsItsConnectionWhenToldTo) {
    const auto probe = make(probe_settings("http", {{"http", {url()}}, {"connection", {"keep"}}}));
    ASSERT_EQ(check(*probe)->evidence, Evidence::kGood);
    ASSERT_EQ(check(*probe)->evidence, Evidence::kGood);
    EXPECT_EQ(listener_.connections, 1);
    EXPECT_EQ(refusal(probe_settings("http", {{"http", {url()}}, {"connection", {"maybe"}}})),
              Errc::kInvalid);
}

TEST_F(HttpProbeTest, ANameIsAskedAtTheAddressThatItGave) {
    const auto port = listener_.address().substr(listener_.address().find(':'));
    const auto probe = make(probe_settings(
        "http", {{"http", {"http://localhost" + port + "/"}}, {"body", {"is well"}}}));
    for (int i = 0; i < 3; ++i) {
        const auto sample = check(*probe);
        EXPECT_EQ(sample->evidence, Evidence::kGood) << sample->detail;
    }
    listener_.answer = answer("", "500 Internal Server Error");
    EXPECT_EQ(check(*probe)->evidence, Evidence::kHard);
    listener_.answer = answer("all is well");
    EXPECT_EQ(check(*probe)->evidence, Evidence::kGood);
}

TEST_F(HttpProbeTest, ResolveLeadsToItsAddress) {
    const auto port = listener_.address().substr(listener_.address().find(':') + 1);
    const auto probe =
        make(probe_settings("http", {{"http", {"http://shop.invalid:" + port + "/"}},
                                     {"resolve", {"shop.invalid:" + port + ":127.0.0.1"}}}));
    for (int i = 0; i < 3; ++i) {
        const auto sample = check(*probe);
        EXPECT_EQ(sample->evidence, Evidence::kGood) << sample->detail;
    }
    EXPECT_EQ(listener_.connections, 3);
}

TEST_F(HttpProbeTest, WhatIsNotHttpIsHard) {
    listener_.answer = "220 mail ready\r\n";
    const auto sample = check_with({"method", {"GET"}});
    EXPECT_EQ(sample->evidence, Evidence::kHard) << sample->detail;
}

TEST_F(HttpProbeTest, BadSettingsAreInvalid) {
    const auto with = [this](const Entry& more) {
        return refusal(probe_settings("http", {{"http", {url()}}, more}));
    };
    EXPECT_EQ(with({"status", {"ok"}}), Errc::kInvalid);
    EXPECT_EQ(with({"matches", {"("}}), Errc::kInvalid);
    EXPECT_EQ(with({"slow_after", {"soon"}}), Errc::kInvalid);
    EXPECT_EQ(refusal(probe_settings("http", {{"http", {"gopher://x"}}})), Errc::kInvalid);
}

TEST_F(HttpProbeTest, AStoppedProcessThatStillAcceptsConnectionsIsSilent) {
    // A child that serves, and is then stopped: its kernel goes on accepting for it.
    boost::asio::ip::tcp::acceptor shared(loop_, {boost::asio::ip::address_v4::loopback(), 0});
    const auto port = std::to_string(shared.local_endpoint().port());
    const pid_t child = ::fork();
    if (child == 0) {
        const std::string text = answer("hello");
        std::array<char, 4096> buffer{};
        while (true) {
            const int number = ::accept4(shared.native_handle(), nullptr, nullptr, 0);
            if (number < 0) {
                continue;  // The listening socket does not block in Asio's hands.
            }
            ::usleep(1000);
            static_cast<void>(!::read(number, buffer.data(), buffer.size()));
            static_cast<void>(!::write(number, text.data(), text.size()));
            ::close(number);
        }
    }
    const auto settings = probe_settings("http", {{"http", {"http://127.0.0.1:" + port}}});
    EXPECT_EQ(check(settings)->evidence, Evidence::kGood);
    ::kill(child, SIGSTOP);
    int status = 0;
    ::waitpid(child, &status, WUNTRACED);
    EXPECT_EQ(check(settings, 200ms)->evidence, Evidence::kSilence);
    EXPECT_EQ(check(probe_settings("tcp", {{"tcp", {"127.0.0.1:" + port}}}))->evidence,
              Evidence::kGood)
        << "a mere connect cannot tell";
    ::kill(child, SIGKILL);
    test::wait_for_exit(child);
}

class ExecProbeTest : public test::ProbeTest {
  protected:
    Result<probe::Sample> ends_with(int exit_code, const std::string& output = {}) {
        runner_.result = workflow::CommandResult{.output = output, .error = {}};
        runner_.result->exit_code = exit_code;
        return check(probe_settings("exec", {{"exec", {"/bin/check", "{node}"}}}));
    }
};

TEST_F(ExecProbeTest, ZeroIsGoodOneIsDeadAnythingElseCannotTell) {
    EXPECT_EQ(ends_with(0, "fine\nmore")->evidence, Evidence::kGood);
    EXPECT_EQ(ends_with(1, "no process\n")->evidence, Evidence::kHard);
    EXPECT_EQ(ends_with(1, "no process\n")->detail, "exit 1: no process");
    EXPECT_EQ(ends_with(2)->evidence, Evidence::kSilence);
    EXPECT_EQ(ends_with(139)->evidence, Evidence::kSilence);
    EXPECT_EQ(ends_with(139)->facts.at("exit_code"), "139");
}

TEST_F(ExecProbeTest, FillsItsArguments) {
    ASSERT_TRUE(ends_with(0));
    EXPECT_EQ(runner_.commands.front().argv, (std::vector<std::string>{"/bin/check", "n1"}));
}

TEST_F(ExecProbeTest, AProgramThatCannotStartIsSilence) {
    runner_.result = Error{Errc::kNotFound, "no such program"};
    const auto sample = check(probe_settings("exec", {{"exec", {"/bin/check"}}}));
    EXPECT_EQ(sample->evidence, Evidence::kSilence);
    EXPECT_EQ(sample->detail, "no such program");
}

TEST_F(ExecProbeTest, NoProgramIsInvalid) {
    EXPECT_EQ(refusal(probe_settings("exec", {{"exec", {""}}})), Errc::kInvalid);
}

}  // namespace
}  // namespace muster::adapters

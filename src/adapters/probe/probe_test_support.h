#pragma once

// What the tests of the probe types share: a fake runner of programs, settings from a few texts,
// and listeners that answer wrongly in every way a target can.

#include <gtest/gtest.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include "adapters/net/net_test_support.h"
#include "adapters/probe/all_probes.h"

namespace muster::test {

/// Answers at once with `result`, or only at the deadline.
class FakeRunner final : public workflow::CommandRunner {
  public:
    explicit FakeRunner(Clock& clock) : clock_(clock) {}
    Task<workflow::CommandResult> run(workflow::Command command, Instant deadline) override {
        commands.push_back(std::move(command));
        if (is_hung) {
            CO_TRY_OK(co_await clock_.sleep_until(deadline));
            co_return Error{Errc::kOutcomeUnknown, "the program did not end in time"};
        }
        co_return result;
    }
    std::vector<workflow::Command> commands;
    Result<workflow::CommandResult> result = workflow::CommandResult{};
    bool is_hung = false;

  private:
    Clock& clock_;
};

inline plan::Node scalar(std::string text) {
    plan::Node node;
    node.kind = plan::Node::Kind::kScalar;
    node.scalar = std::move(text);
    return node;
}

/// Settings of a probe of `type` with these texts; several values of one key make a list.
inline probe::Settings probe_settings(
    const std::string& type,
    std::initializer_list<std::pair<std::string, std::vector<std::string>>> entries) {
    probe::Settings settings;
    settings.plan.type = type;
    settings.plan.attempts = 1;
    settings.plan.settings.kind = plan::Node::Kind::kMap;
    settings.target = {ServiceId("shop"), ComponentId("web"), SiteId("east"), ""};
    settings.variables = {{"node", "n1"}};
    for (const auto& [key, values] : entries) {
        plan::Node value = scalar(values.front());
        if (values.size() > 1) {
            value = {};
            value.kind = plan::Node::Kind::kList;
            for (const auto& item : values) {
                value.items.push_back(scalar(item));
            }
        }
        settings.plan.settings.entries.push_back({key, {}, std::move(value)});
    }
    return settings;
}

/// Accepts connections on a loopback port; answers each request with `answer`, if there is one.
class Listener {
  public:
    explicit Listener(boost::asio::io_context& loop, std::string the_answer = {})
        : answer(std::move(the_answer)),
          acceptor_(loop, {boost::asio::ip::address_v4::loopback(), 0}),
          group_(loop.get_executor()) {
        group_.spawn(accept(this));
    }
    [[nodiscard]] std::string address() const {
        return "127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
    }
    Task<> stop() { return group_.stop(); }

    std::string answer;
    int connections = 0;
    bool is_greeting = false;   ///< The answer is sent without a request.
    bool is_resetting = false;  ///< Connections end at once.

  private:
    using Socket = boost::asio::ip::tcp::socket;
    static Task<> accept(Listener* self) {
        namespace asio = boost::asio;
        while (true) {
            auto [error, socket] =
                co_await self->acceptor_.async_accept(asio::as_tuple(asio::use_awaitable));
            if (error) {
                co_return Result<>{};
            }
            ++self->connections;
            if (self->is_resetting) {
                socket.set_option(asio::socket_base::linger(true, 0));
                continue;
            }
            self->group_.spawn(serve(self, std::move(socket)));
        }
    }
    static Task<> serve(Listener* self, Socket socket) {
        namespace asio = boost::asio;
        constexpr auto kValue = asio::as_tuple(asio::use_awaitable);
        std::string text;
        while (true) {
            if (!self->is_greeting) {
                const auto [error, length] = co_await asio::async_read_until(
                    socket, asio::dynamic_buffer(text), "\r\n\r\n", kValue);
                if (error) {
                    co_return Result<>{};
                }
                text.erase(0, length);
            }
            const auto [error, length] =
                co_await asio::async_write(socket, asio::buffer(self->answer), kValue);
            if (error || self->is_greeting) {
                const auto result = co_await socket.async_wait(Socket::wait_read, kValue);
                static_cast<void>(result);
                co_return Result<>{};
            }
        }
    }

    boost::asio::ip::tcp::acceptor acceptor_;
    TaskGroup group_;
};

/// A loop, a clock, and the registry that the daemon has.
class ProbeTest : public testing::Test {
  protected:
    [[nodiscard]] probe::Deps deps() { return {loop_.get_executor(), clock_, random_, log_, {}}; }
    std::unique_ptr<probe::Probe> make(const probe::Settings& settings) {
        auto made = probes_.make(settings, deps());
        if (!made) {
            ADD_FAILURE() << made.error().message();
            return nullptr;
        }
        return std::move(*made);
    }
    Result<probe::Sample> check(probe::Probe& probe, Duration time = std::chrono::seconds(5)) {
        return run(loop_, probe.check(clock_.now() + time));
    }
    Result<probe::Sample> check(const probe::Settings& settings,
                                Duration time = std::chrono::seconds(5)) {
        const auto probe = make(settings);
        return check(*probe, time);
    }
    Errc refusal(const probe::Settings& settings) {
        const auto made = probes_.make(settings, deps());
        return made ? Errc::kCancelled : made.error().code();
    }

    boost::asio::io_context loop_;
    TestClock clock_;
    SeededRandom random_{1};
    NullLog log_;
    FakeRunner runner_{clock_};
    probe::Registry probes_ = adapters::all_probes(runner_);
};

}  // namespace muster::test

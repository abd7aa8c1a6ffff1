#pragma once

// For tests: time that stands still until a test moves it, on one event loop; and a probe whose
// answers a test makes up.

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <map>
#include <optional>

#include "base/clock.h"
#include "probe/probe.h"

namespace muster::test {

class VirtualClock final : public Clock {
  public:
    explicit VirtualClock(boost::asio::io_context& loop) : loop_(loop) {}

    [[nodiscard]] Instant now() const override { return now_; }
    [[nodiscard]] WallTime wall() const override {
        return WallTime(std::chrono::floor<std::chrono::microseconds>(now_.time_since_epoch()));
    }
    Task<> sleep_until(Instant when) override {
        namespace asio = boost::asio;
        if (when > now_) {
            asio::steady_timer timer(loop_, asio::steady_timer::time_point::max());
            const auto place = sleepers_.emplace(when, &timer);
            const auto result = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
            static_cast<void>(result);
            sleepers_.erase(place);
        }
        const auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none) {
            co_return Error{Errc::kCancelled, "the sleep was cancelled"};
        }
        co_return Result<>{};
    }

    /// Lets `time` pass; everything due happens at its own moment.
    void advance(Duration time) {
        const Instant until = now_ + time;
        settle();
        while (!sleepers_.empty() && sleepers_.begin()->first <= until) {
            now_ = std::max(now_, sleepers_.begin()->first);
            for (const auto& [when, timer] : sleepers_) {
                if (when > now_) {
                    break;
                }
                timer->cancel();
            }
            settle();
        }
        now_ = until;
        settle();
    }
    /// Time passes although nothing runs: a suspended machine.
    void jump(Duration time) { now_ += time; }
    void settle() {
        loop_.restart();
        loop_.poll();
    }
    /// Runs a task, letting time pass as it needs, for an hour at most.
    template <class T>
    Result<T> run(Task<T> task) {
        std::optional<Result<T>> result;
        boost::asio::co_spawn(loop_, keep(std::move(task), result), [](std::exception_ptr) {});
        settle();
        for (int i = 0; i < 3'600'000 && !result; ++i) {
            advance(std::chrono::milliseconds(1));
        }
        return std::move(*result);
    }

  private:
    template <class T>
    static boost::asio::awaitable<void> keep(Task<T> task, std::optional<Result<T>>& result) {
        co_await boost::asio::this_coro::throw_if_cancelled(false);
        result.emplace(co_await std::move(task));
    }

    boost::asio::io_context& loop_;
    Instant now_{std::chrono::hours(1)};
    std::multimap<Instant, boost::asio::steady_timer*> sleepers_;
};

/// What a fake probe answers, and how long it takes; longer than the deadline: silence.
struct FakeAnswer {
    probe::Evidence evidence = probe::Evidence::kGood;
    Duration takes{};
};

class FakeProbe final : public probe::Probe {
  public:
    using Answer = std::function<FakeAnswer(const probe::Settings&)>;
    FakeProbe(probe::Settings settings, probe::Deps deps, Answer answer)
        : settings_(std::move(settings)), deps_(std::move(deps)), answer_(std::move(answer)) {}

    Task<probe::Sample> check(Instant deadline) override {
        const auto answer = answer_(settings_);
        const auto ends = deps_.clock.now() + answer.takes;
        CO_TRY_OK(co_await deps_.clock.sleep_until(std::min(ends, deadline)));
        probe::Sample sample;
        sample.evidence = ends > deadline ? probe::Evidence::kSilence : answer.evidence;
        sample.detail = std::string(probe::to_string(sample.evidence));
        sample.latency = answer.takes;
        co_return sample;
    }

    /// A registry with the type "fake".
    static probe::Registry registry(Answer answer, bool is_retried = false) {
        probe::Registry probes;
        probes.add("fake",
                   {[answer = std::move(answer)](const probe::Settings& settings, probe::Deps deps)
                        -> Result<std::unique_ptr<probe::Probe>> {
                        return std::make_unique<FakeProbe>(settings, std::move(deps), answer);
                    },
                    {},
                    is_retried});
        return probes;
    }

  private:
    probe::Settings settings_;
    probe::Deps deps_;
    Answer answer_;
};

/// Settings of the fake probe for the target shop/COMPONENT@east.
inline probe::Settings fake_settings(const std::string& component) {
    probe::Settings settings;
    settings.plan.type = "fake";
    settings.target = {ServiceId("shop"), ComponentId(component), SiteId("east"), ""};
    return settings;
}

}  // namespace muster::test

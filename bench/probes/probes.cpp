// muster's prober as the daemon runs it, and what it is compared with; driven by probes.py.
//
// probes watch MODE TARGETS INTERVAL_MS SECONDS PORT [HUNG_PORT [PATH BODY]]: Scheduler, Detector
// and the http probe over TARGETS loopback addresses; with HUNG_PORT (not "-") every second one is
// a server that never answers. probes bare MODE IN_FLIGHT SECONDS PORT: a plain epoll loop. probes
// hang: accepts, never answers. MODE is fresh or keep. Figures go to the standard output as one
// JSON object.

#include <sys/resource.h>

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "adapters/os/system.h"
#include "adapters/probe/all_probes.h"
#include "probe/scheduler.h"
#include "probes/bare.h"
#include "support/report.h"

namespace muster::bench {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

struct Wanted {
    std::string mode;
    int targets = 0;
    Duration interval{};
    Duration time{};
    std::string port;
    std::string hung_port;
    std::string path = "/health";
    std::string body;
};

/// The probes here run no programs.
class NoRunner final : public workflow::CommandRunner {
  public:
    Task<workflow::CommandResult> run(workflow::Command, Instant) override {
        co_return Error{Errc::kInvalid, "no programs here"};
    }
};

plan::Node scalar(std::string text) {
    plan::Node node;
    node.kind = plan::Node::Kind::kScalar;
    node.scalar = std::move(text);
    return node;
}

/// Addresses of loopback are many, so that ports last for connections that are made anew.
std::string address_of(int number) {
    return "127.1." + std::to_string(number / 250) + "." + std::to_string(1 + number % 250);
}

bool is_hung(const Wanted& wanted, int number) {
    return !wanted.hung_port.empty() && number % 2 == 1;
}

probe::Settings settings_of(const Wanted& wanted, int number) {
    probe::Settings settings;
    settings.plan.type = "http";
    settings.plan.interval = wanted.interval;
    settings.plan.settings.kind = plan::Node::Kind::kMap;
    const auto& port = is_hung(wanted, number) ? wanted.hung_port : wanted.port;
    settings.plan.settings.entries.push_back(
        {"http", {}, scalar("http://" + address_of(number) + ":" + port + wanted.path)});
    if (!wanted.body.empty()) {
        settings.plan.settings.entries.push_back({"body", {}, scalar(wanted.body)});
    }
    if (wanted.mode == "keep") {
        settings.plan.settings.entries.push_back({"connection", {}, scalar("keep")});
    }
    settings.target = {
        ServiceId("shop"), ComponentId("web"), SiteId("east"),
        std::string(is_hung(wanted, number) ? "hung" : "web") + std::to_string(number)};
    return settings;
}

double cpu_seconds() {
    rusage used{};
    ::getrusage(RUSAGE_SELF, &used);
    const auto seconds = [](const timeval& time) {
        return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

double resident_mb() {
    std::ifstream file("/proc/self/status");
    for (std::string word; file >> word;) {
        if (word == "VmRSS:") {
            double kilobytes = 0;
            file >> kilobytes;
            return kilobytes / 1024;
        }
    }
    return 0;
}

double quantile(std::vector<double>& values, double share) {
    if (values.empty()) {
        return 0;
    }
    std::sort(values.begin(), values.end());
    return values[static_cast<std::size_t>(share * static_cast<double>(values.size() - 1))];
}

void raise_file_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = limit.rlim_max;
    ::setrlimit(RLIMIT_NOFILE, &limit);
}

/// What the samples said, from the moment that the warming up was over.
struct Tally {
    std::size_t asked = 0;  // Warming up included.
    std::size_t good = 0;
    std::size_t bad = 0;   // Of targets that do answer.
    std::size_t hung = 0;  // Of those that never do.
    std::vector<double> latencies_ms;
    std::vector<double> lags_ms;
};

void watch(const Wanted& wanted) {
    raise_file_limit();
    asio::io_context loop(1);
    adapters::SystemClock clock;
    adapters::SystemRandom random;
    NullLog log;
    NoRunner runner;
    const auto registry = adapters::all_probes(runner);
    Tally tally;
    probe::Scheduler* running = nullptr;
    probe::Scheduler scheduler(
        {.vantage = SiteId("west")}, {loop.get_executor(), clock, random, log, {}},
        [&](const probe::TargetId& target, const probe::Sample& sample, const probe::Verdict&,
            bool) {
            ++tally.asked;
            tally.lags_ms.push_back(to_ms(running->take_worst_lag()));
            if (target.instance.starts_with("hung")) {
                ++tally.hung;
                return;
            }
            tally.latencies_ms.push_back(to_ms(sample.latency));
            ++(sample.evidence == probe::Evidence::kGood ? tally.good : tally.bad);
        });
    running = &scheduler;
    for (int number = 0; number < wanted.targets; ++number) {
        if (const auto added = scheduler.add(settings_of(wanted, number), registry); !added) {
            give_up(added.error().message());
        }
    }
    loop.run_for(std::max<Duration>(wanted.interval * 3, std::chrono::milliseconds(500)));
    const auto warmed = tally.asked;
    tally = {};
    tally.asked = warmed;
    const double cpu_before = cpu_seconds();
    const double wall = seconds_of([&] { loop.run_for(wanted.time); });
    const double cpu = cpu_seconds() - cpu_before;
    const auto rss = resident_mb();
    const auto done = tally.good + tally.bad + tally.hung;
    boost::json::object figures{
        {"probes", done},
        {"asked", tally.asked},
        {"bad", tally.bad},
        {"hung", tally.hung},
        {"cpu_us_per_probe", cpu * 1e6 / static_cast<double>(std::max<std::size_t>(done, 1))},
        {"probes_per_cpu_s", static_cast<double>(done) / cpu},
        {"probes_per_s", static_cast<double>(done) / wall},
        {"core_percent", 100 * cpu / wall},
        {"rss_mb", rss},
        {"lag_p50_ms", quantile(tally.lags_ms, 0.5)},
        {"lag_p99_ms", quantile(tally.lags_ms, 0.99)},
        {"lag_max_ms", quantile(tally.lags_ms, 1)},
        {"latency_p50_ms", quantile(tally.latencies_ms, 0.5)},
        {"latency_p99_ms", quantile(tally.latencies_ms, 0.99)}};
    std::printf("%s\n", boost::json::serialize(figures).c_str());
    std::fflush(stdout);
    std::_Exit(0);  // Nothing is kept, and thousands of connections need no farewell.
}

asio::awaitable<void> accept_for_ever(tcp::acceptor* acceptor) {
    std::vector<tcp::socket> held;
    while (true) {
        auto [failure, socket] =
            co_await acceptor->async_accept(asio::as_tuple(asio::use_awaitable));
        if (failure) {
            held.clear();  // No descriptor left: those are given up that waited longest.
            continue;
        }
        held.push_back(std::move(socket));
        if (held.size() > 18'000) {
            held.erase(held.begin(), held.begin() + 9'000);
        }
    }
}

void hang() {
    raise_file_limit();
    asio::io_context loop(1);
    tcp::acceptor acceptor(loop, {tcp::v4(), 0});
    std::printf("%d\n", acceptor.local_endpoint().port());
    std::fflush(stdout);
    asio::co_spawn(loop, accept_for_ever(&acceptor), asio::detached);
    loop.run();
}

void bare(const std::vector<std::string>& words) {
    raise_file_limit();
    const double cpu_before = cpu_seconds();
    const auto time = std::chrono::seconds(std::stoi(words[3]));
    const auto done = bare_loop({words[1] == "keep", std::stoi(words[2]), time, words[4]});
    const double cpu = cpu_seconds() - cpu_before;
    boost::json::object figures{{"probes", done},
                                {"cpu_us_per_probe", cpu * 1e6 / static_cast<double>(done)},
                                {"probes_per_cpu_s", static_cast<double>(done) / cpu}};
    std::printf("%s\n", boost::json::serialize(figures).c_str());
}

int run(const std::vector<std::string>& words) {
    if (words.size() >= 6 && words[0] == "watch") {
        Wanted wanted;
        wanted.mode = words[1];
        wanted.targets = std::stoi(words[2]);
        wanted.interval = std::chrono::milliseconds(std::stoi(words[3]));
        wanted.time = std::chrono::seconds(std::stoi(words[4]));
        wanted.port = words[5];
        if (words.size() > 6 && words[6] != "-") {
            wanted.hung_port = words[6];
        }
        if (words.size() == 9) {
            wanted.path = words[7];
            wanted.body = words[8];
        }
        watch(wanted);
    } else if (words.size() == 5 && words[0] == "bare") {
        bare(words);
    } else if (words.size() == 1 && words[0] == "hang") {
        hang();
    } else {
        give_up("this program is driven by bench/probes/probes.py");
    }
    return 0;
}

}  // namespace
}  // namespace muster::bench

int main(int count, char** words) {
    return muster::bench::run(muster::bench::words_of(count, words));
}

// The shoppers of the example: place orders at a steady rate at whatever address the shop's name
// has, follow its TTL, and log what every single one of them saw. They never retry an order, so
// that the log is the truth about the outage; an order that timed out is not counted as
// acknowledged.
//
//   shoppers NAMESERVER:PORT NAME SHOP_PORT ORDERS_PER_SECOND LOGFILE
//
// One line per order: UTC milliseconds when it ended, id, "ack" or "fail", latency in ms, address,
// detail.
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <string>

#include "adapters/net/http_client.h"
#include "adapters/os/system.h"
#include "base/task_group.h"
#include "name_lookup.h"

namespace {

using namespace muster;  // NOLINT: one small program

constexpr Duration kPatience = std::chrono::seconds(1);
constexpr std::size_t kMaxUnderWay = 512;

struct Settings {
    std::string name_server;
    std::string name;
    std::string port;
    double rate = 0;
    std::string log;
};

class Shoppers {
  public:
    Shoppers(Executor executor, Clock& clock, Random& random, Settings settings)
        : clock_(clock),
          random_(random),
          settings_(std::move(settings)),
          log_(settings_.log, std::ios::app),
          client_(executor, clock),
          orders_(executor),
          prefix_(random.token(6)) {}

    Task<> shop() {
        const auto began = clock_.now();
        for (std::uint64_t number = 0;; ++number) {
            const auto due = began + Duration(static_cast<Duration::rep>(
                                         static_cast<double>(number) * 1e9 / settings_.rate));
            CO_TRY_OK(co_await clock_.sleep_until(due));
            if (orders_.size() < kMaxUnderWay) {
                orders_.spawn(order(prefix_ + "-" + std::to_string(number)));
            } else {
                write(prefix_ + "-" + std::to_string(number), false, Duration(0), "too many wait");
            }
        }
    }

    /// Asks for the name again whenever its answer has run out; keeps the old one while none comes.
    Task<> follow_name() {
        while (true) {
            const auto id = static_cast<std::uint16_t>(random_.below(65'536));
            auto answer =
                co_await shop::look_up(settings_.name_server, settings_.name, id, &clock_);
            Duration wait = std::chrono::milliseconds(200);
            if (answer) {
                wait = std::max<Duration>(answer->ttl, std::chrono::milliseconds(100));
                addresses_ = std::move(answer->addresses);
            }
            CO_TRY_OK(co_await clock_.sleep_for(wait));
        }
    }

  private:
    Task<> order(std::string id) {
        const auto began = clock_.now();
        if (addresses_.empty()) {
            write(id, false, Duration(0), "no address");
            co_return Result<>{};
        }
        const auto address = addresses_[random_.below(addresses_.size())];
        adapters::HttpRequest request;
        request.method = "POST";
        // By address, so that a kept connection is never one to an address that is no longer meant.
        request.url = "http://" + address + ":" + settings_.port + "/orders?id=" + id;
        const auto response = co_await client_.send(std::move(request), began + kPatience);
        const bool is_stored = response && response->status == 201;
        std::string detail = address;
        if (!response) {
            detail += " " + response.error().message();
        } else if (!is_stored) {
            detail += " status " + std::to_string(response->status);
        }
        write(id, is_stored, clock_.now() - began, detail);
        co_return Result<>{};
    }

    void write(const std::string& id, bool is_stored, Duration took, const std::string& detail) {
        const auto now =
            std::chrono::duration_cast<std::chrono::milliseconds>(clock_.wall().time_since_epoch());
        log_ << now.count() << ' ' << id << ' ' << (is_stored ? "ack" : "fail") << ' '
             << static_cast<long>(to_ms(took)) << ' ' << detail << '\n';
        log_.flush();
    }

    Clock& clock_;
    Random& random_;
    Settings settings_;
    std::ofstream log_;
    adapters::HttpClient client_;
    TaskGroup orders_;
    std::string prefix_;
    std::vector<std::string> addresses_;
};

}  // namespace

int main(int count, char** arguments) {
    if (count != 6) {
        std::fprintf(stderr,
                     "usage: shoppers NAMESERVER:PORT NAME SHOP_PORT ORDERS_PER_SECOND LOGFILE\n");
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);  // A peer that is gone is an error, not an end.
    boost::asio::io_context loop(1);
    adapters::SystemClock clock;
    adapters::SystemRandom random;
    Shoppers shoppers(
        loop.get_executor(), clock, random,
        {arguments[1], arguments[2], arguments[3], std::stod(arguments[4]), arguments[5]});
    TaskGroup tasks(loop.get_executor());
    tasks.spawn(shoppers.follow_name());
    tasks.spawn(shoppers.shop());
    boost::asio::signal_set signals(loop, SIGTERM, SIGINT);
    signals.async_wait([&loop](const boost::system::error_code&, int) { loop.stop(); });
    loop.run();
    return 0;
}

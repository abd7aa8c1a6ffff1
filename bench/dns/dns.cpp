// A name server for the benchmark to ask: muster's own responder, or the least that can answer.
//
//   bench_dns muster NAMES|echo
//
// Prints the port on loopback and answers until its standard input ends. `echo` sends each query
// back with the answer bit set: what one thread and one socket can do when nothing is looked up.
// `muster` serves www.example.com, which is fixed, and NAMES steered names, the first of which is
// shop.example.com. Each line on its standard input gives that one other addresses, separated by
// commas; it prints the time at which it asked the responder for that, in ns of the steady clock.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <iostream>
#include <sstream>
#include <thread>

#include "adapters/os/system.h"
#include "adapters/steer/dns_responder.h"
#include "support/report.h"

namespace {

using namespace muster;
namespace asio = boost::asio;

constexpr std::size_t kMaxQuery = 4096;
constexpr std::size_t kFlags = 2;  ///< Where the flags stand in a message (RFC 1035 section 4.1.1).
constexpr unsigned char kIsAnswer = 0x80;

void tell(long long number) {
    std::printf("%lld\n", number);
    std::fflush(stdout);
}

void echo() {
    const int socket = ::socket(AF_INET, SOCK_DGRAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    auto* const plain = reinterpret_cast<sockaddr*>(&address);
    if (socket < 0 || bind(socket, plain, length) != 0 ||
        getsockname(socket, plain, &length) != 0) {
        bench::give_up("can't listen on loopback: " + std::string(std::strerror(errno)));
    }
    tell(ntohs(address.sin_port));
    std::array<unsigned char, kMaxQuery> message{};
    while (true) {
        length = sizeof(address);
        const auto size = recvfrom(socket, message.data(), message.size(), 0, plain, &length);
        if (size > static_cast<ssize_t>(kFlags)) {
            message[kFlags] |= kIsAnswer;
            static_cast<void>(
                sendto(socket, message.data(), static_cast<std::size_t>(size), 0, plain, length));
        }
    }
}

/// The responder on its loop, as in a node.
class Server {
  public:
    explicit Server(int names) : names_(names) {}

    void run() {
        const std::vector<adapters::DnsResponder::Zone> zones{
            {"example.com",
             {"ns1.example.com"},
             "hostmaster",
             {{{"ns1.example.com", "A", std::chrono::hours(1)}, {"127.0.0.1"}},
              {{"www.example.com", "A", std::chrono::seconds(10)}, kAddresses}}}};
        if (const auto set = responder_.set_zones(zones); !set) {
            bench::give_up(set.error().message());
        }
        const auto port = responder_.listen("127.0.0.1:0");
        if (!port) {
            bench::give_up(port.error().message());
        }
        for (int i = 1; i < names_; ++i) {
            steer({"shop" + std::to_string(i) + ".example.com", kAddresses}, [] {});
        }
        steer({"shop.example.com", kAddresses}, [port = *port] { tell(port); });
        loop_.run();
    }

    /// From another thread.
    void change(std::vector<std::string> answers) {
        asio::post(loop_, [this, answers = std::move(answers)] {
            const auto asked = std::chrono::steady_clock::now().time_since_epoch();
            const long long at = std::chrono::nanoseconds(asked).count();
            steer({"shop.example.com", answers}, [at] { tell(at); });
        });
    }

  private:
    struct Change {
        std::string name;
        std::vector<std::string> answers;
    };

    void steer(const Change& change, const std::function<void()>& done) {
        const steer::Wanted wanted{
            {change.name, "A", std::chrono::seconds(10)}, change.answers, {++epoch_}, false};
        asio::co_spawn(loop_, responder_.apply(wanted, Instant::max()),
                       [done](const std::exception_ptr&, const Result<>& applied) {
                           if (!applied) {
                               bench::give_up(applied.error().message());
                           }
                           done();
                       });
    }

    inline static const std::vector<std::string> kAddresses{"192.0.2.10", "192.0.2.11"};
    int names_;
    std::uint64_t epoch_ = 0;
    asio::io_context loop_{1};
    asio::executor_work_guard<asio::io_context::executor_type> busy_{loop_.get_executor()};
    adapters::SystemClock clock_;
    NullLog log_;
    adapters::DnsResponder responder_{loop_.get_executor(), clock_, log_};
};

/// Until the program that started us has gone.
void obey(const std::function<void(std::vector<std::string>)>& change) {
    std::string line;
    while (std::getline(std::cin, line)) {
        std::vector<std::string> answers;
        std::istringstream words(line);
        for (std::string word; std::getline(words, word, ',');) {
            answers.push_back(word);
        }
        change(answers);
    }
    std::_Exit(0);
}

}  // namespace

int main(int count, char** words) {
    const auto arguments = bench::words_of(count, words);
    if (arguments.size() == 1 && arguments[0] == "echo") {
        std::thread([] { obey([](const auto&) {}); }).detach();
        echo();
    } else if (arguments.size() == 2 && arguments[0] == "muster") {
        Server server(std::atoi(arguments[1].c_str()));
        std::thread([&] {
            obey([&](auto answers) { server.change(std::move(answers)); });
        }).detach();
        server.run();
    } else {
        std::fprintf(stderr, "usage: bench_dns muster NAMES|echo\n");
        return 2;
    }
    return 0;
}

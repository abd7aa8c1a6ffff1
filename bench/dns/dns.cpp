// A name server for the benchmark to ask: muster's own responder, or the least that can answer.
//
//   bench_dns muster|echo
//
// Prints the port on loopback and answers until its standard input ends. `echo` sends each query
// back with the answer bit set: what one thread and one socket can do when nothing is looked up.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
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

void tell(int port) {
    std::printf("%d\n", port);
    std::fflush(stdout);
}

/// The program that started us has gone.
void wait_for_end() {
    char byte = 0;
    while (read(STDIN_FILENO, &byte, 1) > 0) {
    }
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

void serve() {
    asio::io_context loop(1);
    adapters::SystemClock clock;
    NullLog log;
    adapters::DnsResponder responder(loop.get_executor(), clock, log);
    const std::vector<adapters::DnsResponder::Zone> zones{
        {"example.com",
         {"ns1.example.com"},
         "hostmaster",
         {{{"ns1.example.com", "A", std::chrono::hours(1)}, {"127.0.0.1"}}}}};
    if (const auto set = responder.set_zones(zones); !set) {
        bench::give_up(set.error().message());
    }
    const auto port = responder.listen("127.0.0.1:0");
    if (!port) {
        bench::give_up(port.error().message());
    }
    const steer::Wanted wanted{{"shop.example.com", "A", std::chrono::seconds(10)},
                               {"192.0.2.10", "192.0.2.11"},
                               {1},
                               false};
    asio::co_spawn(loop, responder.apply(wanted, Instant::max()),
                   [&](const std::exception_ptr&, const Result<>& applied) {
                       if (!applied) {
                           bench::give_up(applied.error().message());
                       }
                       tell(*port);
                   });
    loop.run();
}

}  // namespace

int main(int count, char** words) {
    const auto arguments = bench::words_of(count, words);
    if (arguments.size() != 1 || (arguments[0] != "muster" && arguments[0] != "echo")) {
        std::fprintf(stderr, "usage: bench_dns muster|echo\n");
        return 2;
    }
    std::thread([] {
        wait_for_end();
        std::_Exit(0);
    }).detach();
    if (arguments[0] == "echo") {
        echo();
    } else {
        serve();
    }
    return 0;
}

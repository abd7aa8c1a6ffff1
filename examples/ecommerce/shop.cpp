// The order server of the example: takes orders over HTTP and writes them to its site's PostgreSQL.
//
//   shop ADDRESS:PORT CONNINFO PIDFILE
//
// POST /orders?id=ID   201 once the order is committed, 503 when it is not (or may not be)
// GET  /health         200 while the server runs and its database answers
// GET  /ready          200 while its database takes writes
#include <unistd.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <memory>
#include <vector>

#include "adapters/net/http_server.h"
#include "adapters/net/pg_connection.h"
#include "adapters/os/system.h"
#include "base/event.h"

namespace {

using namespace muster;  // NOLINT: one small program
using adapters::HttpServerRequest;
using adapters::HttpServerResponse;
using adapters::PgConnection;
using adapters::PgResult;

constexpr std::size_t kConnections = 8;
constexpr Duration kPatience = std::chrono::milliseconds(900);

class Shop {
  public:
    Shop(Executor executor, Clock& clock, std::string conninfo)
        : executor_(executor), clock_(clock), conninfo_(std::move(conninfo)), freed_(executor) {
        for (std::size_t i = 0; i < kConnections; ++i) {
            idle_.push_back(std::make_unique<PgConnection>(executor, clock));
        }
    }

    Task<HttpServerResponse> answer(HttpServerRequest request) {
        HttpServerResponse response;
        response.content_type = "text/plain";
        if (request.path == "/orders" && request.method == "POST") {
            const auto stored = co_await store(request.query["id"]);
            response.status = stored ? 201 : 503;
            response.body = stored ? "stored\n" : stored.error().message() + "\n";
        } else if (request.path == "/health" || request.path == "/ready") {
            const auto writes = co_await takes_writes();
            const bool is_good = writes && (*writes || request.path == "/health");
            response.status = is_good ? 200 : 503;
            response.body = is_good ? "ok\n" : "not ready\n";
        } else {
            response.status = 404;
        }
        co_return response;
    }

  private:
    Task<> store(std::string id) {
        CO_TRY_OK(co_await run("INSERT INTO orders (id) VALUES ($1) ON CONFLICT DO NOTHING", {id}));
        co_return Result<>{};
    }

    Task<bool> takes_writes() {
        CO_TRY(const auto rows, co_await run("SELECT pg_is_in_recovery() AS standby", {}));
        co_return rows.value("standby") == "f";
    }

    Task<PgResult> run(std::string sql, std::vector<std::string> parameters) {
        const auto deadline = clock_.now() + kPatience;
        while (idle_.empty()) {
            CO_TRY_OK(co_await freed_.wait());
        }
        auto connection = std::move(idle_.back());
        idle_.pop_back();
        auto rows =
            co_await run_on(connection.get(), std::move(sql), std::move(parameters), deadline);
        if (!rows) {
            connection->close();
        }
        idle_.push_back(std::move(connection));
        freed_.notify();
        co_return rows;
    }

    Task<PgResult> run_on(PgConnection* connection, std::string sql,
                          std::vector<std::string> parameters, Instant deadline) {
        if (!connection->is_open()) {
            CO_TRY_OK(co_await connection->connect(conninfo_, deadline));
        }
        co_return co_await connection->query(std::move(sql), std::move(parameters), deadline);
    }

    Executor executor_;
    Clock& clock_;
    std::string conninfo_;
    std::vector<std::unique_ptr<PgConnection>> idle_;
    Event freed_;
};

}  // namespace

int main(int count, char** arguments) {
    if (count != 4) {
        std::fprintf(stderr, "usage: shop ADDRESS:PORT CONNINFO PIDFILE\n");
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);  // A peer that is gone is an error, not an end.
    boost::asio::io_context loop(1);
    adapters::SystemClock clock;
    NullLog log;
    Shop shop(loop.get_executor(), clock, arguments[2]);
    adapters::HttpServer server(
        loop.get_executor(), clock, log,
        [&shop](HttpServerRequest request) { return shop.answer(std::move(request)); });
    const auto port = server.listen_tcp(arguments[1], std::nullopt);
    if (!port) {
        std::fprintf(stderr, "shop: %s\n", port.error().message().c_str());
        return 1;
    }
    std::ofstream(arguments[3]) << getpid() << "\n";
    boost::asio::signal_set signals(loop, SIGTERM, SIGINT);
    signals.async_wait([&loop](const boost::system::error_code&, int) { loop.stop(); });
    loop.run();
    std::remove(arguments[3]);
    return 0;
}

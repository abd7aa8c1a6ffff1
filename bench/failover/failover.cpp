// PostgreSQL pairs under muster, Patroni, pg_auto_failover and repmgr: the same faults, as a client
// sees them.
//
// This program is that client; failover.py builds the pairs and breaks them. It inserts one row
// after the other at a steady pace into whichever server takes writes, and logs what it saw of
// every single row. It never inserts a row twice, so that the log is the truth.
//
//   bench_failover CONNINFO PREFIX ROWS_PER_SECOND LOGFILE [stay]
//
// A line per row: monotonic ns when it was sent, and when its end was known; its id; "ack" (the
// server confirmed the commit), "refused" (it said no), "lost_sight" (sent, and no answer came), or
// "no_server" (nobody to send it to); the server; what went wrong. With `stay` it waits for an
// answer for as long as the connection lasts: a client with patience. Else it gives up after a
// second and connects anew. A pace that was missed is not made up for.
#include <libpq-fe.h>
#include <poll.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

namespace {

using Clock = std::chrono::steady_clock;
using Nanoseconds = std::chrono::nanoseconds;

constexpr auto kPatience = std::chrono::seconds(1);
// How often a client that waits for ever looks whether it is to end.
constexpr auto kLook = std::chrono::milliseconds(100);

volatile std::sig_atomic_t is_over = 0;

struct Closer {
    void operator()(PGconn* connection) const { PQfinish(connection); }
};
using Connection = std::unique_ptr<PGconn, Closer>;

struct Settings {
    std::string conninfo;
    std::string prefix;
    double rate = 0;
    bool stays = false;
};

std::string one_line(std::string text) {
    for (auto& c : text) {
        c = c == '\n' ? ' ' : c;
    }
    return text;
}

class Client {
  public:
    Client(Settings settings, std::FILE* log) : settings_(std::move(settings)), log_(log) {}

    void work() {
        const Nanoseconds pace(static_cast<Nanoseconds::rep>(1e9 / settings_.rate));
        auto due = Clock::now();
        for (long number = 0; is_over == 0; ++number) {
            insert(settings_.prefix + "-" + std::to_string(number));
            due = std::max(due + pace, Clock::now());
            std::this_thread::sleep_until(due);
        }
    }

  private:
    bool connect() {
        if (connection_) {
            return true;
        }
        connection_.reset(PQconnectdb(settings_.conninfo.c_str()));
        if (PQstatus(connection_.get()) == CONNECTION_OK) {
            return true;
        }
        why_ = PQerrorMessage(connection_.get());
        connection_.reset();
        return false;
    }

    // Waits until something came; false when the patience is over.
    bool wait(Clock::time_point until) {
        while (is_over == 0) {
            const auto left = std::min<Nanoseconds>(until - Clock::now(), kLook);
            if (left <= Nanoseconds::zero()) {
                return false;
            }
            pollfd watched{PQsocket(connection_.get()), POLLIN, 0};
            const auto ms = std::chrono::ceil<std::chrono::milliseconds>(left).count();
            if (poll(&watched, 1, static_cast<int>(ms)) > 0) {
                return true;
            }
        }
        return false;
    }

    // "ack", "refused" or "lost_sight".
    const char* answer(Clock::time_point until) {
        const char* verdict = "lost_sight";
        while (true) {
            while (PQisBusy(connection_.get()) != 0) {
                if (!wait(until)) {
                    why_ = "no answer";
                    return "lost_sight";
                }
                if (PQconsumeInput(connection_.get()) == 0) {
                    why_ = PQerrorMessage(connection_.get());
                    return "lost_sight";
                }
            }
            PGresult* result = PQgetResult(connection_.get());
            if (result == nullptr) {
                return verdict;
            }
            if (PQresultStatus(result) == PGRES_COMMAND_OK) {
                verdict = "ack";
            } else {
                // Without a code the server said nothing: the connection broke.
                const char* code = PQresultErrorField(result, PG_DIAG_SQLSTATE);
                verdict = code == nullptr ? "lost_sight" : "refused";
                why_ = PQresultErrorMessage(result);
            }
            PQclear(result);
        }
    }

    void insert(const std::string& id) {
        const auto sent = Clock::now();
        if (!connect()) {
            write(id, sent, "no_server");
            return;
        }
        const char* values[] = {id.c_str()};
        const bool is_sent =
            PQsendQueryParams(connection_.get(), "INSERT INTO load (id) VALUES ($1)", 1, nullptr,
                              values, nullptr, nullptr, 0) == 1;
        const auto patience = settings_.stays ? std::chrono::hours(1) : kPatience;
        const std::string verdict = is_sent ? answer(Clock::now() + patience) : "lost_sight";
        if (!is_sent) {
            why_ = PQerrorMessage(connection_.get());
        }
        write(id, sent, verdict);
        if (verdict != "ack") {
            connection_.reset();
        }
    }

    void write(const std::string& id, Clock::time_point sent, const std::string& verdict) {
        const auto ns = [](Clock::time_point at) {
            return static_cast<long long>(Nanoseconds(at.time_since_epoch()).count());
        };
        const char* server = connection_ ? PQhost(connection_.get()) : "-";
        std::fprintf(log_, "%lld %lld %s %s %s %s\n", ns(sent), ns(Clock::now()), id.c_str(),
                     verdict.c_str(), server, verdict == "ack" ? "" : one_line(why_).c_str());
        std::fflush(log_);
    }

    Settings settings_;
    std::FILE* log_;
    Connection connection_;
    std::string why_;
};

}  // namespace

int main(int count, char** words) {
    if (count < 5) {
        std::fprintf(stderr, "usage: bench_failover CONNINFO PREFIX ROWS_PER_SECOND LOG [stay]\n");
        return 2;
    }
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGTERM, [](int) { is_over = 1; });
    std::FILE* log = std::fopen(words[4], "a");
    if (log == nullptr) {
        std::perror(words[4]);
        return 1;
    }
    Client client({words[1], words[2], std::strtod(words[3], nullptr), count > 5}, log);
    client.work();
    std::fclose(log);
    return 0;
}

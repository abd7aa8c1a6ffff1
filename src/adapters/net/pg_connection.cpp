// One libpq connection under Asio. libpq does the protocol and never waits; this file waits for its
// socket. The socket is duplicated for Asio, because libpq closes and replaces its own while it
// tries several hosts, and a descriptor must not change under the reactor.
//
// libpq resolves host names inside PQconnectPoll, synchronously: name a server by address
// (host=10.0.1.5 or hostaddr=) where a slow name server must not hold up the event loop.

#include "adapters/net/pg_connection.h"

#include <fcntl.h>
#include <libpq-fe.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <utility>

#include "adapters/net/pg_error.h"

namespace muster::adapters {

namespace asio = boost::asio;
using asio::posix::stream_descriptor;
using boost::system::error_code;

namespace {

struct FreeConnection {
    void operator()(PGconn* connection) const { PQfinish(connection); }
};
struct FreeResult {
    void operator()(PGresult* result) const { PQclear(result); }
};
using Connection = std::unique_ptr<PGconn, FreeConnection>;
using RawResult = std::unique_ptr<PGresult, FreeResult>;

// What handlers under way refer to; it outlives the connection until they have run.
struct Io {
    explicit Io(const Executor& executor) : socket(executor), timer(executor) {}

    stream_descriptor socket;
    asio::steady_timer timer;
    bool is_expired = false;
    std::uint64_t turn = 0;   // Which arming of the timer a handler belongs to.
    std::uint64_t watch = 0;  // Which on_closed() a handler belongs to; 0: none.
    std::uint64_t watches = 0;
};

std::optional<std::string> read_field(const PGresult* raw, int row, int column) {
    if (PQgetisnull(raw, row, column) != 0) {
        return std::nullopt;
    }
    return std::string(PQgetvalue(raw, row, column),
                       static_cast<std::size_t>(PQgetlength(raw, row, column)));
}

PgResult read_rows(const PGresult* raw) {
    PgResult result;
    const int columns = PQnfields(raw);
    for (int column = 0; column < columns; ++column) {
        result.columns.emplace_back(PQfname(raw, column));
    }
    for (int row = 0; row < PQntuples(raw); ++row) {
        auto& fields = result.rows.emplace_back();
        for (int column = 0; column < columns; ++column) {
            fields.emplace_back(read_field(raw, row, column));
        }
    }
    result.command = PQcmdStatus(const_cast<PGresult*>(raw));  // NOLINT: libpq reads only.
    return result;
}

}  // namespace

std::string PgResult::value(std::string_view column) const {
    for (std::size_t at = 0; at < columns.size() && !rows.empty(); ++at) {
        if (columns[at] == column) {
            return rows.front()[at].value_or("");
        }
    }
    return {};
}

struct PgConnection::Impl {
    Impl(const Executor& executor, Clock& the_clock)
        : clock(the_clock), io(std::make_shared<Io>(executor)) {}
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl() { close(); }

    Clock& clock;
    Connection connection;
    // Shared with the handlers under way when the connection goes.
    std::shared_ptr<Io> io;

    void close();
    void arm(Instant deadline) const;
    void disarm() const;
    [[nodiscard]] Result<> follow_socket() const;
    Task<> ready(stream_descriptor::wait_type what);
    Task<> establish();
    Task<> flush();
    Task<> await_answer();
    Task<PgResult> collect();
    Task<> until_closed();
    void watch(std::function<void()> handler);
    [[nodiscard]] bool is_broken() const;
};

void PgConnection::Impl::close() {
    io->watch = 0;
    disarm();
    error_code ignored;
    io->socket.close(ignored);
    connection.reset();
}

void PgConnection::Impl::arm(Instant deadline) const {
    const auto turn = ++io->turn;
    io->is_expired = false;
    io->timer.expires_after(std::max(Duration::zero(), deadline - clock.now()));
    io->timer.async_wait([shared = io, turn](const error_code& error) {
        if (!error && shared->turn == turn) {
            shared->is_expired = true;
            error_code ignored;
            shared->socket.cancel(ignored);
        }
    });
}

void PgConnection::Impl::disarm() const {
    ++io->turn;
    io->timer.cancel();
}

Result<> PgConnection::Impl::follow_socket() const {
    error_code error;
    io->socket.close(error);
    const int copy = ::fcntl(PQsocket(connection.get()), F_DUPFD_CLOEXEC, 0);
    if (copy < 0) {
        return Error{Errc::kUnavailable, "no file descriptor is left for a database connection",
                     "raise the limit of open files (LimitNOFILE)"};
    }
    io->socket.assign(copy, error);
    if (error) {
        ::close(copy);
        return Error{Errc::kUnavailable, "cannot watch a socket: " + error.message()};
    }
    return {};
}

// Waits for the socket. kTimedOut at the deadline, kCancelled when told to stop; anything else that
// ends the wait is for libpq to find out.
Task<> PgConnection::Impl::ready(stream_descriptor::wait_type what) {
    if (!io->is_expired) {
        const auto shared = io;
        const auto result =
            co_await shared->socket.async_wait(what, asio::as_tuple(asio::use_awaitable));
        static_cast<void>(result);
        const auto cancellation = co_await asio::this_coro::cancellation_state;
        if (cancellation.cancelled() != asio::cancellation_type::none) {
            co_return Error{Errc::kCancelled, "the task was told to stop"};
        }
    }
    if (io->is_expired) {
        co_return Error{Errc::kTimedOut, "no answer from the server in time"};
    }
    co_return Result<>{};
}

Task<> PgConnection::Impl::establish() {
    auto wanted = PGRES_POLLING_WRITING;
    while (wanted != PGRES_POLLING_OK) {
        if (wanted == PGRES_POLLING_FAILED) {
            co_return connect_error(connection.get());
        }
        CO_TRY_OK(follow_socket());
        CO_TRY_OK(co_await ready(wanted == PGRES_POLLING_READING ? stream_descriptor::wait_read
                                                                 : stream_descriptor::wait_write));
        wanted = PQconnectPoll(connection.get());
    }
    CO_TRY_OK(follow_socket());
    PQsetErrorVerbosity(connection.get(), PQERRORS_DEFAULT);
    if (PQsetnonblocking(connection.get(), 1) != 0) {
        co_return broken_error(connection.get(), false);
    }
    co_return Result<>{};
}

bool PgConnection::Impl::is_broken() const {
    return connection == nullptr || PQstatus(connection.get()) != CONNECTION_OK;
}

Task<> PgConnection::Impl::flush() {
    for (int left = PQflush(connection.get()); left != 0; left = PQflush(connection.get())) {
        if (left < 0) {
            co_return broken_error(connection.get(), true);
        }
        CO_TRY_OK(co_await ready(stream_descriptor::wait_write));
        if (PQconsumeInput(connection.get()) == 0) {
            co_return broken_error(connection.get(), true);
        }
    }
    co_return Result<>{};
}

Task<> PgConnection::Impl::await_answer() {
    while (PQisBusy(connection.get()) != 0) {
        CO_TRY_OK(co_await ready(stream_descriptor::wait_read));
        if (PQconsumeInput(connection.get()) == 0) {
            co_return broken_error(connection.get(), true);
        }
    }
    co_return Result<>{};
}

// Reads until the server is ready for the next statement. The last result counts, as with psql -c;
// a failed statement ends the batch on the server.
Task<PgResult> PgConnection::Impl::collect() {
    Result<PgResult> outcome = PgResult{};
    while (true) {
        CO_TRY_OK(co_await await_answer());
        const RawResult raw(PQgetResult(connection.get()));
        if (raw == nullptr) {
            break;
        }
        switch (PQresultStatus(raw.get())) {
            case PGRES_COMMAND_OK:
            case PGRES_TUPLES_OK:
            case PGRES_EMPTY_QUERY:
                outcome = read_rows(raw.get());
                break;
            case PGRES_FATAL_ERROR:
                outcome = statement_error(raw.get());
                break;
            default:
                co_return Error{Errc::kInvalid, "COPY and streaming replication are not statements",
                                "use pg_basebackup or psql for them"};
        }
    }
    co_return outcome;
}

Task<> PgConnection::Impl::until_closed() {
    while (true) {
        CO_TRY_OK(co_await ready(stream_descriptor::wait_read));
        if (is_broken() || PQconsumeInput(connection.get()) == 0) {
            auto error = is_broken() ? Error{Errc::kUnavailable, "the connection was closed"}
                                     : broken_error(connection.get(), false);
            co_return error;
        }
    }
}

void PgConnection::Impl::watch(std::function<void()> handler) {
    const auto turn = io->watch;
    io->socket.async_wait(
        stream_descriptor::wait_read,
        [this, shared = io, turn, handler = std::move(handler)](const error_code& error) mutable {
            // `this` lives as long as its watch is the current one.
            if (error || shared->watch != turn) {
                return;
            }
            if (PQconsumeInput(connection.get()) == 0 || is_broken()) {
                shared->watch = 0;
                handler();
                return;
            }
            watch(std::move(handler));
        });
}

PgConnection::PgConnection(Executor executor, Clock& clock)
    : impl_(std::make_unique<Impl>(executor, clock)) {
}
PgConnection::PgConnection(PgConnection&&) noexcept = default;
PgConnection& PgConnection::operator=(PgConnection&&) noexcept = default;
PgConnection::~PgConnection() = default;

Task<> PgConnection::connect(std::string conninfo, Instant deadline) {
    auto& impl = *impl_;
    impl.close();
    CO_TRY_OK(check_conninfo(conninfo));
    // What stands before dbname is a default, what the conninfo says wins. The keepalives let a
    // kept connection notice a cut network within about 5 s.
    constexpr std::array kNames = {"fallback_application_name",
                                   "gssencmode",
                                   "client_encoding",
                                   "keepalives_idle",
                                   "keepalives_interval",
                                   "keepalives_count",
                                   "dbname",
                                   static_cast<const char*>(nullptr)};
    const std::array values = {
        "muster", "disable", "UTF8",           "2",
        "1",      "3",       conninfo.c_str(), static_cast<const char*>(nullptr)};
    impl.connection.reset(PQconnectStartParams(kNames.data(), values.data(), 1));
    if (impl.connection == nullptr) {
        co_return Error{Errc::kUnavailable, "no memory for a database connection"};
    }
    PQsetErrorVerbosity(impl.connection.get(), PQERRORS_VERBOSE);
    PQsetNoticeProcessor(impl.connection.get(), [](void*, const char*) {}, nullptr);
    if (PQstatus(impl.connection.get()) == CONNECTION_BAD) {
        auto error = connect_error(impl.connection.get());
        impl.close();
        co_return error;
    }
    impl.arm(deadline);
    auto done = co_await impl.establish();
    impl.disarm();
    if (!done) {
        impl.close();
    }
    co_return done;
}

Task<PgResult> PgConnection::query(std::string sql, std::vector<std::string> parameters,
                                   Instant deadline) {
    auto& impl = *impl_;
    if (impl.is_broken()) {
        impl.close();
        co_return Error{Errc::kUnavailable, "the database connection is not open"};
    }
    if (std::exchange(impl.io->watch, 0) != 0) {
        error_code ignored;
        impl.io->socket.cancel(ignored);
    }
    std::vector<const char*> texts;
    texts.reserve(parameters.size());
    for (const auto& parameter : parameters) {
        texts.push_back(parameter.c_str());
    }
    auto* raw = impl.connection.get();
    const int is_sent = parameters.empty()
                            ? PQsendQuery(raw, sql.c_str())
                            : PQsendQueryParams(raw, sql.c_str(), static_cast<int>(texts.size()),
                                                nullptr, texts.data(), nullptr, nullptr, 0);
    if (is_sent == 0) {
        auto error = broken_error(raw, false);
        impl.close();
        co_return error;
    }
    impl.arm(deadline);
    Result<PgResult> outcome = PgResult{};
    if (auto flushed = co_await impl.flush(); !flushed) {
        outcome = std::move(flushed).error();
    } else {
        outcome = co_await impl.collect();
    }
    impl.disarm();
    if (!outcome && outcome.error().code() == Errc::kTimedOut &&
        !outcome.error().message().starts_with('[')) {
        outcome = Error{Errc::kOutcomeUnknown, outcome.error().message()};
    }
    // After an answer the session is in step; after anything else it is not.
    const bool is_in_step = raw == impl.connection.get() && !impl.is_broken() &&
                            PQtransactionStatus(raw) != PQTRANS_ACTIVE;
    if (!is_in_step) {
        impl.close();
    }
    co_return outcome;
}

bool PgConnection::is_open() const {
    return !impl_->is_broken();
}

Task<> PgConnection::closed() {
    if (impl_->is_broken()) {
        co_return Error{Errc::kUnavailable, "the database connection is not open"};
    }
    impl_->io->is_expired = false;
    co_return co_await impl_->until_closed();
}

void PgConnection::on_closed(std::function<void()> handler) {
    if (impl_->is_broken()) {
        return;
    }
    impl_->io->watch = ++impl_->io->watches;
    impl_->watch(std::move(handler));
}

void PgConnection::close() {
    impl_->close();
}

}  // namespace muster::adapters

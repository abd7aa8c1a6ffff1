#pragma once

// For the tests of everything that talks to real servers: the machine's clock, a way to run one
// task, and a PostgreSQL server of the test's own.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <signal.h>
#include <sys/shm.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "adapters/os/folder_test_support.h"
#include "base/clock.h"
#include "base/task_group.h"

namespace muster::test {

/// Real time, for tests only.
class TestClock final : public Clock {
  public:
    [[nodiscard]] Instant now() const override {
        return Instant(std::chrono::steady_clock::now().time_since_epoch());
    }
    [[nodiscard]] WallTime wall() const override {
        return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    }
    Task<> sleep_until(Instant when) override {
        namespace asio = boost::asio;
        asio::steady_timer timer(co_await asio::this_coro::executor);
        timer.expires_after(std::max(Duration::zero(), when - now()));
        const auto [error] = co_await timer.async_wait(asio::as_tuple(asio::use_awaitable));
        if (error) {
            co_return Error{Errc::kCancelled, "the sleep was cancelled"};
        }
        co_return Result<>{};
    }
};

template <class T>
boost::asio::awaitable<void> keep_result(Task<T> task, std::optional<Result<T>>& result) {
    co_await boost::asio::this_coro::throw_if_cancelled(false);
    result.emplace(co_await std::move(task));
}

/// Runs the loop until the task has ended.
template <class T>
Result<T> run(boost::asio::io_context& loop, Task<T> task) {
    std::optional<Result<T>> result;
    boost::asio::co_spawn(loop, keep_result(std::move(task), result), [](std::exception_ptr) {});
    loop.restart();
    while (!result && loop.run_one() != 0) {
    }
    return std::move(*result);
}

/// A TCP port of the loopback interface that was free a moment ago.
inline int free_port() {
    const int number = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    ::bind(number, reinterpret_cast<sockaddr*>(&address), length);
    ::getsockname(number, reinterpret_cast<sockaddr*>(&address), &length);
    ::close(number);
    return ntohs(address.sin_port);
}

/// Starts a program; as root, in the name of `postgres`. Its output goes to `log`.
inline pid_t start(std::vector<std::string> argv, const std::filesystem::path& log) {
    if (::geteuid() == 0) {
        argv.insert(argv.begin(), {"setpriv", "--reuid=postgres", "--regid=postgres",
                                   "--clear-groups", "--pdeathsig", "KILL", "--"});
    }
    const pid_t pid = ::fork();
    if (pid == 0) {
        static_cast<void>(!std::freopen("/dev/null", "r", stdin));
        static_cast<void>(!std::freopen(log.c_str(), "a", stdout));
        ::dup2(STDOUT_FILENO, STDERR_FILENO);
        std::vector<char*> raw;
        for (auto& argument : argv) {
            raw.push_back(argument.data());
        }
        raw.push_back(nullptr);
        ::execvp(raw[0], raw.data());
        ::_exit(127);
    }
    return pid;
}

inline int wait_for_exit(pid_t pid) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Removes the shared memory that killed servers of a directory's owner left: 56 bytes each that
/// only a next start in the same data directory would take back, and the system has room for 4,096
/// of them. PostgreSQL itself calls a segment dead when nobody is attached and its maker is gone.
inline void remove_segments(const std::string& directory) {
    struct stat about{};
    if (::stat(directory.c_str(), &about) != 0) {
        return;
    }
    constexpr std::uint64_t kPage = 4096;
    std::ifstream table("/proc/sysvipc/shm");
    std::string line;
    std::getline(table, line);  // The headings.
    while (std::getline(table, line)) {
        std::istringstream fields(line);
        std::string key;
        std::string permissions;
        std::string last;
        int segment = 0;
        std::uint64_t size = 0;
        std::string maker;
        int attached = 0;
        uid_t user = 0;
        fields >> key >> segment >> permissions >> size >> maker >> last >> attached >> user;
        if (fields && user == about.st_uid && size < kPage && attached == 0 &&
            !std::filesystem::exists("/proc/" + maker)) {
            ::shmctl(segment, IPC_RMID, nullptr);
        }
    }
}

/// A directory that the server's user may write.
class ServerDirectory : public Folder {
  public:
    ServerDirectory() {
        if (::geteuid() == 0) {
            std::system(("chown postgres:postgres " + path()).c_str());  // NOLINT
        }
    }
};

/// A PostgreSQL server on a port of its own, without fsync. User `postgres` is trusted, user
/// `guarded` needs a password.
class PgTestServer {
  public:
    PgTestServer() {
        run_tool({tool("initdb"), "--no-sync", "-A", "trust", "-U", "postgres", "-D", data()});
        std::ofstream(data() + "/postgresql.conf", std::ios::app)
            << "fsync=off\ndynamic_shared_memory_type=mmap\nwal_level=replica\nmax_wal_senders="
               "5\nhot_standby=on\n"
               "unix_socket_directories=''\nlisten_addresses='127.0.0.1'\n"
               "wal_receiver_status_interval=1\nmax_connections=30\n";
        std::ofstream(data() + "/pg_hba.conf")
            << "host all guarded all scram-sha-256\nhost all all all trust\n"
               "host replication all all trust\n";
        start_server();
    }
    /// A streaming standby of `primary`.
    explicit PgTestServer(const PgTestServer& primary, std::string_view /*standby*/) {
        run_tool({tool("pg_basebackup"), "-R", "-X", "stream", "-c", "fast", "--no-sync", "-D",
                  data(), "-d", primary.conninfo()});
        start_server();
        primary.sql(
            "SET statement_timeout = '20s'; DO $$ BEGIN WHILE NOT EXISTS (SELECT FROM "
            "pg_stat_replication WHERE state = 'streaming') LOOP PERFORM pg_sleep(0.01), "
            "pg_stat_clear_snapshot(); END LOOP; END $$");
    }
    PgTestServer& operator=(const PgTestServer&) = delete;
    ~PgTestServer() { kill(); }

    [[nodiscard]] std::string data() const { return directory_.file("data"); }
    [[nodiscard]] std::string conninfo(std::string_view user = "postgres") const {
        return "host=127.0.0.1 port=" + std::to_string(port_) +
               " dbname=postgres user=" + std::string(user);
    }
    [[nodiscard]] int port() const { return port_; }
    [[nodiscard]] pid_t pid() const { return pid_; }

    void start_server() {
        port_ = port_ == 0 ? free_port() : port_;
        pid_ = start({tool("postgres"), "-D", data(), "-p", std::to_string(port_)}, log());
        // pg_isready answers as soon as the server does; a server that ends is seen too.
        while (std::system((tool("pg_isready") + " -q -h 127.0.0.1 -p " +  // NOLINT
                            std::to_string(port_))
                               .c_str()) != 0) {
            if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
                pid_ = 0;
                ADD_FAILURE() << "the server did not start: " << std::ifstream(log()).rdbuf();
                return;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(5));
        }
    }
    /// `signal` to the postmaster and to every process that it started.
    void signal_all(int signal) const {
        std::vector<pid_t> processes = {pid_};
        std::ifstream children("/proc/" + std::to_string(pid_) + "/task/" + std::to_string(pid_) +
                               "/children");
        for (pid_t child = 0; children >> child;) {
            processes.push_back(child);
        }
        for (const pid_t process : processes) {
            ::kill(process, signal);
        }
    }
    void kill() {
        if (pid_ != 0) {
            signal_all(SIGCONT);
            signal_all(SIGKILL);
            wait_for_exit(pid_);
            pid_ = 0;
            remove_segments(data());
        }
    }
    void sql(const std::string& text) const {
        run_tool({tool("psql"), "-q", "-X", "-v", "ON_ERROR_STOP=1", "-c", text, conninfo()});
    }

  private:
    static std::string tool(std::string_view name) {
        for (const auto* version : {"15", "16", "17", "14", "13"}) {
            auto path = "/usr/lib/postgresql/" + std::string(version) + "/bin/" + std::string(name);
            if (std::filesystem::exists(path)) {
                return path;
            }
        }
        return std::string(name);
    }
    [[nodiscard]] std::filesystem::path log() const { return directory_.file("log"); }
    void run_tool(std::vector<std::string> argv) const {
        if (wait_for_exit(start(std::move(argv), log())) != 0) {
            ADD_FAILURE() << std::ifstream(log()).rdbuf();
        }
    }

    ServerDirectory directory_;
    int port_ = 0;
    pid_t pid_ = 0;
};

}  // namespace muster::test

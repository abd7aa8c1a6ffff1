#pragma once

// For the tests of the stores: a host whose pauses cost no time, files to store, programs that end
// with the test.

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <chrono>
#include <fstream>
#include <functional>
#include <mutex>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "adapters/os/folder_test_support.h"
#include "backup/blob_store.h"
#include "backup/host.h"
#include "backup/object_id.h"

namespace muster::test {

/// Time passes only in pauses, and at once.
class PausingHost final : public backup::Host {
  public:
    [[nodiscard]] Instant now() const override {
        const std::scoped_lock lock(mutex_);
        return now_;
    }
    [[nodiscard]] WallTime wall() const override {
        return std::chrono::floor<std::chrono::microseconds>(std::chrono::system_clock::now());
    }
    [[nodiscard]] int utc_offset(std::int64_t /*unix_seconds*/) const override { return 0; }
    void pause(Duration duration) override {
        const std::scoped_lock lock(mutex_);
        now_ += duration;
        pauses_.push_back(duration);
        is_stopped_ = is_stopped_ || pauses_.size() == stop_at_;
    }
    [[nodiscard]] bool is_stopped() const override {
        const std::scoped_lock lock(mutex_);
        return is_stopped_;
    }
    void fill_random(backup::ByteSpan into) override {
        const std::scoped_lock lock(mutex_);
        for (auto& byte : into) {
            byte = static_cast<std::uint8_t>(random_());
        }
    }
    [[nodiscard]] unsigned cores() const override { return 2; }
    void run_parallel(unsigned copies, const std::function<void(unsigned)>& body) override {
        std::vector<std::jthread> threads;
        for (unsigned i = 0; i < copies; ++i) {
            threads.emplace_back([&body, i] { body(i); });
        }
    }
    [[nodiscard]] backup::Identity identity() const override { return {}; }
    [[nodiscard]] bool is_alive(std::int64_t /*pid*/) const override { return true; }

    /// Told to stop during the pause of this number, counted from 1.
    void stop_at_pause(std::size_t number) { stop_at_ = number; }
    [[nodiscard]] std::vector<Duration> pauses() const {
        const std::scoped_lock lock(mutex_);
        return pauses_;
    }

  private:
    mutable std::mutex mutex_;
    Instant now_{};
    std::vector<Duration> pauses_;
    std::size_t stop_at_ = 0;
    bool is_stopped_ = false;
    std::mt19937_64 random_{1};  // NOLINT: the same for each run.
};

/// A TCP port of the loopback interface that was free a moment ago.
inline int free_local_port() {
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

/// A program that runs until this goes; its output goes to a file. It ends with the test program
/// whatever becomes of that.
class Program {
  public:
    Program(std::vector<std::string> argv, const std::string& log) {
        pid_ = ::fork();
        if (pid_ == 0) {
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
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
    }
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program() {
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    /// False when it has ended by itself.
    [[nodiscard]] bool is_running() const {
        siginfo_t about{};
        ::waitid(P_PID, static_cast<id_t>(pid_), &about, WEXITED | WNOHANG | WNOWAIT);
        return about.si_pid == 0;
    }

  private:
    pid_t pid_ = 0;
};

/// Runs it to its end; its exit code. Its output goes to `log`.
inline int run_program(const std::string& line, const std::string& log) {
    const int status = std::system((line + " >>" + log + " 2>&1").c_str());  // NOLINT
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

/// Something listens at this port of the loopback interface.
inline bool is_listening(int port) {
    const int number = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int outcome = ::connect(number, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    ::close(number);
    return outcome == 0;
}

/// True once something listens there; false when `may_come` says no more, or after a minute.
inline bool wait_for_listener(int port, const std::function<bool()>& may_come) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::minutes(1);
    while (may_come() && std::chrono::steady_clock::now() < deadline) {
        if (is_listening(port)) {
            return true;
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
    return false;
}
inline bool wait_for_listener(int port, const Program& program) {
    return wait_for_listener(port, [&program] { return program.is_running(); });
}

/// The name that a file with this content has.
inline std::string hash_of(backup::ByteView content) {
    backup::ObjectId id;
    unsigned length = 0;
    EVP_Digest(content.data(), content.size(), id.bytes.data(), &length, EVP_sha256(), nullptr);
    return id.hex();
}

inline std::string text_of_file(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
}

}  // namespace muster::test

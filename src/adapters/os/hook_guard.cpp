#include "adapters/os/hook_guard.h"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "adapters/os/unique_fd.h"

namespace muster::adapters {

namespace {

constexpr int kCannotRun = 127;
constexpr std::array kEnding{SIGHUP, SIGINT, SIGQUIT, SIGTERM};

[[noreturn]] void run_shell(const char* command) {
    ::signal(SIGPIPE, SIG_DFL);  // What we ignore a pipeline of the shell relies on.
    ::execl("/bin/sh", "sh", "-c", command, nullptr);  // NOLINT: how exec is called
    ::_exit(kCannotRun);
}

/// Waits until the other end of the pipe is closed, with or without a word, then becomes the
/// command.
[[noreturn]] void guard(int pipe, const char* command, const sigset_t& mask) {
    for (const int number : kEnding) {
        ::signal(number, SIG_IGN);
    }
    ::setsid();  // A Ctrl-C is not for us, nor what systemd sends to a whole unit.
    ::sigprocmask(SIG_SETMASK, &mask, nullptr);
    std::array<char, 64> word{};
    std::size_t length = 0;
    for (;;) {
        const auto got = ::read(pipe, word.data() + length, word.size() - 1 - length);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0 || length + static_cast<std::size_t>(got) >= word.size() - 1) {
            break;
        }
        length += static_cast<std::size_t>(got);
    }
    ::close(pipe);
    for (const int number : kEnding) {
        ::signal(number, SIG_DFL);
    }
    ::setenv("MUSTER_HOOK_STATUS", length > 0 ? word.data() : "killed", 1);  // NOLINT: one thread
    run_shell(command);
}

Result<> outcome_of(pid_t process, const std::string& what) {
    int status = 0;
    while (::waitpid(process, &status, 0) < 0) {
        if (errno != EINTR) {
            return Error(Errc::kUnavailable, "can't wait for the " + what);
        }
    }
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return code == 0 ? Result<>{}
                     : Result<>(Error(Errc::kUnavailable,
                                      "the " + what + " ended with status " + std::to_string(code),
                                      "run it by hand and see what it says"));
}

}  // namespace

Result<> HookGuard::begin(const std::string& before, const std::string& after) {
    if (!after.empty()) {
        std::array<int, 2> ends{};
        if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
            return Error(Errc::kUnavailable,
                         std::string("can't make a pipe: ") + std::strerror(errno));
        }
        // Nothing may end it before it has begun to ignore what would.
        sigset_t all;
        sigset_t before_fork;
        ::sigfillset(&all);
        ::sigprocmask(SIG_SETMASK, &all, &before_fork);
        guardian_ = ::fork();
        if (guardian_ == 0) {
            ::close(ends[1]);
            guard(ends[0], after.c_str(), before_fork);
        }
        ::sigprocmask(SIG_SETMASK, &before_fork, nullptr);
        ::close(ends[0]);
        pipe_ = ends[1];
        if (guardian_ < 0) {
            ::close(pipe_);
            pipe_ = -1;
            return Error(Errc::kUnavailable, "can't start a process for the post hook");
        }
    }
    if (before.empty()) {
        return {};
    }
    const pid_t process = ::fork();
    if (process == 0) {
        run_shell(before.c_str());
    }
    return process < 0 ? Result<>(Error(Errc::kUnavailable, "can't start the pre hook"))
                       : outcome_of(process, "pre hook");
}

Result<> HookGuard::end(const std::string& status) {
    if (guardian_ < 0) {
        return {};
    }
    const auto written = ::write(pipe_, status.data(), status.size());
    ::close(pipe_);
    pipe_ = -1;
    const pid_t process = std::exchange(guardian_, -1);
    (void)written;  // Without the word the hook runs as after a kill.
    return outcome_of(process, "post hook");
}

}  // namespace muster::adapters

#include "adapters/blob/pipe_process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "adapters/os/spawn.h"

namespace muster::adapters {

namespace {

constexpr std::size_t kPiece = 256U << 10U;
constexpr std::size_t kMaxWords = 300;
constexpr int kChannelBuffer = 1 << 20;

Error system_failure(const std::string& what) {
    return Error{Errc::kUnavailable, what + ": " + strerror(errno)};
}

std::vector<char*> pointers(std::vector<std::string>& words) {
    std::vector<char*> raw;
    raw.reserve(words.size() + 1);
    for (auto& word : words) {
        raw.push_back(word.data());
    }
    raw.push_back(nullptr);
    return raw;
}

}  // namespace

PipeProcess::PipeProcess(pid_t pid, UniqueFd channel, UniqueFd error)
    : pid_(pid), channel_(std::move(channel)), error_(std::move(error)) {
}

PipeProcess::~PipeProcess() {
    channel_.reset();
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
}

// One socket is both its input and its output: unlike a pipe it never raises SIGPIPE in us.
Result<std::unique_ptr<PipeProcess>> PipeProcess::start(std::vector<std::string> argv,
                                                        const Fields& environment) {
    const auto path = environment.find("PATH");
    TRY(const auto program,
        find_program(argv.front(), path == environment.end() ? std::string() : path->second));
    std::array<int, 2> ends{};
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) {
        return system_failure("can't make a channel to " + argv.front());
    }
    UniqueFd ours(ends[0]);
    UniqueFd theirs(fcntl(ends[1], F_DUPFD_CLOEXEC, 3));
    ::close(ends[1]);
    UniqueFd error(memfd_create("stderr", MFD_CLOEXEC));
    UniqueFd their_error(fcntl(error.get(), F_DUPFD_CLOEXEC, 3));
    if (!theirs.is_open() || !their_error.is_open()) {
        return system_failure("can't make a channel to " + argv.front());
    }
    setsockopt(ours.get(), SOL_SOCKET, SO_SNDBUF, &kChannelBuffer, sizeof kChannelBuffer);
    setsockopt(theirs.get(), SOL_SOCKET, SO_SNDBUF, &kChannelBuffer, sizeof kChannelBuffer);

    std::vector<std::string> variables;
    for (const auto& [name, value] : environment) {
        variables.push_back(name);
        variables.back().append("=").append(value);
    }
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    posix_spawn_file_actions_adddup2(&actions, theirs.get(), 0);
    posix_spawn_file_actions_adddup2(&actions, theirs.get(), 1);
    posix_spawn_file_actions_adddup2(&actions, their_error.get(), 2);
    posix_spawn_file_actions_addclosefrom_np(&actions, 3);
    sigset_t none;
    sigset_t all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    pid_t pid = 0;
    errno = posix_spawn(&pid, program.c_str(), &actions, &attributes, pointers(argv).data(),
                        pointers(variables).data());
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (errno != 0) {
        return system_failure("can't start " + argv.front());
    }
    return std::unique_ptr<PipeProcess>(new PipeProcess(pid, std::move(ours), std::move(error)));
}

Error PipeProcess::ended() const {
    const auto words = last_words();
    return Error{Errc::kUnavailable,
                 "the connection has ended" + (words.empty() ? words : ": " + words)};
}

Result<> PipeProcess::move(const std::string& out, std::size_t& sent, std::string& in,
                           Duration patience) {
    const bool has_more = sent < out.size();
    pollfd wanted{channel_.get(), static_cast<short>(POLLIN | (has_more ? POLLOUT : 0)), 0};
    const auto wait = std::chrono::ceil<std::chrono::milliseconds>(patience).count();
    const int count = poll(&wanted, 1, static_cast<int>(wait));
    if (count == 0) {
        return Error{Errc::kTimedOut, "no answer in time"};
    }
    if (count < 0) {
        return errno == EINTR ? Result<>() : Result<>(system_failure("can't wait"));
    }
    if ((wanted.revents & (POLLIN | POLLHUP)) != 0) {
        const auto before = in.size();
        in.resize(before + kPiece);
        const auto got = recv(channel_.get(), in.data() + before, kPiece, MSG_DONTWAIT);
        in.resize(before + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
        if (got == 0 || (got < 0 && errno != EAGAIN && errno != EINTR)) {
            return ended();
        }
    }
    if ((wanted.revents & POLLOUT) != 0) {
        const auto went =
            send(channel_.get(), out.data() + sent, out.size() - sent, MSG_DONTWAIT | MSG_NOSIGNAL);
        if (went < 0 && errno != EAGAIN && errno != EINTR) {
            return ended();
        }
        sent += static_cast<std::size_t>(std::max<ssize_t>(went, 0));
    }
    return (wanted.revents & (POLLERR | POLLNVAL)) != 0 ? Result<>(ended()) : Result<>();
}

bool PipeProcess::is_quiet() const {
    pollfd wanted{channel_.get(), POLLIN, 0};
    return poll(&wanted, 1, 0) == 0;
}

std::string PipeProcess::last_words() const {
    const auto length = lseek(error_.get(), 0, SEEK_END);
    const auto size = std::min<off_t>(std::max<off_t>(length, 0), kMaxWords);
    std::string text(static_cast<std::size_t>(size), '\0');
    const auto got = pread(error_.get(), text.data(), text.size(), length - size);
    text.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    while (!text.empty() && static_cast<unsigned char>(text.back()) <= ' ') {
        text.pop_back();
    }
    text.erase(0, text.find_last_of("\r\n") + 1);
    std::ranges::replace_if(
        text, [](char letter) { return static_cast<unsigned char>(letter) < ' '; }, '?');
    return text;
}

}  // namespace muster::adapters

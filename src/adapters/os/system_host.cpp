#include "adapters/os/system_host.h"

#include <openssl/rand.h>
#include <pwd.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <csignal>
#include <ctime>
#include <limits>
#include <thread>
#include <vector>

#include "adapters/os/system.h"
#include "base/check.h"

namespace muster::adapters {

namespace {

volatile std::sig_atomic_t stop_requests = 0;  // NOLINT: signal handlers have no other place

void note_stop(int number) {
    stop_requests = 1;
    std::signal(number, SIG_DFL);
}

}  // namespace

void SystemHost::watch_signals() {
    struct sigaction action{};
    action.sa_handler = note_stop;
    ::sigaction(SIGINT, &action, nullptr);
    ::sigaction(SIGTERM, &action, nullptr);
}

Instant SystemHost::now() const {
    return SystemClock().now();
}

WallTime SystemHost::wall() const {
    return SystemClock().wall();
}

int SystemHost::utc_offset(std::int64_t unix_seconds) const {
    const std::time_t moment = unix_seconds;
    std::tm local{};
    return ::localtime_r(&moment, &local) != nullptr ? static_cast<int>(local.tm_gmtoff) : 0;
}

void SystemHost::pause(Duration duration) {
    constexpr Duration kSlice = std::chrono::milliseconds(50);
    const Instant end = now() + duration;
    for (auto left = duration; left.count() > 0 && !is_stopped(); left = end - now()) {
        std::this_thread::sleep_for(std::min(left, kSlice));
    }
}

bool SystemHost::is_stopped() const {
    return stop_requests != 0;
}

void SystemHost::fill_random(backup::ByteSpan into) {
    CHECK(RAND_bytes(into.data(), static_cast<int>(into.size())) == 1);
}

unsigned SystemHost::cores() const {
    cpu_set_t allowed;
    CPU_ZERO(&allowed);
    if (::sched_getaffinity(0, sizeof allowed, &allowed) == 0) {
        return static_cast<unsigned>(std::max(1, CPU_COUNT(&allowed)));
    }
    return std::max(1U, std::thread::hardware_concurrency());
}

void SystemHost::run_parallel(unsigned copies, const std::function<void(unsigned)>& body) {
    // An exception on this thread would wait for the others, which may wait for what this one was
    // to do: it ends the process, as it does on theirs.
    const auto run = [&body](unsigned number) noexcept { body(number); };
    std::vector<std::jthread> threads;
    threads.reserve(copies);
    for (unsigned number = 1; number < copies; ++number) {
        threads.emplace_back(run, number);
    }
    if (copies > 0) {
        run(0);
    }
}

backup::Identity SystemHost::identity() const {
    backup::Identity identity;
    char name[HOST_NAME_MAX + 1] = {};  // NOLINT: the system's call wants an array
    if (::gethostname(name, sizeof name - 1) == 0) {
        identity.hostname = name;
    }
    identity.uid = ::getuid();
    identity.gid = ::getgid();
    identity.pid = ::getpid();
    const passwd* account = ::getpwuid(identity.uid);
    identity.username = account != nullptr ? account->pw_name : "";
    return identity;
}

bool SystemHost::is_alive(std::int64_t pid) const {
    // Numbers that are no process mean groups of them, or are cut to another one.
    const bool is_process = pid > 0 && pid <= std::numeric_limits<pid_t>::max();
    return is_process && (::kill(static_cast<pid_t>(pid), 0) == 0 || errno == EPERM);
}

}  // namespace muster::adapters

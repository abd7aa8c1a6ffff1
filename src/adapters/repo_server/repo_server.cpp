#include "adapters/repo_server/repo_server.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <list>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "adapters/os/process_safety.h"
#include "adapters/repo_server/listener.h"
#include "adapters/repo_server/session.h"

// One thread accepts and cleans up after the others; each connection has one of its own, which
// waits in poll(2) for its peer or in the kernel for the disk. That is simple to reason about, a
// slow fsync holds up nobody else, and 256 threads that sleep cost little.

namespace muster::adapters::repo_server {

namespace {

constexpr Duration kSweep = std::chrono::seconds(1);
constexpr Duration kMakeRoom = std::chrono::milliseconds(250);
constexpr Duration kLook = std::chrono::milliseconds(20);

Result<std::string> real_folder(const std::string& path) {
    std::error_code failure;
    auto folder = std::filesystem::canonical(path, failure);
    if (failure || !std::filesystem::is_directory(folder, failure)) {
        return Error{Errc::kNotFound, "there is no folder " + path,
                     "make it first (mkdir -m 700), or mount the disk that it is on"};
    }
    if (::access(folder.c_str(), R_OK | W_OK | X_OK) != 0) {
        return Error{Errc::kDenied, "not allowed to write in " + path,
                     "give the folder to the account that muster runs as"};
    }
    return folder.string();
}

// Two servers of one folder would take one another's uploads for left ones.
Result<UniqueFd> hold_folder(const std::string& folder) {
    UniqueFd held(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!held.is_open() || ::flock(held.get(), LOCK_EX | LOCK_NB) != 0) {
        return Error{Errc::kConflict, "another server serves " + folder + " already",
                     "stop that one first"};
    }
    return held;
}

}  // namespace

struct RepoServer::Impl {
    struct Client {
        std::unique_ptr<Session> session;
        std::thread thread;
        std::atomic<bool> has_ended = false;
    };

    Shared shared;
    UniqueFd held;
    Listener listener;
    std::mutex tls_mutex;
    std::shared_ptr<const TlsContext> tls;
    std::list<Client> clients;  // Of the accepting thread; of `stop()` once that has ended.
    std::thread accepting;

    Impl(Options options, Clock& clock, Log& log) : shared(std::move(options), clock, log) {}

    Result<> prepare();
    void accept_all();
    void welcome(Listener::Accepted accepted);
    std::unique_ptr<Connection> wrap(UniqueFd socket);
    void sweep();
    bool make_room();
    void interrupt_waiting();
    void stop();
};

Result<> RepoServer::Impl::prepare() {
    const auto& options = shared.options;
    TRY(held, hold_folder(options.folder));
    if (options.accounts_file) {
        TRY(shared.accounts, Accounts::load(*options.accounts_file, shared.clock, shared.log));
    }
    if (options.tls) {
        TRY(tls, TlsContext::load(*options.tls));
    }
    TRY(const auto removed, remove_left_uploads(options.folder));
    if (removed > 0) {
        shared.log.warn("repo.uploads_removed", {{"files", removed}});
    }
    if (options.max_size) {
        shared.quota = std::make_unique<Quota>(*options.max_size, options.folder, shared.clock);
        TRY_OK(shared.quota->measure());
    }
    TRY(listener, Listener::open(options.listen));
    return {};
}

void RepoServer::Impl::accept_all() {
    while (!shared.is_stopping) {
        auto accepted = listener.accept(kSweep);
        sweep();
        if (accepted) {
            welcome(std::move(*accepted));
        } else if (accepted.error().code() == Errc::kUnavailable) {
            shared.log.warn("repo.accept_failed", {{"reason", accepted.error().message()}});
            // No file or memory is left: what comes meanwhile waits in the kernel.
            std::this_thread::sleep_for(kMakeRoom);
        }
    }
}

std::unique_ptr<Connection> RepoServer::Impl::wrap(UniqueFd socket) {
    if (!shared.options.tls) {
        return plain_connection(shared.clock, std::move(socket));
    }
    const std::lock_guard lock(tls_mutex);
    return tls->wrap(shared.clock, std::move(socket));
}

void RepoServer::Impl::welcome(Listener::Accepted accepted) {
    if (clients.size() >= shared.options.limits.connections && !make_room()) {
        if (const auto times = shared.crowded.pass()) {
            shared.log.warn("repo.crowded", {{"open", clients.size()}, {"times", *times}});
        }
        return;
    }
    auto connection = wrap(std::move(accepted.socket));
    if (!connection) {
        return;
    }
    auto& client = clients.emplace_back();
    client.session =
        std::make_unique<Session>(shared, std::move(connection), std::move(accepted.peer));
    try {
        client.thread = std::thread([&client] {
            client.session->run();
            client.has_ended = true;
        });
    } catch (const std::system_error& failure) {
        shared.log.warn("repo.accept_failed", {{"reason", failure.what()}});
        clients.pop_back();
    }
}

void RepoServer::Impl::sweep() {
    std::erase_if(clients, [](Client& client) {
        const bool has_ended = client.has_ended;
        if (has_ended) {
            client.thread.join();
        }
        return has_ended;
    });
}

// Who has waited longest goes: an idle client, which connects again, or one that holds a connection
// for its own sake. Nobody in the middle of an upload.
bool RepoServer::Impl::make_room() {
    Session* longest = nullptr;
    Instant since = Instant::max();
    for (auto& client : clients) {
        const auto waiting = client.session->waiting_since();
        if (waiting && *waiting < since) {
            since = *waiting;
            longest = client.session.get();
        }
    }
    if (longest == nullptr) {
        return false;
    }
    longest->interrupt();
    const Instant end = shared.clock.now() + kMakeRoom;
    while (clients.size() >= shared.options.limits.connections && shared.clock.now() < end) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        sweep();
    }
    return clients.size() < shared.options.limits.connections;
}

void RepoServer::Impl::interrupt_waiting() {
    for (auto& client : clients) {
        if (client.session->waiting_since()) {
            client.session->interrupt();
        }
    }
}

void RepoServer::Impl::stop() {
    if (!accepting.joinable()) {
        return;
    }
    shared.is_stopping = true;
    listener.wake();
    accepting.join();
    const Instant end = shared.clock.now() + shared.options.limits.grace;
    while (!clients.empty() && shared.clock.now() < end) {
        interrupt_waiting();
        std::this_thread::sleep_for(kLook);
        sweep();
    }
    if (!clients.empty()) {
        shared.log.warn("repo.broken_off", {{"clients", clients.size()}});
    }
    for (auto& client : clients) {
        client.session->interrupt();
    }
    for (auto& client : clients) {
        client.thread.join();
    }
    clients.clear();
}

RepoServer::RepoServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
}

RepoServer::~RepoServer() {
    stop();
}

Result<std::unique_ptr<RepoServer>> RepoServer::start(Options options, Clock& clock, Log& log) {
    ignore_broken_pipes();
    TRY(options.folder, real_folder(options.folder));
    auto impl = std::make_unique<Impl>(std::move(options), clock, log);
    TRY_OK(impl->prepare());
    impl->accepting = std::thread([server = impl.get()] { server->accept_all(); });
    return std::unique_ptr<RepoServer>(new RepoServer(std::move(impl)));
}

std::uint16_t RepoServer::port() const {
    return impl_->listener.port();
}

void RepoServer::reload() {
    if (impl_->shared.accounts) {
        impl_->shared.accounts->reload();
    }
    if (!impl_->shared.options.tls) {
        return;
    }
    auto& log = impl_->shared.log;
    auto loaded = TlsContext::load(*impl_->shared.options.tls);
    if (!loaded) {
        log.error("repo.certificate_kept", {{"reason", loaded.error().message()}});
        return;
    }
    const std::lock_guard lock(impl_->tls_mutex);
    impl_->tls = std::move(*loaded);
    log.info("repo.certificate_read");
}

void RepoServer::stop() {
    impl_->stop();
}

}  // namespace muster::adapters::repo_server

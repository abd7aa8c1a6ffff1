#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "adapters/repo_server/pace.h"
#include "adapters/repo_server/tls.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/result.h"
#include "base/units.h"

namespace muster::adapters::repo_server {

/// How many and how slow clients may be.
struct Limits {
    std::size_t connections = 256;  ///< Beyond, the one that has waited longest is closed.
    Duration head = std::chrono::seconds(10);   ///< For the handshake, and for a request's head.
    Duration idle = std::chrono::seconds(120);  ///< Longer than restic keeps a connection (90 s).
    Duration grace = std::chrono::seconds(10);  ///< For what is under way when the server stops.
    PaceLimit pace;                             ///< While a body is on its way.
    std::uint64_t object_bytes = 4ULL << 30U;   ///< Of data and indexes.
    std::uint64_t small_object_bytes = 16ULL << 20U;  ///< Of all others.
};

struct Options {
    std::string folder;  ///< All repositories lie below it, or it is one.
    std::string listen;  ///< "127.0.0.1:8000"; port 0 takes a free one.
    bool is_append_only = false;
    bool has_private_repos = false;
    std::optional<std::string> accounts_file;  ///< Without, everybody may do everything.
    std::optional<TlsFiles> tls;
    std::optional<ByteCount> max_size;  ///< Of all repositories together.
    Limits limits;
};

/// The server of restic's REST protocol, versions 1 and 2 (restic's design document "REST
/// Backend"; where that is silent, as rest-server does). A thread for each connection, which waits
/// for the peer and for the disk: bounded memory whatever a pack's size.
class RepoServer {
  public:
    /// Listens, and serves at once. kConflict when another server has the folder, kNotFound when
    /// there is none, kInvalid for files and addresses that can't be used, kUnavailable when the
    /// address is taken. `clock` and `log` outlive the server and are used from many threads.
    static Result<std::unique_ptr<RepoServer>> start(Options options, Clock& clock, Log& log);
    /// Stops, if need be.
    ~RepoServer();

    [[nodiscard]] std::uint16_t port() const;
    /// Reads the accounts and the certificate again; what can't be used leaves the old in force.
    void reload();
    /// Takes no more requests, gives those under way their grace, then breaks them off. No
    /// temporary file is left.
    void stop();

  private:
    struct Impl;
    explicit RepoServer(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace muster::adapters::repo_server

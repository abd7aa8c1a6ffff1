#pragma once

#include <memory>
#include <string>
#include <vector>

#include "adapters/os/system_host.h"
#include "backup/repository.h"
#include "backup/repository_lock.h"
#include "backup/snapshot.h"
#include "cli/streams.h"

namespace muster::cli {

/// Exit statuses of the commands on repositories, as restic has them beside the general ones.
constexpr int kExitPartial = 3;         ///< The snapshot was made, but something was not read.
constexpr int kExitNoRepository = 10;   ///< There is none at that place.
constexpr int kExitLocked = 11;         ///< Somebody else holds a lock.
constexpr int kExitWrongPassword = 12;  ///< The password fits no key.

/// What all commands on a repository are told; empty texts: not given.
struct RepositoryOptions {
    std::string repository;
    std::string repository_file;
    std::string password_file;
    std::string password_command;
    std::string key_hint;
    std::string cache_folder;
    std::vector<std::string> extended;  ///< `-o KEY=VALUE`
    std::string ca_certificate;
    std::string client_certificate;
    bool is_tls_trusted_blindly = false;
    long object_lock_days = 0;  ///< 0: nothing is locked.
    std::string retry_lock;
    long limit_upload = 0;    ///< KiB/s; 0: none.
    long limit_download = 0;  ///<
    bool is_cacheless = false;
    bool is_lockless = false;
    bool is_quiet = false;
    int verbosity = 0;
    std::string compression = "auto";
    long pack_size = 16;  ///< MiB.
};

/// Where a repository is, and by which password it is opened; `copy` and `init` know a second one.
struct RepositoryPlace {
    std::string location;
    std::string password_file;
    std::string password_command;
    std::string key_hint;
};

/// A command's work on a repository: opens what it needs when it needs it, and says what went
/// wrong.
class Session {
  public:
    Session(RepositoryOptions options, Streams streams);
    ~Session();
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    [[nodiscard]] const RepositoryOptions& options() const { return options_; }
    [[nodiscard]] Streams& streams() { return streams_; }
    [[nodiscard]] backup::Host& host() { return host_; }

    /// The place that the options or the environment (MUSTER_REPOSITORY, RESTIC_REPOSITORY, …)
    /// name.
    Result<RepositoryPlace> place() const;
    /// The store at a place. kInvalid for a location that no kind of store knows.
    Result<backup::BlobStore*> open_store(const RepositoryPlace& place);
    /// The password: from file, command, environment, or asked for where a person sits.
    Result<Secret> read_password(const RepositoryPlace& place, bool is_new);
    /// A password that shall be new: from the file or the command, whichever is not empty, else
    /// asked for twice; never from the environment, which has the old one. kInvalid when empty.
    static Result<Secret> read_new_password(const std::string& file, const std::string& command);
    /// Opens the repository; its cache with it.
    Result<backup::Repository*> open();
    Result<backup::Repository*> open_at(const RepositoryPlace& place);

    /// All snapshots, oldest first. With `problems`, a damaged one is told there and left out;
    /// without, it is an error (kCorrupt): for who removes what no snapshot needs.
    static Result<std::vector<backup::Snapshot>> load_snapshots(
        const backup::Repository& repository, std::vector<Error>* problems = nullptr);
    /// The same for who only reads, or adds: a damaged one must not stand between a person and all
    /// others. It is left out with a warning, and `has_left_out`.
    Result<std::vector<backup::Snapshot>> sound_snapshots(const backup::Repository& repository);
    [[nodiscard]] bool has_left_out() const { return has_left_out_; }

    /// The lock of who only reads: --no-lock does without.
    [[nodiscard]] backup::LockSettings lock_settings(backup::LockKind kind) const;
    /// The lock of who changes something: --no-lock counts in a dry run only, since a prune of
    /// somebody else would take away what is being written.
    [[nodiscard]] backup::LockSettings changing_lock(backup::LockKind kind,
                                                     bool is_dry_run = false) const;
    /// Prints the error and gives the exit status that fits it.
    int fail(const Error& error);
    static int status_of(const Error& error);

  private:
    struct Opened;
    RepositoryOptions options_;
    Streams streams_;
    adapters::SystemHost host_;
    std::vector<std::unique_ptr<Opened>> opened_;
    bool has_left_out_ = false;
};

}  // namespace muster::cli

#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backup/repository.h"

namespace muster::backup {

/// A lock file as restic writes it.
struct LockFile {
    ObjectId id;
    WallTime time;
    bool is_exclusive = false;
    Identity holder;
};

/// All locks of a repository that can be read; files of no length are passed over, one that can't
/// be read is an error (it may be anybody's). Those that vanish meanwhile are left out.
Result<std::vector<LockFile>> read_locks(const Repository& repository);

/// Whether its holder is surely gone: it was not renewed for 30 minutes, or it names a process of
/// this machine that does not run.
bool is_stale(const LockFile& lock, Host& host);

/// Removes locks, the stale ones or all; how many.
Result<std::size_t> remove_locks(const Repository& repository, bool is_everyone_meant);

enum class LockKind { kShared, kExclusive };

struct LockSettings {
    LockKind kind = LockKind::kShared;
    bool is_wanted = true;  ///< Off: `--no-lock`.
    Duration retry_for{0};  ///< `--retry-lock`: how long to ask again.
};

/// A lock of a repository, by restic's protocol: look for others, write one's own, wait 200 ms,
/// look again, withdraw on conflict; renew it every 5 minutes. Who could not renew it for 22.5
/// minutes has lost it and must write no more.
class RepositoryLock {
  public:
    RepositoryLock(Repository& repository, LockSettings settings)
        : repository_(repository), settings_(settings) {}
    ~RepositoryLock() { release(); }
    RepositoryLock(const RepositoryLock&) = delete;
    RepositoryLock& operator=(const RepositoryLock&) = delete;

    /// The first half: looks, and writes the lock. kConflict, naming the holder. Reading may begin.
    Result<> begin();
    /// The second half: 200 ms after the lock was written it looks again. Now the lock is held, and
    /// anything may be changed. Who only reads, or asks `verify` before each write that others see,
    /// need not wait for it: nobody who keeps to the protocol removes anything beside our lock.
    Result<> confirm();
    /// Runs `body` while the lock is renewed beside it, and keeps the lock. `is_lost()` is true as
    /// soon as the lock was not to be renewed in time. When `body` misses something beside a lock
    /// that may not be there, kConflict names its holder.
    Result<> keep_while(const std::function<Result<>()>& body);
    /// kConflict when the lock is not, or no longer, ours: another is there, ours was not renewed
    /// in time, or somebody removed it. Looks 200 ms after the lock was written at the earliest, so
    /// that it stands for `confirm` too. Asked at the last moment before others see a change.
    Result<> verify();
    [[nodiscard]] bool is_lost() const { return is_lost_; }
    /// Gives it back; failures are passed over, since the lock becomes stale by itself.
    void release();

  private:
    Result<> look() const;
    Result<> write_own();
    void wait_for_others();
    Error explained(Error error) const;
    void renew();
    void keep();

    Repository& repository_;
    LockSettings settings_;
    std::optional<ObjectId> own_;
    Instant begun_{};  ///< When the first lock was written; `written_` is of the newest.
    Instant written_{};
    std::atomic<bool> is_lost_{false};
    std::mutex mutex_;
    std::condition_variable ended_;
    bool is_over_ = false;
};

}  // namespace muster::backup

#pragma once

#include <string>

#include "adapters/state/database.h"
#include "base/result.h"

namespace muster::adapters {

/// The format that this muster writes and the newest that it reads: docs/design/store.md.
inline constexpr int kStoreFormat = 2;

/// Holds `PATH.lock`, so that one process at a time has the store. Let go when destroyed, and by
/// the kernel when the process dies.
class StoreLock {
  public:
    /// kConflict when another process still has it after two seconds (names its pid); kNotFound or
    /// kDenied when the directory is missing or may not be written.
    static Result<StoreLock> take(const std::string& path);
    StoreLock(StoreLock&& other) noexcept;
    StoreLock& operator=(StoreLock&&) = delete;
    ~StoreLock();

    /// The store was whole once: an empty file is then a loss, not a beginning.
    [[nodiscard]] bool was_used() const { return was_used_; }
    /// Notes it for good.
    Result<> mark_used();

  private:
    StoreLock(int descriptor, bool was_used) : descriptor_(descriptor), was_used_(was_used) {}
    int descriptor_;
    bool was_used_;
};

/// Opens the file under the lock: checks that it is whole and of a format we know, creates the
/// tables when it is new, sets WAL and synchronous=FULL.
Result<Database> open_store_file(const std::string& path, StoreLock& lock);

}  // namespace muster::adapters

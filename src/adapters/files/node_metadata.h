#pragma once

#include <atomic>
#include <cstdint>
#include <string>

#include "backup/format/tree.h"

namespace muster::adapters {

/// How an entry stood before its metadata are set.
struct MetadataState {
    bool is_new = false;      ///< Made just now: times are always set.
    bool is_bare = false;     ///< It surely has no extended attributes yet.
    bool is_damaged = false;  ///< Times are not set, so that nobody takes it for restored.
};

/// Sets owner, extended attributes (POSIX ACLs are among them), mode and times of what was
/// restored, in this order: each undoes some of those before it. What is right already is not
/// touched. What the system reserves for root, and is refused to somebody else, is counted only;
/// a file whose owner was refused does not get the setuid and setgid bits.
class NodeMetadata {
  public:
    NodeMetadata();
    /// Of an open file or directory; `path` is for messages.
    Result<> apply(int fd, const backup::Node& node, const std::string& path, MetadataState state);
    /// Of anything in a directory, without following a symbolic link.
    Result<> apply_at(int folder, const backup::Node& node, const std::string& path);
    [[nodiscard]] std::uint64_t reserved_failures() const { return reserved_failures_; }
    [[nodiscard]] std::uint32_t user() const { return user_; }

  private:
    /// The owner was set, or was right.
    Result<bool> judge_owner(int outcome, const std::string& path);
    template <class Calls>
    Result<> set_attributes(const Calls& calls, const backup::Node& node, const std::string& path,
                            bool is_bare);

    std::uint32_t user_;
    std::atomic<std::uint64_t> reserved_failures_{0};
};

}  // namespace muster::adapters

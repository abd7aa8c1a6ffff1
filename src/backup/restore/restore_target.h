#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backup/bytes.h"
#include "backup/format/tree.h"
#include "base/result.h"

namespace muster::backup {

/// An open regular file of the target. Many threads may write to it at once, to different places.
class TargetFile {
  public:
    virtual ~TargetFile() = default;
    /// Writes all of it at `offset`.
    virtual Result<> write(std::uint64_t offset, ByteView content) = 0;
    /// Fills `into` but at the end of the file; how much it was.
    virtual Result<std::size_t> read(std::uint64_t offset, ByteSpan into) = 0;
    /// Gives it its size, `node.size`. Parts that were not written are zero.
    virtual Result<> resize(std::uint64_t size) = 0;
    /// Gives it owner, extended attributes, mode and, unless `is_damaged`, times. The last call.
    virtual Result<> finish(const Node& node, bool is_damaged) = 0;
};

/// A directory of the target. Names are single ones (`decode_tree` promises that), and a symbolic
/// link in their place is never followed: what a snapshot holds can't get out of the target.
/// May be used by many threads at once.
class TargetFolder {
  public:
    virtual ~TargetFolder() = default;
    /// Whether it was made by this restore, so that nothing else is in it.
    [[nodiscard]] virtual bool is_new() const = 0;
    /// What is there: type, size, mtime, inode, links, device and link target are set.
    virtual Result<std::optional<Node>> look(const std::string& name) = 0;
    virtual Result<std::vector<std::string>> list() = 0;

    /// Makes the directory, or opens the one that is there; only what is no directory is replaced.
    /// Shared by all that lies in it, whoever ends last.
    virtual Result<std::shared_ptr<TargetFolder>> make_folder(const std::string& name) = 0;
    /// Opens the directory that is there. kNotFound when there is none.
    virtual Result<std::shared_ptr<TargetFolder>> open_folder(const std::string& name) = 0;
    /// Makes a new, empty file, in place of whatever but a directory is there. Room is made for
    /// `node.size` bytes.
    virtual Result<std::unique_ptr<TargetFile>> create_file(const Node& node) = 0;
    /// Opens the regular file that is there, to read or to change it; kNotFound.
    virtual Result<std::unique_ptr<TargetFile>> open_file(const std::string& name,
                                                          bool is_changed) = 0;
    /// Makes a file at once: `create_file`, `write`, `finish`.
    virtual Result<> write_file(const Node& node, ByteView content) = 0;
    /// Makes a symbolic link, device or fifo with its metadata, in place of whatever but a
    /// directory is there. One that is right already only gets its metadata.
    virtual Result<> make_other(const Node& node) = 0;
    /// Makes `name` another name of the file `first` in `folder` (of the same target).
    virtual Result<> link(const std::string& name, TargetFolder& folder,
                          const std::string& first) = 0;
    /// Removes whatever it is; a directory with all that is in it.
    virtual Result<> remove(const std::string& name) = 0;
    /// Gives the directory itself owner, extended attributes, mode and times. The last call.
    virtual Result<> finish(const Node& node) = 0;
};

/// The port to where a restore writes.
class RestoreTarget {
  public:
    virtual ~RestoreTarget() = default;
    /// Its directory; made with all its parents, or, without `is_made`, kNotFound.
    virtual Result<std::shared_ptr<TargetFolder>> open_root(bool is_made) = 0;
    /// Whether something failed since no room is left: going on is in vain.
    [[nodiscard]] virtual bool is_full() const = 0;
    /// How many owners or attributes could not be set since the system reserves that for root.
    [[nodiscard]] virtual std::uint64_t reserved_failures() const = 0;
};

}  // namespace muster::backup

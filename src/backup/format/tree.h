#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/bytes.h"
#include "backup/object_id.h"
#include "base/result.h"

namespace muster::backup {

/// What an entry of a directory is, by restic's words.
enum class NodeType : std::uint8_t {
    kFile,
    kDirectory,
    kSymlink,
    kDevice,      ///< A block device.
    kCharDevice,  ///<
    kFifo,
    kSocket,
    kIrregular,
};

/// "file", "dir", "symlink", "dev", "chardev", "fifo", "socket", "irregular".
std::string_view to_string(NodeType type);

/// A time of a file: seconds since 1970 and nanoseconds.
struct NodeTime {
    std::int64_t seconds = 0;
    std::uint32_t nanoseconds = 0;
    auto operator<=>(const NodeTime&) const = default;
};

struct ExtendedAttribute {
    std::string name;
    std::string value;
    bool operator==(const ExtendedAttribute&) const = default;
};

/// An entry of a directory with all that is kept of it. Names and targets are raw bytes.
struct Node {
    std::string name;
    NodeType type = NodeType::kFile;
    std::uint32_t mode = 0;  ///< Of Go's FileMode (`go_mode`), not the system's.
    NodeTime mtime;
    NodeTime atime;
    NodeTime ctime;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::string user;
    std::string group;
    std::uint64_t inode = 0;
    std::uint64_t device_id = 0;  ///< Of the file system it lies on.
    std::uint64_t size = 0;
    std::uint64_t links = 0;
    std::string link_target;
    std::vector<ExtendedAttribute> attributes;
    std::uint64_t device = 0;  ///< Of the device that it is.
    std::vector<ObjectId> content;
    std::optional<ObjectId> subtree;
    std::string error;  ///< Why it could not be read whole.

    [[nodiscard]] bool is_file() const { return type == NodeType::kFile; }
    [[nodiscard]] bool is_directory() const { return type == NodeType::kDirectory; }
    bool operator==(const Node&) const = default;
};

/// The system's st_mode as Go's FileMode has it, and back (with the file type's bits).
std::uint32_t go_mode(std::uint32_t system_mode);
std::uint32_t system_mode(std::uint32_t go_mode);

class ZoneClock;

/// Writes nodes as Go's encoding/json writes restic's, byte for byte, since a tree's id is a hash
/// of its text and shall be the same whoever wrote it. Times are put in the zone of `zone`.
void append_node(std::string& out, const Node& node, ZoneClock& zone);

/// The text of a tree from the texts of its nodes, which come in the order of their raw names.
class TreeText {
  public:
    TreeText() : text_(R"({"nodes":[)") {}
    void add(std::string_view node) {
        text_ += text_.size() > kHead ? "," : "";
        text_ += node;
    }
    /// The whole text; nothing more may be added.
    [[nodiscard]] const std::string& finish() {
        text_ += "]}\n";
        return text_;
    }

  private:
    static constexpr std::size_t kHead = 10;
    std::string text_;
};

/// The nodes of a tree. kCorrupt when it is none, or when a name is one that no directory can have
/// ("", ".", "..", with a slash or a zero byte) or stands there twice: who restores it relies on
/// that.
Result<std::vector<Node>> decode_tree(const Buffer& json);

}  // namespace muster::backup

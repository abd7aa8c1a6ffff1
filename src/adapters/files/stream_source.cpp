#include "adapters/files/stream_source.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <limits>

#include "adapters/os/file_write.h"
#include "backup/path_filter.h"

namespace muster::adapters {

using backup::Node;

namespace {

constexpr unsigned kFileMode = S_IFREG | 0644;
constexpr unsigned kFolderMode = S_IFDIR | 0755;

class StreamFile final : public backup::SourceFile {
  public:
    StreamFile(int fd, Node node) : fd_(fd), node_(std::move(node)) {}

    Result<std::size_t> read(backup::ByteSpan into) override {
        std::size_t done = 0;
        while (done < into.size()) {
            const auto got = ::read(fd_, into.data() + done, into.size() - done);
            if (got < 0 && errno == EINTR) {
                continue;
            }
            if (got < 0) {
                return file_error("read", node_.name, errno);
            }
            if (got == 0) {
                break;
            }
            done += static_cast<std::size_t>(got);
        }
        return done;
    }

    Result<Node> status() override { return node_; }

  private:
    int fd_;
    Node node_;
};

/// A directory on the way to the file; nobody lists it, since the path names the file.
class StreamFolder final : public backup::SourceFolder {
  public:
    StreamFolder(int fd, Node file) : fd_(fd), file_(std::move(file)) {}

    Result<std::vector<Node>> list() override { return std::vector<Node>{file_}; }
    Result<std::unique_ptr<SourceFolder>> open_folder(const std::string& name) override {
        return file_error("open", name, ENOTDIR);
    }
    Result<std::unique_ptr<backup::SourceFile>> open_file(const std::string& name) override {
        if (name != file_.name) {
            return file_error("open", name, ENOENT);
        }
        return std::make_unique<StreamFile>(fd_, file_);
    }
    Result<std::vector<backup::ExtendedAttribute>> attributes(
        const std::string& /*name*/) override {
        return std::vector<backup::ExtendedAttribute>{};
    }

  private:
    int fd_;
    Node file_;
};

std::string last_name(const std::string& path) {
    return path.substr(path.rfind('/') + 1);
}

}  // namespace

StreamSource::StreamSource(int fd, const std::string& path, backup::NodeTime now)
    : fd_(fd), path_(backup::clean_path("/" + path)), now_(now) {
}

Node StreamSource::node_of(const std::string& name, bool is_file) const {
    Node node;
    node.name = name;
    node.type = is_file ? backup::NodeType::kFile : backup::NodeType::kDirectory;
    node.mode = backup::go_mode(is_file ? kFileMode : kFolderMode);
    node.mtime = node.atime = node.ctime = now_;
    node.uid = ::getuid();
    node.gid = ::getgid();
    // Not known before its end: as big as can be, so that it is read as a big file.
    node.size = is_file ? std::numeric_limits<std::uint64_t>::max() : 0;
    return node;
}

Result<Node> StreamSource::status(const std::string& path) {
    return node_of(last_name(path), path == path_);
}

Result<std::unique_ptr<backup::SourceFolder>> StreamSource::open_folder(
    const std::string& /*path*/) {
    return std::make_unique<StreamFolder>(fd_, node_of(last_name(path_), true));
}

std::string StreamSource::absolute(const std::string& path) {
    return backup::clean_path("/" + path);
}

}  // namespace muster::adapters

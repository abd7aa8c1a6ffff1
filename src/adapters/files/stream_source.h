#pragma once

#include <string>

#include "adapters/os/unique_fd.h"
#include "backup/source.h"

namespace muster::adapters {

/// A source with one file: what can be read from a descriptor until its end.
class StreamSource final : public backup::Source {
  public:
    /// `path` is the file's, made absolute ("dump.sql" is "/dump.sql"). `fd` stays the caller's.
    StreamSource(int fd, const std::string& path, backup::NodeTime now);

    Result<backup::Node> status(const std::string& path) override;
    Result<std::unique_ptr<backup::SourceFolder>> open_folder(const std::string& path) override;
    std::string absolute(const std::string& path) override;

  private:
    [[nodiscard]] backup::Node node_of(const std::string& name, bool is_file) const;

    int fd_;
    std::string path_;
    backup::NodeTime now_;
};

}  // namespace muster::adapters

#pragma once

#include <string>

#include "base/random.h"
#include "base/result.h"
#include "base/secret.h"

namespace muster::daemon {

/// A node's own directory, mode 0700: muster.sock, token, address, state.db. docs/reference/cli.md
/// says what is in each.
class DataDirectory {
  public:
    /// Makes it where it is missing. kDenied when it belongs to somebody else or can't be written.
    static Result<DataDirectory> open(const std::string& path);

    [[nodiscard]] const std::string& path() const { return path_; }
    [[nodiscard]] std::string file(const std::string& name) const { return path_ + "/" + name; }
    /// The token of this node; made (32 characters, mode 0600) where there is none. kDenied when
    /// others may read it.
    Result<Secret> token(Random& random) const;
    /// Replaces a small file as a whole.
    [[nodiscard]] Result<> write(const std::string& name, const std::string& content) const;
    void remove(const std::string& name) const;

  private:
    explicit DataDirectory(std::string path) : path_(std::move(path)) {}
    std::string path_;
};

}  // namespace muster::daemon

#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "backup/archive/exclusions.h"
#include "backup/source.h"
#include "cli/repository/repository_commands.h"

namespace muster::cli {

/// A running command whose output is saved, or the standard input.
class InputStream {
  public:
    InputStream() = default;
    ~InputStream();
    InputStream(const InputStream&) = delete;
    InputStream& operator=(const InputStream&) = delete;

    /// Starts the command; an empty one: the standard input. kNotFound, kUnavailable.
    Result<> begin(const std::vector<std::string>& command);
    [[nodiscard]] int fd() const { return fd_; }
    /// After its output was read to the end: kUnavailable, with its exit status, when it failed.
    Result<> end();

  private:
    int fd_ = -1;
    int process_ = -1;
    std::string name_;
};

/// What a backup reads, as the options name it.
struct BackupInputs {
    std::vector<std::string> targets;
    std::unique_ptr<backup::Source> source;
    std::optional<backup::Exclusions> exclusions;
    InputStream stream;
};

/// kInvalid when options contradict one another, a file of patterns or paths is not readable, or
/// nothing is named.
Result<std::unique_ptr<BackupInputs>> gather_inputs(Session& session, const BackupOptions& options);

}  // namespace muster::cli

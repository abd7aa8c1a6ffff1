#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/secret.h"
#include "protection/job.h"
#include "workflow/command_runner.h"

namespace muster::protection {

/// Variables of a child that hold secrets, by name.
using Secrets = std::map<std::string, Secret>;

/// Builds what is run: `muster backup` and its sisters. Passwords and credentials are in the
/// child's environment, never among its arguments; at a host behind ssh, whose arguments anybody
/// there can list, they come by its standard input.
class Tools {
  public:
    /// `program` is muster itself.
    explicit Tools(std::string program) : program_(std::move(program)) {}

    [[nodiscard]] workflow::Command backup(const Job& job, const Secrets& secrets,
                                           bool is_full) const;
    /// Restores into a folder of this machine.
    [[nodiscard]] workflow::Command restore(const Job& job, const Secrets& secrets,
                                            const std::string& snapshot,
                                            const std::string& folder) const;
    [[nodiscard]] workflow::Command forget(const Job& job, const Secrets& secrets) const;
    /// `word` is "check" or "prune".
    [[nodiscard]] workflow::Command upkeep(const plan::Repository& repository,
                                           const Secrets& secrets, const std::string& word) const;
    /// What the plan asks of a restored copy.
    [[nodiscard]] static workflow::Command check(const Job& job, const std::string& folder);

    /// Those of a repository, read from where the plan says. `read` takes a place.
    template <class Read>
    static Result<Secrets> secrets_of(const plan::Repository& repository, Read read) {
        Secrets secrets;
        TRY(auto password, read(repository.password));
        secrets.emplace("RESTIC_PASSWORD", std::move(password));
        for (const auto& [name, place] : repository.environment) {
            TRY(auto value, read(place));
            secrets.insert_or_assign(name, std::move(value));
        }
        return secrets;
    }

  private:
    [[nodiscard]] workflow::Command local(const plan::Repository& repository,
                                          const Secrets& secrets,
                                          std::vector<std::string> words) const;

    std::string program_;
};

/// What marks the snapshots of a job, whatever host they come from: "muster:shop/orders".
std::string tag_of(const JobId& job);
/// `${NAME}` replaced by what is known; what is not stays as it is.
std::string fill(std::string text, const Fields& variables);

/// What `muster backup --json` said at its end.
struct BackupSummary {
    std::string snapshot;
    Extent extent;
    ByteCount added;
};
/// kCorrupt when there is no summary in the output.
Result<BackupSummary> read_summary(const std::string& output);
/// Files that `muster restore --json` said it has written; nothing when it did not say.
std::optional<std::int64_t> read_restored(const std::string& output);
/// The free bytes of `df -P -k`. kCorrupt.
Result<ByteCount> read_free(const std::string& output);
/// The last line that a person can use of what a program said: JSON errors are taken apart.
std::string complaint_of(const workflow::CommandResult& result);

}  // namespace muster::protection

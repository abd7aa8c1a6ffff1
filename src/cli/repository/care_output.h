#pragma once

#include <string>
#include <vector>

#include "backup/object_id.h"
#include "cli/repository/progress_text.h"
#include "cli/repository/session.h"

namespace muster::cli {

/// A JSON string with its quotes.
std::string quoted(const std::string& text);
/// A JSON list of ids; null when there is none, as restic writes it.
std::string id_list(const std::vector<backup::ObjectId>& ids);
/// A size for people.
std::string size_text(std::uint64_t bytes);
/// "1 snapshot", "2 snapshots".
std::string counted(std::uint64_t count, const std::string& what);

/// Lines of the commands that look after a repository: for people on the standard output, errors
/// on the other; with `--json` as restic's messages.
class CareOutput {
  public:
    explicit CareOutput(Session& session);

    /// What is going on; nothing when quiet or in JSON.
    void say(const std::string& line);
    /// The same, only with `--verbose`.
    void murmur(const std::string& line);
    void note(const std::string& line);
    void error(const Error& error);
    /// How far it is, and how long it takes still; shown once per second on a terminal.
    void progress(const std::string& what, std::uint64_t done, std::uint64_t all);

    [[nodiscard]] bool is_json() const { return session_.streams().is_json; }
    [[nodiscard]] std::ostream& out() { return session_.streams().out; }

  private:
    void clear_progress();

    Session& session_;
    bool is_live_;
    bool is_progress_shown_ = false;
    Instant shown_;
    std::string what_;  // Is counted.
    RateMeter meter_;
};

}  // namespace muster::cli

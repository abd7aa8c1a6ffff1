#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <memory>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "adapters/os/process_runner.h"
#include "adapters/os/system.h"
#include "adapters/postgres/pg_server_control.h"
#include "base/log.h"

namespace muster::testing {

/// What a shell command printed and how it ended.
struct Shell {
    int exit_code = 0;
    std::string output;
};
Shell shell(const std::string& command);

/// Writes numbers through one server after the other and remembers which were acknowledged: a
/// client that reconnects by itself. Ends with the object.
class WritingClient {
  public:
    explicit WritingClient(std::vector<std::string> conninfos);
    WritingClient(const WritingClient&) = delete;
    WritingClient& operator=(const WritingClient&) = delete;
    ~WritingClient();
    /// Blocks until `more` further rows were acknowledged; false after 10 s.
    [[nodiscard]] bool await(int more) const;
    /// Ends it; the acknowledged numbers.
    const std::set<int>& stop();
    [[nodiscard]] int acknowledged() const { return count_; }

  private:
    void write_all();
    std::vector<std::string> conninfos_;
    std::set<int> ids_;
    std::atomic<int> count_ = 0;
    std::atomic<bool> is_ending_ = false;
    std::thread thread_;
};

/// Remembers the names of events and their fields.
class RecordingLog final : public Log {
  public:
    void write(Level level, std::string_view event, std::span<const LogField> fields) override;
    [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }
    [[nodiscard]] bool has(std::string_view event) const;

  private:
    std::vector<std::string> lines_;
};

/// A temporary directory for servers. When it goes, so do they, its files, and the shared memory
/// that a killed server leaves.
class ServersFolder {
  public:
    explicit ServersFolder(const std::string& name);
    ServersFolder(const ServersFolder&) = delete;
    ServersFolder& operator=(const ServersFolder&) = delete;
    ~ServersFolder();

    [[nodiscard]] const std::string& path() const { return path_; }

  private:
    std::string path_;
};

/// A real primary (site a) and its streaming standby (site b) in a temporary directory, reached
/// over Unix sockets only. Both are killed, and all is removed, when the object goes.
class PostgresPair {
  public:
    PostgresPair();
    PostgresPair(const PostgresPair&) = delete;
    PostgresPair& operator=(const PostgresPair&) = delete;
    ~PostgresPair() = default;

    [[nodiscard]] const postgres::Server& a() const { return a_; }
    [[nodiscard]] const postgres::Server& b() const { return b_; }
    [[nodiscard]] adapters::PgServerControl& control() { return *control_; }
    [[nodiscard]] std::string folder() const { return folder_.path(); }
    [[nodiscard]] const RecordingLog& log() const { return log_; }
    [[nodiscard]] Clock& clock() { return clock_; }

    /// Runs a task to its end.
    template <class T>
    Result<T> run(Task<T> task);
    [[nodiscard]] Instant in(Duration duration) { return clock_.now() + duration; }

    /// The first field of what psql prints; "ERROR" when it fails.
    static std::string sql(const postgres::Server& server, const std::string& statement);
    static int postmaster(const postgres::Server& server);
    /// How many processes have their home in its data directory.
    static int processes(const postgres::Server& server);
    static void start(const postgres::Server& server);
    /// Blocks until the standby has replayed what the primary has written.
    static bool await_caught_up(const postgres::Server& primary, const postgres::Server& standby);
    /// The standby receives nothing more until it is promoted.
    static void cut_off(const postgres::Server& standby);

  private:
    ServersFolder folder_;
    postgres::Server a_;
    postgres::Server b_;
    boost::asio::io_context io_;
    adapters::SystemClock clock_;
    RecordingLog log_;
    std::unique_ptr<adapters::ProcessRunner> commands_;
    std::unique_ptr<adapters::PgServerControl> control_;
};

}  // namespace muster::testing

#include "support/postgres_pair_run.h"

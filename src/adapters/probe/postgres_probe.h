#pragma once

#include <string>

#include "adapters/net/pg_connection.h"
#include "adapters/probe/heartbeat.h"
#include "adapters/probe/host_voice.h"
#include "probe/probe.h"
#include "workflow/command_runner.h"

namespace muster::adapters {

/// Healthy when a PostgreSQL server has the expected role and does its work: a primary takes a
/// write (the heartbeat), a standby says what it has replayed. Keeps its connection for 30 s at
/// most, because a kept connection hides a server that lets nobody in any more, and watches it
/// between checks: its end is reported at once. Where nobody answers for a quarter of the time, the
/// server's host is asked: a frozen server is told from a lost packet, and not waited for.
class PostgresProbe final : public probe::Probe {
  public:
    static constexpr std::string_view kType = "postgres";
    static plan::Type settings();
    static Result<std::unique_ptr<probe::Probe>> make(const probe::Settings& settings,
                                                      probe::Deps deps,
                                                      workflow::CommandRunner& commands);

    struct Wanted {
        std::string conninfo;
        std::string role;  ///< "primary", "standby", or empty: either.
        HostVoice::Server host;
        Heartbeat::Row heartbeat;
        bool has_heartbeat = true;
        Duration statement_timeout{};
        Duration slow_after{};
    };
    PostgresProbe(Wanted wanted, probe::Deps deps, workflow::CommandRunner& commands);
    Task<probe::Sample> check(Instant deadline) override;

  private:
    using Process = PostmasterState::Process;
    struct Answer;
    static Task<> work(PostgresProbe* probe, std::shared_ptr<Answer> answer, Instant deadline);
    Task<bool> is_frozen(std::shared_ptr<Answer> answer, Instant deadline);
    Task<> converse(std::shared_ptr<Answer> answer, Instant deadline);
    Task<> open(Instant deadline);
    Task<Fields> ask(Instant deadline);
    Task<std::string> history_of(std::string timeline, Instant deadline);
    Task<Fields> beat(Fields facts, Instant deadline);
    [[nodiscard]] Result<probe::Sample> judge_failure(const Error& error, Duration took) const;
    [[nodiscard]] probe::Sample judge_answer(Fields facts, Duration took) const;
    void add_host_word(probe::Sample& sample);

    Wanted wanted_;
    probe::Deps deps_;
    PgConnection connection_;
    Heartbeat heartbeat_;
    HostVoice host_;
    Instant opened_{};
    std::string timeline_;  ///< The one that history_ belongs to.
    std::string history_;
};

}  // namespace muster::adapters

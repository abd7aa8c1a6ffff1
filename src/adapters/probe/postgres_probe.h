#pragma once

#include <string>

#include "adapters/net/pg_connection.h"
#include "adapters/os/postmaster.h"
#include "adapters/probe/heartbeat.h"
#include "probe/probe.h"

namespace muster::adapters {

/// Healthy when a PostgreSQL server has the expected role and does its work: a primary takes a
/// write (the heartbeat), a standby says what it has replayed. Keeps its connection for 30 s at
/// most, because a kept connection hides a server that lets nobody in any more, and watches it
/// between checks: its end is reported at once.
class PostgresProbe final : public probe::Probe {
  public:
    static constexpr std::string_view kType = "postgres";
    static plan::Type settings();
    static Result<std::unique_ptr<probe::Probe>> make(const probe::Settings& settings,
                                                      probe::Deps deps);

    struct Wanted {
        std::string conninfo;
        std::string role;  ///< "primary", "standby", or empty: either.
        std::string data;  ///< Its data directory when it lives on this host; else empty.
        Heartbeat::Row heartbeat;
        bool has_heartbeat = true;
        Duration statement_timeout{};
        Duration slow_after{};
    };
    PostgresProbe(Wanted wanted, probe::Deps deps);
    Task<probe::Sample> check(Instant deadline) override;

  private:
    using Process = PostmasterState::Process;
    Task<> open(Instant deadline);
    Task<Fields> ask(Instant deadline);
    Task<Fields> beat(Fields facts, Instant deadline);
    [[nodiscard]] Result<probe::Sample> judge_failure(const Error& error, Duration took) const;
    [[nodiscard]] probe::Sample judge_answer(Fields facts, Duration took) const;
    void add_host_word(probe::Sample& sample) const;

    Wanted wanted_;
    probe::Deps deps_;
    PgConnection connection_;
    Heartbeat heartbeat_;
    Instant opened_{};
};

}  // namespace muster::adapters

#pragma once

#include "base/clock.h"
#include "base/log.h"
#include "postgres/server_control.h"
#include "workflow/command_runner.h"

namespace muster::adapters {

/// ServerControl over libpq and the host's own tools (pg_ctl, pg_controldata, pg_basebackup,
/// pg_waldump), here or over ssh. PostgreSQL 13 to 17.
class PgServerControl final : public postgres::ServerControl {
  public:
    PgServerControl(Executor executor, Clock& clock, Log& log, workflow::CommandRunner& commands);

    Task<postgres::ServerState> inspect(postgres::Server server, Instant deadline) override;
    Task<postgres::ServerState> fence(postgres::Server server, Epoch epoch, postgres::StopMode mode,
                                      Instant deadline) override;
    Task<postgres::ServerState> promote(postgres::Server server, Epoch epoch,
                                        Instant deadline) override;
    Task<postgres::ServerState> demote(postgres::Server server, Epoch epoch,
                                       Instant deadline) override;
    Task<> await_position(postgres::Server standby, postgres::Lsn position,
                          Instant deadline) override;
    Task<postgres::Divergence> keep_divergence(postgres::Server old_primary,
                                               postgres::Server new_primary, std::string keep_in,
                                               Instant deadline) override;
    Task<postgres::ServerState> rebuild(postgres::Server server, postgres::Server primary,
                                        Epoch epoch, Instant deadline) override;
    Task<> start(postgres::Server server, Instant deadline) override;
    Task<> write_canary(postgres::Server server, Epoch epoch, Instant deadline) override;

  private:
    Executor executor_;
    Clock& clock_;
    Log& log_;
    workflow::CommandRunner& commands_;
};

}  // namespace muster::adapters

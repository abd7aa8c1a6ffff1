#pragma once

#include <memory>
#include <optional>

#include "adapters/net/pg_connection.h"
#include "adapters/postgres/host.h"
#include "base/clock.h"
#include "base/log.h"
#include "postgres/control_data.h"
#include "postgres/server_control.h"
#include "postgres/timeline_history.h"
#include "workflow/command_runner.h"

namespace muster::adapters {

/// ServerControl over libpq and the host's own tools (pg_ctl, pg_controldata, pg_basebackup,
/// pg_waldump, pg_rewind), here or over ssh. PostgreSQL 13 to 17.
class PgServerControl final : public postgres::ServerControl {
  public:
    PgServerControl(Executor executor, Clock& clock, Log& log, workflow::CommandRunner& commands);

    Task<postgres::ServerState> inspect(postgres::Server server, Instant deadline) override;
    Task<postgres::Marks> read_marks(postgres::Server server, Instant deadline) override;
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
    Task<postgres::Commits> commits_after(postgres::Server server, postgres::Lsn from,
                                          Instant deadline) override;
    /// Where old and new have parted, keep_divergence() must have kept the difference: kDenied
    /// otherwise. kDenied too when `server` is not proven to be out of force, or `primary` to be in
    /// it. Needs room for a second copy beside the data directory.
    Task<postgres::ServerState> rebuild(postgres::Server server, postgres::Server primary,
                                        Epoch epoch, Instant deadline) override;
    Task<postgres::ServerState> follow(postgres::Server standby, postgres::Server primary,
                                       Epoch epoch, Instant deadline) override;
    Task<> start(postgres::Server server, Instant deadline) override;
    Task<> write_canary(postgres::Server server, Epoch epoch, Instant deadline) override;
    Task<> set_sync_standby(postgres::Server primary, std::string standby,
                            Instant deadline) override;
    Task<> name_standby(postgres::Server standby, Instant deadline) override;
    Task<> renew_stream(postgres::Server primary, postgres::Server standby,
                        Instant deadline) override;
    Task<std::vector<std::string>> missing_ids(postgres::Server server, postgres::IdCheck check,
                                               Instant deadline) override;

  private:
    struct Sighting;
    struct Parting;
    struct Remains;
    struct Timelines;
    struct Standby;

    Task<PgConnection> open(postgres::Server server, Instant deadline);
    /// A statement that changes nothing: kTimedOut when its answer does not come, for then nothing
    /// is in doubt.
    Task<PgResult> read(PgConnection* connection, std::string sql,
                        std::vector<std::string> parameters, Instant deadline);
    Task<postgres::ServerState> ask_server(postgres::Server server, Instant deadline);
    Task<postgres::ServerState> ask_host(postgres::Server server, Instant deadline);
    Task<> look_by_sql(postgres::Server server, std::shared_ptr<Sighting> seen, Instant deadline);

    Task<postgres::Marks> marks_by_sql(postgres::Server server, Instant deadline);
    Task<postgres::Marks> marks_by_host(postgres::Server server, Instant deadline);

    Task<postgres::ServerState> fence_by_command(postgres::Server server, Epoch epoch,
                                                 Instant deadline);
    Task<> confirm_not_writable(postgres::Server server, Instant deadline);

    // The connection is the caller's, who waits for the end of the call.
    Task<> claim_epoch(PgConnection* connection, postgres::Server server, Epoch epoch,
                       Instant deadline);
    Task<> await_end_of_recovery(PgConnection* connection, Instant deadline);
    Task<> write_through(PgConnection* connection, Epoch epoch, Instant deadline);
    Task<> change_sync_setting(PgConnection* connection, std::string wanted, Instant deadline);
    Task<> await_sync_setting(postgres::Server primary, std::string wanted, Instant deadline);
    Task<> await_in_sync(PgConnection* connection, std::string standby, Instant deadline);

    Task<bool> flows(PgConnection* connection, std::string name, Instant deadline);
    Task<> end_senders(PgConnection* connection, std::string name, Instant deadline);

    Task<std::string> history_of(postgres::Server primary, int timeline, Instant deadline);
    Task<std::optional<postgres::TimelineSwitch>> own_switch(postgres::Server old_primary,
                                                             int timeline, Instant deadline);
    Task<postgres::Lsn> find_fork(postgres::Server old_primary, postgres::Server new_primary,
                                  Timelines timelines, Instant deadline);
    Task<std::vector<postgres::TableTouched>> tables_in(postgres::Server old_primary,
                                                        postgres::Server new_primary,
                                                        Parting parting, Instant deadline);
    Task<PgResult> names_in(postgres::Server server, std::string nodes, Instant deadline);
    Task<Remains> look_at_remains(postgres::Server server, Instant deadline);
    Task<Parting> find_parting(postgres::Server old_primary, postgres::Server new_primary,
                               Instant deadline);
    Task<std::string> manifest_of(postgres::Server old_primary, Parting parting, Instant deadline);

    Task<postgres::ServerState> prove_roles(postgres::Server server, postgres::Server primary,
                                            Epoch epoch, Instant deadline);
    Task<Standby> plan_standby(postgres::Server server, postgres::Server primary, Epoch epoch,
                               Instant deadline);
    Task<postgres::ServerState> restart_as_standby(postgres::Server server, Standby standby,
                                                   Instant deadline);
    /// Nothing when rewinding did not lead to a standby that streams.
    Task<std::optional<postgres::ServerState>> rewind(postgres::Server server, Standby standby,
                                                      Instant deadline);
    Task<postgres::ServerState> renew(postgres::Server server, Standby standby, Instant deadline);
    Task<postgres::ServerState> await_streaming(postgres::Server server, int timeline,
                                                Instant deadline);
    Task<> require_kept(postgres::Server server, Parting parting, Instant deadline);
    Task<postgres::ServerState> rejoin(postgres::Server server, Standby standby, Parting parting,
                                       Instant deadline);
    Task<> make_slot(PgConnection* connection, postgres::Server primary, std::string slot,
                     Instant deadline);
    Task<> require_common_history(postgres::ServerState standby, postgres::Server primary,
                                  postgres::ServerState source, Instant deadline);
    Task<> drop_own_slots(postgres::Server server, Instant deadline);

    Executor executor_;
    Clock& clock_;
    Log& log_;
    Host host_;
    workflow::CommandRunner& commands_;
};

}  // namespace muster::adapters

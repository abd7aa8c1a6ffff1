#pragma once

#include "postgres/server_control.h"
#include "sim/node_ports.h"

namespace muster::sim {

/// What the real server control does, on simulated servers: every step may be cut short by the
/// node's death, a lost message or a cut management path, and then has happened in part or whole.
class SimControl final : public postgres::ServerControl {
  public:
    explicit SimControl(Path path) : path_(path) {}

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
    Task<> at_host(SiteId site, Instant deadline);
    Task<> work(Duration duration);
    Task<> copy();
    Task<> claim(SiteId site, Epoch epoch);
    postgres::ServerState state_of(const SiteId& site);

    Path path_;
};

}  // namespace muster::sim

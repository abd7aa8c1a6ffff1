#pragma once

#include <string>
#include <string_view>

#include "component/component.h"
#include "component/kinds/postgres_server.h"
#include "component/parameters.h"

namespace muster::component {

/// What the postgres actions share: their port, and the answers of an action that only looks.
class PostgresAction : public workflow::Action {
  public:
    explicit PostgresAction(const Deps& deps) : control_(deps.postgres), deps_(deps) {}
    /// Not to be told without doing it: applied again, for every one of them may be repeated.
    Task<workflow::Observation> observe(workflow::Call call, Instant deadline) override;
    /// Nothing was changed, so nothing is put back.
    Task<> undo(workflow::Call call, Instant deadline) override;

  protected:
    /// The server that the parameter means. Of several the chosen one; while none is chosen, the
    /// one that takes writes now (kUnavailable when none is seen to, kConflict when two are).
    Task<postgres::Server> server(workflow::Call call, std::string key, Instant deadline);
    /// For messages: "the server at east", "the servers at west".
    [[nodiscard]] static std::string named(const workflow::Call& call, std::string_view key);
    postgres::ServerControl& control_;
    Deps deps_;
};

/// Takes a stopped server back into service at its old site: for the rollback of a fence or a
/// planned stop. Only when the other side has provably not been promoted.
class Reinstate {
  public:
    explicit Reinstate(postgres::ServerControl& control) : control_(control) {}
    /// kDenied when the candidate is missing or may be a primary by now.
    Task<> run(workflow::Call call, Instant deadline);

  private:
    postgres::ServerControl& control_;
};

/// True for a parameter that a run has filled: not empty, no `${…}` left.
bool is_filled(const std::string& parameter);

/// The actions that look at a site that a move has left: postgres.refuse, .examine, .seal.
void add_postgres_keeper_actions(workflow::Actions& actions, const Deps& deps);

/// The proof in words that a server is out of service; kOutcomeUnknown when it is not.
Result<Fields> stopped_outputs(const postgres::Server& server, const postgres::ServerState& state,
                               Epoch epoch);

/// The same server, fenced on its own host: without the plan's fence command where it has a data
/// directory. A command may switch off the host that is about to be worked on.
postgres::Server on_its_host(postgres::Server server);

/// The actions that move or keep data: postgres.keep_divergence, .rebuild, .check_ready, .verify.
void add_postgres_standby_actions(workflow::Actions& actions, const Deps& deps);
/// The actions for several standbys: postgres.choose and .follow.
void add_postgres_group_actions(workflow::Actions& actions, const Deps& deps);

/// postgres.check_acknowledged.
void add_postgres_sample_action(workflow::Actions& actions, const Deps& deps);

}  // namespace muster::component

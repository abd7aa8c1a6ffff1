// Several standbys: which one is promoted, and how the others follow it.

#include <algorithm>
#include <memory>
#include <utility>

#include "component/kinds/postgres_action.h"

namespace muster::component {
namespace {

using plan::Type;
using postgres::ServerState;

postgres::Lsn has(const ServerState& state) {
    return std::max(state.received, state.position);
}

/// What a promotion would rest on.
struct Choice {
    postgres::Server server;
    ServerState state;
};

class ChooseAction final : public PostgresAction {
  public:
    using PostgresAction::PostgresAction;
    static Type parameters() {
        return Type::object(
            {{"servers", server_type("the standbys of the site that takes over"), true, ""}},
            "chooses the standby that has received most: the others can follow it, not it them");
    }
    [[nodiscard]] std::vector<std::string> outputs() const override {
        return {"name", "received_lsn", "why"};
    }
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::seconds(10), .is_idempotent = true, .can_undo = true};
    }
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        std::optional<Choice> best;
        std::string why;
        for (const auto& one : group_from(part(call.with, "servers")).servers) {
            const auto state = co_await control_.inspect(one, deadline);
            why += (why.empty() ? "" : "; ") + one.name + ": " + verdict(state);
            if (state && is_fit(*state) && (!best || better(*state, best->state))) {
                best = Choice{one, *state};
            }
        }
        if (!best) {
            co_return Error(Errc::kUnavailable, "no standby can be promoted: " + why,
                            "bring one of them up, then resume the run");
        }
        co_return Fields{{"name", best->server.name},
                         {"received_lsn", postgres::to_string(has(best->state))},
                         {"why", why}};
    }

  private:
    // One that was promoted already (a step repeated after a crash) is the choice.
    static bool is_fit(const ServerState& state) {
        return state.accepts_connections && state.process != postgres::Process::kFrozen &&
               (state.role == postgres::Role::kStandby || state.is_writable);
    }
    static bool better(const ServerState& one, const ServerState& than) {
        return std::pair(one.is_writable, std::pair(one.timeline, has(one))) >
               std::pair(than.is_writable, std::pair(than.timeline, has(than)));
    }
    static std::string verdict(const Result<ServerState>& state) {
        if (!state) {
            return state.error().message();
        }
        if (!is_fit(*state)) {
            return state->detail.empty() ? "does not answer as a standby" : state->detail;
        }
        return "has timeline " + std::to_string(state->timeline) + " up to " +
               postgres::to_string(has(*state));
    }
};

class FollowAction final : public PostgresAction {
  public:
    using PostgresAction::PostgresAction;
    static Type parameters() {
        return Type::object(
            {{"server", server_type("the standby"), true, ""},
             {"primary", server_type("what it is to stream from"), true, ""},
             {"unless", Type::text("name of a server that is rebuilt instead"), false, ""}},
            "points a standby at the new primary; done also when it can't be "
            "reached, for the move must not wait for it");
    }
    [[nodiscard]] std::vector<std::string> outputs() const override {
        return {"follows", "timeline", "why", "next"};
    }
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::seconds(30), .is_idempotent = true, .can_undo = true};
    }
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        CO_TRY(const auto standby, co_await server(call, "server", deadline));
        CO_TRY(const auto source, co_await server(call, "primary", deadline));
        if (standby.standby_name() == source.standby_name()) {
            co_return Fields{{"follows", "itself: it was promoted"}};
        }
        if (!standby.name.empty() && standby.name == call.with.text("unless")) {
            co_return Fields{{"follows", "the new primary once it is rebuilt"}};
        }
        const auto state = co_await control_.follow(standby, source, call.epoch, deadline);
        if (state) {
            co_return Fields{{"follows", known_as(source)},
                             {"timeline", std::to_string(state->timeline)}};
        }
        if (state.error().code() == Errc::kCancelled) {
            co_return state.error();
        }
        co_return Fields{
            {"follows", "nothing"},
            {"why", state.error().message()},
            {"next", "muster rebuild " + call.service.str() + " --to " + standby.site.str()}};
    }
};

}  // namespace

void add_postgres_group_actions(workflow::Actions& actions, const Deps& deps) {
    actions.add("postgres.choose", ChooseAction::parameters(),
                std::make_unique<ChooseAction>(deps));
    actions.add("postgres.follow", FollowAction::parameters(),
                std::make_unique<FollowAction>(deps));
}

}  // namespace muster::component

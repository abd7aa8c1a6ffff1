#include <algorithm>
#include <memory>
#include <utility>

#include "component/kinds/postgres_action.h"

namespace muster::component {
namespace {

using plan::Type;
using postgres::ServerState;

std::string tables_text(const std::vector<postgres::TableTouched>& tables) {
    std::string text;
    for (const auto& table : tables) {
        text += (text.empty() ? "" : "; ") + table.name + " (" + std::to_string(table.changes) +
                (table.changes == 1 ? " change)" : " changes)");
    }
    return text;
}

Fields divergence_outputs(const postgres::Divergence& divergence) {
    Fields outputs{{"reached", "true"},
                   {"from_lsn", postgres::to_string(divergence.from)},
                   {"to_lsn", postgres::to_string(divergence.to)},
                   {"lost_bytes", std::to_string(divergence.bytes)},
                   {"lost_transactions", std::to_string(divergence.transactions)},
                   {"own_transactions", std::to_string(divergence.own)},
                   {"artefact", divergence.artefact}};
    if (!divergence.tables.empty()) {
        outputs["tables"] = tables_text(divergence.tables);
    }
    outputs["kept"] = divergence.artefact.empty() ? "nothing to keep" : divergence.artefact;
    if (divergence.transactions == 0) {
        outputs["loss_ms"] = "0";
    }
    return outputs;
}

/// All that `divergence_outputs` may give.
std::vector<std::string> divergence_names() {
    return {"reached",          "from_lsn", "to_lsn", "lost_bytes", "lost_transactions",
            "own_transactions", "artefact", "tables", "kept",       "loss_ms"};
}

class KeepDivergenceAction final : public PostgresAction {
  public:
    using PostgresAction::PostgresAction;
    static Type parameters() {
        return Type::object(
            {{"old", server_type("the former primary"), true, ""},
             {"new", server_type("the primary now"), true, ""},
             {"keep", Type::text("directory on the old host; the run's id is added"), true, ""},
             {"fenced", Type::text("what the fence left: a running standby has nothing to keep"),
              false, ""},
             {"tolerate_unreachable", Type::boolean("done also when the old host can't be asked"),
              false, "false"}},
            "counts and keeps what the old primary had and the new one lacks");
    }
    [[nodiscard]] std::vector<std::string> outputs() const override {
        auto names = divergence_names();
        names.emplace_back("why");
        return names;
    }
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::minutes(5), .is_idempotent = true, .can_undo = true};
    }
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        if (call.with.text("fenced") == "standby") {
            co_return Fields{{"kept", "nothing: it was a standby all the time"}};
        }
        CO_TRY(const auto old, co_await server(call, "old", deadline));
        CO_TRY(const auto now, co_await server(call, "new", deadline));
        auto kept =
            (co_await control_.keep_divergence(
                 old, now, call.with.text("keep") + "/" + call.run.str(), deadline))
                .with("while keeping what " + name_of(old) + " has and its successor lacks");
        if (!kept && is_absence(kept.error().code()) &&
            call.with.flag("tolerate_unreachable", false)) {
            co_return Fields{{"reached", "false"}, {"why", kept.error().message()}};
        }
        CO_TRY(const auto divergence, std::move(kept));
        co_return divergence_outputs(divergence);
    }

  private:
    static bool is_absence(Errc code) {
        return code == Errc::kUnavailable || code == Errc::kTimedOut || code == Errc::kNotFound ||
               code == Errc::kOutcomeUnknown;
    }
};

class RebuildAction final : public PostgresAction {
  public:
    using PostgresAction::PostgresAction;
    static Type parameters() {
        return Type::object(
            {{"server", server_type("the server that becomes a standby"), true, ""},
             {"primary", server_type("whose standby it becomes"), true, ""},
             {"kept", Type::text("that nothing is discarded: ${steps.NAME.keep.kept}"), true, ""},
             {"keep", Type::text("where what it took since is kept, on its host"), false, ""},
             {"counted_transactions", Type::text("how many `kept` counted"), false, "0"},
             {"counted_bytes", Type::text("how many `kept` counted"), false, "0"},
             {"how", Type::one_of({"auto", "rewind", "basebackup"}, "how it is made new"), false,
              "auto"}},
            "makes a server a streaming standby again; refused before its data is kept");
    }
    [[nodiscard]] std::vector<std::string> outputs() const override {
        auto names = divergence_names();
        names.insert(names.begin(), {"streaming", "timeline", "lsn"});
        return names;
    }
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::hours(6),
                .attempts = 2,
                .is_idempotent = true,
                .is_point_of_no_return = true};
    }
    Task<workflow::Observation> observe(workflow::Call call, Instant deadline) override {
        using State = workflow::Observation::State;
        CO_TRY(const auto target, co_await server(call, "server", deadline));
        CO_TRY(const auto state, co_await control_.inspect(target, deadline));
        if (state.role != postgres::Role::kStandby || !state.is_streaming) {
            co_return workflow::Observation{State::kNotDone, {}};  // Whatever its primary says.
        }
        CO_TRY(const auto source, co_await server(call, "primary", deadline));
        CO_TRY(const auto primary, co_await control_.inspect(source, deadline));
        const bool is_follower = state.timeline == primary.timeline &&
                                 state.system_identifier == primary.system_identifier;
        if (is_follower) {
            co_return workflow::Observation{State::kDone, outputs(state)};
        }
        co_return workflow::Observation{State::kNotDone, {}};
    }
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        CO_TRY(auto target, co_await server(call, "server", deadline));
        CO_TRY(const auto primary, co_await server(call, "primary", deadline));
        target = on_its_host(std::move(target));
        const auto how = call.with.text("how");
        target.rebuild_by = how == "rewind"       ? postgres::RebuildBy::kRewind
                            : how == "basebackup" ? postgres::RebuildBy::kBaseBackup
                                                  : postgres::RebuildBy::kAuto;
        if (!is_filled(call.with.text("kept"))) {
            co_return Error(
                Errc::kDenied,
                "refused to rebuild " + name_of(target) + ": what it alone has was not kept",
                "run postgres.keep_divergence first and hand its `kept` over");
        }
        CO_TRY(const auto source, (co_await control_.inspect(primary, deadline))
                                      .with("while looking at " + name_of(primary)));
        if (!source.is_writable) {
            co_return Error(Errc::kUnavailable, name_of(primary) + " is no writable primary now",
                            "rebuild from the site that serves");
        }
        auto state = co_await control_.rebuild(target, primary, call.epoch, deadline);
        Fields late;
        if (!state && state.error().code() == Errc::kDenied) {
            // A server that somebody started after the keep step has taken more since.
            auto divergence =
                co_await control_.keep_divergence(target, primary, keep_in(call, target), deadline);
            if (divergence && !divergence->artefact.empty()) {
                late = divergence_outputs(not_counted(std::move(*divergence), call));
                state = co_await control_.rebuild(target, primary, call.epoch, deadline);
            }
        }
        CO_TRY(const auto made,
               std::move(state).with("while making " + name_of(target) + " a standby"));
        late.merge(outputs(made));
        co_return late;
    }
    Task<> undo(workflow::Call call, Instant /*deadline*/) override {
        co_return Error(Errc::kInvalid,
                        "the rebuild of " + named(call, "server") + " can't be undone");
    }

  private:
    static std::string keep_in(const workflow::Call& call, const postgres::Server& target) {
        return keep_directory(target, call.with.text("keep")) + "/" + call.run.str();
    }
    // The keep step's outputs hold its own count: a report adds both.
    static postgres::Divergence not_counted(postgres::Divergence all, const workflow::Call& call) {
        const auto counted = [&call](std::string_view name) {
            return static_cast<std::uint64_t>(std::max(0L, call.with.integer(name, 0)));
        };
        all.transactions -= std::min(all.transactions, counted("counted_transactions"));
        all.bytes -= std::min(all.bytes, counted("counted_bytes"));
        all.own = std::min(all.own, all.transactions);
        return all;
    }
    static Fields outputs(const ServerState& state) {
        return {{"streaming", state.is_streaming ? "true" : "false"},
                {"timeline", std::to_string(state.timeline)},
                {"lsn", postgres::to_string(std::max(state.received, state.position))}};
    }
};

class CheckReadyAction final : public PostgresAction {
  public:
    using PostgresAction::PostgresAction;
    static Type parameters() {
        return Type::object(
            {{"standby", server_type("the standby that is to be ready"), true, ""},
             {"primary", server_type("its primary"), true, ""},
             {"max_lag_bytes", Type::integer(0, 1L << 40, "the most it may be behind, in bytes"),
              false, "16777216"}},
            "makes sure that a standby streams, is near, and belongs to its primary");
    }
    [[nodiscard]] std::vector<std::string> outputs() const override {
        return {"lag_bytes", "primary", "timeline"};
    }
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::seconds(10),
                .attempts = 5,
                .backoff = std::chrono::milliseconds(500),
                .is_idempotent = true,
                .can_undo = true};
    }
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        CO_TRY(const auto standby, co_await server(call, "standby", deadline));
        CO_TRY(const auto from, co_await server(call, "primary", deadline));
        CO_TRY(const auto primary, co_await control_.inspect(from, deadline));
        CO_TRY(const auto state, co_await control_.inspect(standby, deadline));
        CO_TRY_OK(belongs(standby, state, primary));
        const auto received = std::max(state.received, state.position);
        const std::uint64_t lag =
            primary.position > received ? primary.position.value - received.value : 0;
        const auto most =
            static_cast<std::uint64_t>(std::max(0L, call.with.integer("max_lag_bytes", 16L << 20)));
        if (lag > most) {
            co_return Error(Errc::kUnavailable,
                            name_of(standby) + " is " + std::to_string(lag) +
                                " bytes behind, more than " + std::to_string(most),
                            "wait until it has caught up, or raise max_lag_bytes");
        }
        co_return Fields{{"lag_bytes", std::to_string(lag)},
                         {"primary", from.name},
                         {"timeline", std::to_string(state.timeline)}};
    }

  private:
    static Result<> belongs(const postgres::Server& standby, const ServerState& state,
                            const ServerState& primary) {
        if (!primary.is_writable) {
            return Error(Errc::kUnavailable, "the primary accepts no writes now",
                         "a lost primary needs a failover, not a planned move");
        }
        if (state.system_identifier != primary.system_identifier) {
            return Error(Errc::kDenied, name_of(standby) + " belongs to another database cluster",
                         "check its conninfo in the plan");
        }
        if (state.role != postgres::Role::kStandby || !state.is_streaming) {
            return Error(Errc::kUnavailable, name_of(standby) + " does not stream from its primary",
                         "look at primary_conninfo and at its log");
        }
        return {};
    }
};

class VerifyAction final : public PostgresAction {
  public:
    using PostgresAction::PostgresAction;
    static Type parameters() {
        return Type::object({{"server", server_type("the new primary"), true, ""}},
                            "writes a row and reads it back through the new primary");
    }
    [[nodiscard]] std::vector<std::string> outputs() const override { return {"written"}; }
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::seconds(10), .is_idempotent = true, .can_undo = true};
    }
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        CO_TRY(const auto target, co_await server(call, "server", deadline));
        CO_TRY_OK((co_await control_.write_canary(target, call.epoch, deadline))
                      .with("while writing through " + name_of(target)));
        co_return Fields{{"written", "true"}};
    }
};

}  // namespace

void add_postgres_standby_actions(workflow::Actions& actions, const Deps& deps) {
    actions.add("postgres.keep_divergence", KeepDivergenceAction::parameters(),
                std::make_unique<KeepDivergenceAction>(deps));
    actions.add("postgres.rebuild", RebuildAction::parameters(),
                std::make_unique<RebuildAction>(deps));
    actions.add("postgres.check_ready", CheckReadyAction::parameters(),
                std::make_unique<CheckReadyAction>(deps));
    actions.add("postgres.verify", VerifyAction::parameters(),
                std::make_unique<VerifyAction>(deps));
}

}  // namespace muster::component

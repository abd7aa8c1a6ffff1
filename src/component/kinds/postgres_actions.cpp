#include "component/kinds/postgres_actions.h"

#include <algorithm>
#include <memory>
#include <sstream>
#include <utility>

#include "component/kinds/postgres_action.h"

namespace muster::component {
namespace {

using plan::Type;
using postgres::ServerState;

std::string epoch_text(Epoch epoch) {
    return std::to_string(epoch.value);
}

class FenceAction final : public PostgresAction {
  public:
    using PostgresAction::PostgresAction;
    static Type parameters() {
        return Type::object(
            {{"server", server_type("the server to put out of service"), true, ""},
             {"candidate", server_type("its successor: asked before a fence is undone"), false, ""},
             {"mode", Type::one_of({"fast", "immediate"}, "how it is stopped"), false, "immediate"},
             {"look_first",
              Type::text("a primary that takes writes again is not fenced: `always`, `late` for "
                         "repeated attempts only, or empty"),
              false, ""},
             {"unless_standby",
              Type::boolean("a server that provably runs as a standby is left running"), false,
              "false"},
             {"vouched_by",
              Type::text("who vouches that it is stopped, should its host not be reachable"), false,
              ""}},
            "makes sure that an old primary takes no more writes, and proves it");
    }
    [[nodiscard]] std::vector<std::string> outputs() const override {
        return {"process", "proof", "position_lsn"};
    }
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::seconds(15), .is_idempotent = true, .can_undo = true};
    }
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        CO_TRY(const auto old, co_await server(call, "server", deadline));
        const auto mode = call.with.text("mode") == "fast" ? postgres::StopMode::kFast
                                                           : postgres::StopMode::kImmediate;
        if (const bool spares_standbys = call.with.flag("unless_standby", false);
            spares_standbys || must_look(call)) {
            const auto seen = co_await control_.inspect(old, deadline);
            if (spares_standbys && seen && is_running_standby(*seen)) {
                co_return Fields{
                    {"process", "standby"},
                    {"proof", name_of(old) + " runs as a standby and takes no writes"}};
            }
            CO_TRY_OK(must_look(call) ? is_still_lost(old, seen) : Result<>{});
        }
        const auto voucher = call.with.text("vouched_by");
        auto state = co_await control_.fence(old, call.epoch, mode, deadline);
        if (!state && state.error().code() == Errc::kUnavailable && !voucher.empty()) {
            co_return Fields{{"proof", voucher + " vouches that " + name_of(old) +
                                           " is stopped; its host could not be asked"}};
        }
        if (!state && state.error().message().contains("can't be asked")) {
            state = std::move(state).error().hinting(
                "if its host is switched off for certain: muster run abort " + call.run.str() +
                ", then muster failover " + call.service.str() + " --vouch-fenced");
        }
        CO_TRY(const auto stopped, std::move(state).with("while fencing " + name_of(old)));
        co_return stopped_outputs(old, stopped, call.epoch);
    }
    Task<> undo(workflow::Call call, Instant deadline) override {
        if (const auto left = call.outputs.find("process");
            left != call.outputs.end() && left->second == "standby") {
            co_return Result<>{};
        }
        Reinstate reinstate(control_);
        co_return co_await reinstate.run(std::move(call), deadline);
    }

  private:
    // What a dead network holds back may arrive when it heals, at a primary that serves again and
    // has taken writes since: such a fence would cost what nobody decided to lose.
    static bool must_look(const workflow::Call& call) {
        const auto when = call.with.text("look_first");
        return when == "always" || (when == "late" && call.attempt > 1);
    }
    static Result<> is_still_lost(const postgres::Server& old, const Result<ServerState>& seen) {
        if (seen && seen->is_writable) {
            return Error(Errc::kConflict, name_of(old) + " takes writes again: it was not fenced",
                         "nothing is to be done; muster switchover moves the service without loss");
        }
        const bool has_command = !old.fence_command.empty();
        if (!has_command && !seen && seen.error().code() == Errc::kUnavailable) {
            auto error = seen.error();
            return std::move(error).with("looking at " + name_of(old) + ", which can't be asked");
        }
        return {};
    }
    static bool is_running_standby(const ServerState& state) {
        return state.role == postgres::Role::kStandby && state.accepts_connections &&
               !state.is_writable && state.process != postgres::Process::kFrozen;
    }
};

class DemoteAction final : public PostgresAction {
  public:
    using PostgresAction::PostgresAction;
    static Type parameters() {
        return Type::object(
            {{"server", server_type("the primary to stop without loss"), true, ""},
             {"candidate", server_type("its successor: asked before this is undone"), false, ""}},
            "stops a primary as planned and names its last position");
    }
    [[nodiscard]] std::vector<std::string> outputs() const override {
        return {"process", "proof", "position_lsn", "name"};
    }
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::minutes(1), .is_idempotent = true, .can_undo = true};
    }
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        CO_TRY(const auto old, co_await server(call, "server", deadline));
        CO_TRY(const auto state, (co_await control_.demote(old, call.epoch, deadline))
                                     .with("while stopping " + name_of(old)));
        CO_TRY(auto outputs, stopped_outputs(old, state, call.epoch));
        if (!outputs.contains("position_lsn")) {
            co_return Error(Errc::kOutcomeUnknown,
                            name_of(old) + " stopped, but its last position is not known",
                            "read it with pg_controldata, then resume the run");
        }
        outputs["name"] = old.name;
        co_return outputs;
    }
    Task<> undo(workflow::Call call, Instant deadline) override {
        Reinstate reinstate(control_);
        co_return co_await reinstate.run(std::move(call), deadline);
    }
};

class AwaitAction final : public PostgresAction {
  public:
    using PostgresAction::PostgresAction;
    static Type parameters() {
        return Type::object(
            {{"standby", server_type("the standby that must have everything"), true, ""},
             {"position", Type::text("WAL position, as \"0/3000148\""), true, ""}},
            "waits until a standby has received everything up to a position");
    }
    [[nodiscard]] std::vector<std::string> outputs() const override {
        return {"reached_lsn", "kept"};
    }
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::minutes(1), .is_idempotent = true, .can_undo = true};
    }
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        CO_TRY(const auto standby, co_await server(call, "standby", deadline));
        const std::string text = call.with.text("position");
        CO_TRY(const auto position,
               postgres::parse_lsn(text).with("in `position` of step " + call.step.str()));
        CO_TRY_OK((co_await control_.await_position(standby, position, deadline))
                      .with("while waiting for " + name_of(standby) + " to reach " + text));
        co_return Fields{{"reached_lsn", text}, {"kept", "everything up to " + text}};
    }
};

Fields promoted_outputs(const ServerState& state) {
    return {{"lsn", postgres::to_string(state.position)},
            {"timeline", std::to_string(state.timeline)}};
}

/// What the old primary had and this standby never received; empty when it can't be told.
std::optional<std::uint64_t> missing_bytes(const std::string& old_position,
                                           const ServerState& promoted) {
    if (promoted.received.value == 0) {
        return std::nullopt;
    }
    const auto has = promoted.received.value;
    std::optional<std::uint64_t> missing;
    std::istringstream positions(old_position);
    for (std::string one; positions >> one;) {
        if (const auto last = postgres::parse_lsn(one)) {
            missing = std::max(missing.value_or(0), last->value > has ? last->value - has : 0);
        }
    }
    return missing;
}

class PromoteAction final : public PostgresAction {
  public:
    using PostgresAction::PostgresAction;
    static Type parameters() {
        return Type::object(
            {{"server", server_type("the standby to promote"), true, ""},
             {"proof", Type::text("that the old primary is fenced: ${steps.NAME.fence.proof}"),
              true, ""},
             {"old_position", Type::text("last WAL positions of the old site's servers"), false,
              ""},
             {"old", server_type("the old site's servers: what they alone have is looked up"),
              false, ""},
             {"loss_limit_ms", Type::text("a longer stretch of commits is not given up"), false,
              ""},
             {"loss_bound_ms", Type::text("the most that was to be lost when it was decided"),
              false, ""},
             {"decided", Type::text("when that was, in UTC"), false, ""}},
            "promotes a standby; refused without the proof of a fence");
    }
    [[nodiscard]] std::vector<std::string> outputs() const override {
        return {"lsn", "timeline", "divergence_bytes"};
    }
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::seconds(60),
                .is_idempotent = true,
                .is_point_of_no_return = true};
    }
    Task<workflow::Observation> observe(workflow::Call call, Instant deadline) override {
        using State = workflow::Observation::State;
        CO_TRY(const auto target, co_await server(call, "server", deadline));
        CO_TRY(const auto state, co_await control_.inspect(target, deadline));
        if (state.role == postgres::Role::kPrimary && state.is_writable) {
            co_return workflow::Observation{State::kDone, promoted_outputs(state)};
        }
        co_return workflow::Observation{
            state.role == postgres::Role::kStandby ? State::kNotDone : State::kUnknown, {}};
    }
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        CO_TRY(const auto target, co_await server(call, "server", deadline));
        if (!is_filled(call.with.text("proof"))) {
            co_return Error(Errc::kDenied,
                            "refused to promote " + name_of(target) +
                                ": nothing proves that the old primary is fenced",
                            "fence it first and hand its proof over: "
                            "`proof: ${steps.NAME.fence.proof}`");
        }
        CO_TRY_OK(co_await require_small_loss(call, target, deadline));
        CO_TRY(const auto state, (co_await control_.promote(target, call.epoch, deadline))
                                     .with("while promoting " + name_of(target)));
        if (state.role != postgres::Role::kPrimary || !state.is_writable) {
            co_return Error(Errc::kOutcomeUnknown,
                            name_of(target) + " was promoted but accepts no writes yet",
                            "look at its log; resume the run when it accepts writes");
        }
        Fields outputs = promoted_outputs(state);
        if (const auto missing = missing_bytes(call.with.text("old_position"), state)) {
            outputs["divergence_bytes"] = std::to_string(*missing);
        }
        co_return outputs;
    }
    Task<> undo(workflow::Call call, Instant /*deadline*/) override {
        co_return Error(Errc::kInvalid,
                        "the promotion of " + named(call, "server") + " can't be undone",
                        "switch back with a planned move once the old site is a standby again");
    }

  private:
    // What was to be lost when the move was decided, and all that may have been written until now.
    [[nodiscard]] bool may_exceed(const workflow::Call& call, Duration limit) const {
        const auto decided = parse_wall(call.with.text("decided"));
        const auto bound = std::chrono::milliseconds(call.with.integer("loss_bound_ms", -1));
        if (!decided || bound.count() < 0) {
            return true;
        }
        const Duration since = deps_.probe_deps.clock.wall() - *decided;
        return since < Duration(0) || bound + since > limit;
    }
    // A primary that was only cut off has gone on taking writes until a fence that came late. They
    // can be counted now, before they are given up; where they can't, the decision stands.
    Task<> require_small_loss(workflow::Call call, postgres::Server target, Instant deadline) {
        const auto limit = std::chrono::milliseconds(call.with.integer("loss_limit_ms", -1));
        if (limit.count() < 0 || !may_exceed(call, limit)) {
            co_return Result<>{};
        }
        CO_TRY(const auto state, (co_await control_.inspect(target, deadline))
                                     .with("while looking at " + name_of(target)));
        if (state.role != postgres::Role::kStandby) {
            co_return Result<>{};
        }
        const auto received = std::max(state.received, state.position);
        for (const auto& old : group_from(part(call.with, "old")).servers) {
            const auto alone = co_await control_.commits_after(old, received, deadline);
            if (!alone || alone->count == 0 || alone->span <= limit) {
                continue;
            }
            co_return Error(
                Errc::kDenied,
                name_of(old) + " took " + std::to_string(alone->count) + " commits over " +
                    human_duration(alone->span) + " which " + name_of(target) +
                    " has not: more than the " + format_duration(limit) + " that may be lost",
                "muster run rollback " + call.run.str() + " takes " + name_of(old) +
                    " back into service with all of it; to give it up: muster run abort " +
                    call.run.str() + ", then muster failover " + call.service.str());
        }
        co_return Result<>{};
    }
};

}  // namespace

Result<Fields> stopped_outputs(const postgres::Server& server, const ServerState& state,
                               Epoch epoch) {
    Fields outputs{{"process", std::string(postgres::to_string(state.process))}};
    if (state.process == postgres::Process::kStopped) {
        outputs["proof"] = "host of " + name_of(server) +
                           " confirms that no postmaster runs, epoch " + epoch_text(epoch);
    } else if (state.is_back_as_standby) {
        outputs["proof"] = "host of " + name_of(server) +
                           " confirms that it was stopped; something started it again, as a " +
                           "standby, epoch " + epoch_text(epoch);
    } else if (state.process == postgres::Process::kUnknown && !server.fence_command.empty() &&
               !state.accepts_connections) {
        outputs["proof"] =
            "the fence command of " + name_of(server) + " succeeded, epoch " + epoch_text(epoch);
    } else {
        return Error(Errc::kOutcomeUnknown,
                     name_of(server) + " is not proven to be stopped: its process is " +
                         std::string(postgres::to_string(state.process)),
                     "stop it by hand or switch its host off, then resume the run");
    }
    if (state.position.value != 0) {
        outputs["position_lsn"] = postgres::to_string(state.position);
    }
    return outputs;
}

bool is_filled(const std::string& parameter) {
    return !parameter.empty() && parameter.find("${") == std::string::npos;
}

std::string PostgresAction::named(const workflow::Call& call, std::string_view key) {
    const auto group = group_from(part(call.with, key));
    const auto& first = group.servers.front();
    return group.servers.size() == 1 ? name_of(first) : "the servers at " + first.site.str();
}

Task<postgres::Server> PostgresAction::server(workflow::Call call, std::string key,
                                              Instant deadline) {
    const auto group = group_from(part(call.with, key));
    if (group.servers.size() == 1) {
        co_return group.servers.front();
    }
    std::vector<postgres::Server> writers;
    for (const auto& one : group.servers) {
        if (is_filled(group.chosen)) {
            if (one.name == group.chosen) {
                co_return one;
            }
            continue;
        }
        const auto state = co_await control_.inspect(one, deadline);
        if (state && state->is_writable) {
            writers.push_back(one);
        }
    }
    if (writers.size() == 1) {
        co_return writers.front();
    }
    const std::string where = named(call, key);
    if (is_filled(group.chosen)) {
        co_return Error(Errc::kInvalid, where + ": none is named " + group.chosen);
    }
    if (writers.empty()) {
        co_return Error(Errc::kUnavailable, where + ": none is seen to take writes",
                        "look at them with muster status");
    }
    co_return Error(
        Errc::kConflict,
        where + ": " + writers[0].name + " and " + writers[1].name + " both take writes",
        "decide by hand which one stays, and stop the other");
}

Task<workflow::Observation> PostgresAction::observe(workflow::Call /*call*/, Instant /*deadline*/) {
    co_return workflow::Observation{};
}

Task<> PostgresAction::undo(workflow::Call /*call*/, Instant /*deadline*/) {
    co_return Result<>{};
}

Task<> Reinstate::run(workflow::Call call, Instant deadline) {
    auto old = group_from(part(call.with, "server")).servers.front();
    if (const auto name = call.outputs.find("name"); name != call.outputs.end()) {
        for (const auto& one : group_from(part(call.with, "server")).servers) {
            old = one.name == name->second ? one : old;
        }
    }
    const std::string refusal = "refused to take " + name_of(old) + " back into service: ";
    if (call.with.find("candidate") == nullptr) {
        co_return Error(Errc::kDenied, refusal + "the step names no `candidate` to ask",
                        "make sure that no other primary exists, then start it by hand");
    }
    for (const auto& candidate : group_from(part(call.with, "candidate")).servers) {
        CO_TRY(const auto other,
               (co_await control_.inspect(candidate, deadline))
                   .with("while making sure that " + name_of(candidate) + " is still a standby"));
        const bool is_down = other.process == postgres::Process::kStopped;
        if (other.is_writable || (other.role != postgres::Role::kStandby && !is_down)) {
            co_return Error(Errc::kDenied,
                            refusal + name_of(candidate) + " is not provably a standby (" +
                                std::string(postgres::to_string(other.role)) + ")",
                            "two primaries would take writes; decide by hand which one stays");
        }
    }
    CO_TRY_OK((co_await control_.start(old, deadline)).with("while starting " + name_of(old)));
    // A fence leaves standby.signal behind, so that the server comes back as a standby.
    CO_TRY_OK((co_await control_.promote(old, call.epoch, deadline))
                  .with("while taking " + name_of(old) + " back into service"));
    co_return Result<>{};
}

void add_postgres_actions(workflow::Actions& actions, const Deps& deps) {
    actions.add("postgres.fence", FenceAction::parameters(), std::make_unique<FenceAction>(deps));
    actions.add("postgres.demote", DemoteAction::parameters(),
                std::make_unique<DemoteAction>(deps));
    actions.add("postgres.await", AwaitAction::parameters(), std::make_unique<AwaitAction>(deps));
    actions.add("postgres.promote", PromoteAction::parameters(),
                std::make_unique<PromoteAction>(deps));
    add_postgres_standby_actions(actions, deps);
    add_postgres_group_actions(actions, deps);
    add_postgres_keeper_actions(actions, deps);
    add_postgres_sample_action(actions, deps);
}

}  // namespace muster::component

#include "component/kinds/postgres_actions.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "component/kinds/postgres_action.h"

namespace muster::component {
namespace {

using plan::Type;
using postgres::ServerState;

std::string epoch_text(Epoch epoch) {
    return std::to_string(epoch.value);
}

/// The proof in words that a server is out of service; kOutcomeUnknown when it is not.
Result<Fields> stopped_outputs(const postgres::Server& server, const ServerState& state,
                               Epoch epoch) {
    Fields outputs{{"process", std::string(postgres::to_string(state.process))}};
    if (state.process == postgres::Process::kStopped) {
        outputs["proof"] = "host of " + name_of(server) +
                           " confirms that no postmaster runs, epoch " + epoch_text(epoch);
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

class FenceAction final : public PostgresAction {
  public:
    using PostgresAction::PostgresAction;
    static Type parameters() {
        return Type::object(
            {{"server", server_type("the server to put out of service"), true, ""},
             {"candidate", server_type("its successor: asked before a fence is undone"), false, ""},
             {"mode", Type::one_of({"fast", "immediate"}, "how it is stopped"), false, "immediate"},
             {"vouched_by",
              Type::text("who vouches that it is stopped, should its host not be reachable"), false,
              ""}},
            "makes sure that an old primary takes no more writes, and proves it");
    }
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::seconds(15), .is_idempotent = true, .can_undo = true};
    }
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        const auto old = server(call, "server");
        const auto mode = call.with.text("mode") == "fast" ? postgres::StopMode::kFast
                                                           : postgres::StopMode::kImmediate;
        const auto voucher = call.with.text("vouched_by");
        auto state = co_await control_.fence(old, call.epoch, mode, deadline);
        if (!state && state.error().code() == Errc::kUnavailable && !voucher.empty()) {
            co_return Fields{{"proof", voucher + " vouches that " + name_of(old) +
                                           " is stopped; its host could not be asked"}};
        }
        CO_TRY(const auto stopped, std::move(state).with("while fencing " + name_of(old)));
        co_return stopped_outputs(old, stopped, call.epoch);
    }
    Task<> undo(workflow::Call call, Instant deadline) override {
        Reinstate reinstate(control_);
        co_return co_await reinstate.run(std::move(call), deadline);
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
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::minutes(1), .is_idempotent = true, .can_undo = true};
    }
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        const auto old = server(call, "server");
        CO_TRY(const auto state, (co_await control_.demote(old, call.epoch, deadline))
                                     .with("while stopping " + name_of(old)));
        CO_TRY(auto outputs, stopped_outputs(old, state, call.epoch));
        if (!outputs.contains("position_lsn")) {
            co_return Error(Errc::kOutcomeUnknown,
                            name_of(old) + " stopped, but its last position is not known",
                            "read it with pg_controldata, then resume the run");
        }
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
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::minutes(1), .is_idempotent = true, .can_undo = true};
    }
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        const auto standby = server(call, "standby");
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
                                           const ServerState& standby) {
    if (old_position.empty() || standby.role != postgres::Role::kStandby) {
        return std::nullopt;
    }
    const auto last = postgres::parse_lsn(old_position);
    if (!last) {
        return std::nullopt;
    }
    const auto has = std::max(standby.received, standby.position);
    return last->value > has.value ? last->value - has.value : 0;
}

class PromoteAction final : public PostgresAction {
  public:
    using PostgresAction::PostgresAction;
    static Type parameters() {
        return Type::object(
            {{"server", server_type("the standby to promote"), true, ""},
             {"proof", Type::text("that the old primary is fenced: ${steps.NAME.fence.proof}"),
              true, ""},
             {"old_position", Type::text("the old primary's last WAL position"), false, ""}},
            "promotes a standby; refused without the proof of a fence");
    }
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::seconds(60),
                .is_idempotent = true,
                .is_point_of_no_return = true};
    }
    Task<workflow::Observation> observe(workflow::Call call, Instant deadline) override {
        using State = workflow::Observation::State;
        CO_TRY(const auto state, co_await control_.inspect(server(call, "server"), deadline));
        if (state.role == postgres::Role::kPrimary && state.is_writable) {
            co_return workflow::Observation{State::kDone, promoted_outputs(state)};
        }
        co_return workflow::Observation{
            state.role == postgres::Role::kStandby ? State::kNotDone : State::kUnknown, {}};
    }
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        const auto target = server(call, "server");
        if (!is_filled(call.with.text("proof"))) {
            co_return Error(Errc::kDenied,
                            "refused to promote " + name_of(target) +
                                ": nothing proves that the old primary is fenced",
                            "fence it first and hand its proof over: "
                            "`proof: ${steps.NAME.fence.proof}`");
        }
        const auto before = co_await control_.inspect(target, deadline);
        CO_TRY(const auto state, (co_await control_.promote(target, call.epoch, deadline))
                                     .with("while promoting " + name_of(target)));
        if (state.role != postgres::Role::kPrimary || !state.is_writable) {
            co_return Error(Errc::kOutcomeUnknown,
                            name_of(target) + " was promoted but accepts no writes yet",
                            "look at its log; resume the run when it accepts writes");
        }
        Fields outputs = promoted_outputs(state);
        const auto missing =
            before ? missing_bytes(call.with.text("old_position"), *before) : std::nullopt;
        if (missing) {
            outputs["divergence_bytes"] = std::to_string(*missing);
        }
        co_return outputs;
    }
    Task<> undo(workflow::Call call, Instant /*deadline*/) override {
        co_return Error(Errc::kInvalid,
                        "the promotion of " + name_of(server(call, "server")) + " can't be undone",
                        "switch back with a planned move once the old site is a standby again");
    }
};

}  // namespace

bool is_filled(const std::string& parameter) {
    return !parameter.empty() && parameter.find("${") == std::string::npos;
}

Task<workflow::Observation> PostgresAction::observe(workflow::Call /*call*/, Instant /*deadline*/) {
    co_return workflow::Observation{};
}

Task<> PostgresAction::undo(workflow::Call /*call*/, Instant /*deadline*/) {
    co_return Result<>{};
}

Task<> Reinstate::run(workflow::Call call, Instant deadline) {
    const auto old = server_from(part(call.with, "server"));
    const std::string refusal = "refused to take " + name_of(old) + " back into service: ";
    if (call.with.find("candidate") == nullptr) {
        co_return Error(Errc::kDenied, refusal + "the step names no `candidate` to ask",
                        "make sure that no other primary exists, then start it by hand");
    }
    const auto candidate = server_from(part(call.with, "candidate"));
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
}

}  // namespace muster::component

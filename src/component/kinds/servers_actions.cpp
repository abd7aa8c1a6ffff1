#include <algorithm>
#include <charconv>
#include <memory>
#include <utility>

#include "component/kinds/servers.h"
#include "component/parameters.h"
#include "component/probe_round.h"

namespace muster::component {
namespace {

using plan::Type;

constexpr Duration kPause = std::chrono::milliseconds(100);

Type parameters(bool scales) {
    std::vector<plan::Field> fields = {
        {"component", Type::text("the component"), true, ""},
        {"site", Type::text("the site"), true, ""},
        {"hosts", Type::list(Type::text("address"), "where the servers run"), true, ""},
        {"start", Type::list(Type::text("word"), "starts one"), false, ""},
        {"stop", Type::list(Type::text("word"), "stops one"), false, ""},
        {"count", Type::list(Type::text("word"), "counts those on a host"), false, ""},
        {"ssh", Type::text("user@{host}"), false, ""},
        {"run_as", Type::text("a user to become"), false, ""},
        {"target", Type::integer(0, 100000, "how many are to run"), true, ""}};
    if (scales) {
        fields.push_back({"probe", Type::any("tells which are healthy"), true, ""});
        fields.push_back(
            {"await_health", Type::boolean("done only when they are healthy"), false, "true"});
    }
    return Type::object(std::move(fields),
                        scales ? "starts servers until so many are healthy"
                               : "stops the servers beyond so many; never blocks a move");
}

/// The servers that a step speaks of.
struct Fleet {
    plan::Node with;
    std::vector<std::string> hosts;
    long target = 0;

    explicit Fleet(const plan::Node& node)
        : with(node), hosts(node.texts("hosts")), target(node.integer("target", 0)) {}

    [[nodiscard]] std::string name() const {
        return with.text("component") + " at " + with.text("site");
    }
    /// Instances beyond one per host share hosts in turn.
    [[nodiscard]] Fields variables(std::size_t index) const {
        Fields fields = address_fields(hosts[index % hosts.size()]);
        fields["site"] = with.text("site");
        fields["component"] = with.text("component");
        fields["index"] = std::to_string(index);
        return fields;
    }
    [[nodiscard]] Result<workflow::Command> command(std::string_view hook,
                                                    std::size_t index) const {
        workflow::Command command;
        const Fields values = variables(index);
        for (const auto& word : with.texts(hook)) {
            TRY(auto filled, probe::fill(word, values));
            command.argv.push_back(std::move(filled));
        }
        TRY(command.ssh, probe::fill(with.text("ssh"), values));
        command.run_as = with.text("run_as");
        command.is_daemon = hook == "start";
        return command;
    }
    [[nodiscard]] bool has(std::string_view hook) const { return !with.texts(hook).empty(); }
};

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

class ServersAction : public workflow::Action {
  public:
    explicit ServersAction(const Deps& deps) : deps_(deps) {}

  protected:
    /// Runs one hook; a non-zero exit is kUnavailable: worth another try.
    Task<std::string> run(workflow::Command command, Instant deadline) {
        const std::string what = command.argv.front();
        CO_TRY(const auto result, co_await deps_.commands.run(std::move(command), deadline));
        if (result.exit_code != 0) {
            co_return Error(Errc::kUnavailable, what + " ended with exit code " +
                                                    std::to_string(result.exit_code) + ": " +
                                                    first_line(result.error));
        }
        co_return result.output;
    }
    Deps deps_;
};

class ScaleAction final : public ServersAction {
  public:
    using ServersAction::ServersAction;
    [[nodiscard]] std::vector<std::string> outputs() const override {
        return {"healthy", "wanted", "started", "start_error"};
    }
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::minutes(2), .is_idempotent = true, .can_undo = true};
    }
    Task<workflow::Observation> observe(workflow::Call call, Instant deadline) override;
    Task<Fields> apply(workflow::Call call, Instant deadline) override;
    Task<> undo(workflow::Call call, Instant deadline) override;

  private:
    struct Count {
        long healthy = 0;
        std::vector<bool> is_good;  ///< By host.
        std::string detail;
    };
    Task<Count> count(const Fleet* fleet, ProbeRound* round, Instant deadline);
    Task<> start_missing(const Fleet* fleet, const Count* seen, Fields* outputs, Instant deadline);
    Result<ProbeRound> round_for(const workflow::Call& call, const Fleet& fleet) const;
    static long reachable_target(const Fleet& fleet) {
        const auto hosts = static_cast<long>(fleet.hosts.size());
        return fleet.has("count") ? fleet.target : std::min(fleet.target, hosts);
    }
    static Result<Fleet> read(const workflow::Call& call) {
        Fleet fleet(call.with);
        if (fleet.hosts.empty()) {
            return Error(Errc::kInvalid, "step " + call.step.str() + " names no hosts");
        }
        return fleet;
    }
};

Result<ProbeRound> ScaleAction::round_for(const workflow::Call& call, const Fleet& fleet) const {
    TRY(auto probe, probe_from(part(call.with, "probe"), deps_.probes));
    return ProbeRound(deps_, std::move(probe),
                      {call.service, ComponentId(fleet.with.text("component")),
                       SiteId(fleet.with.text("site")), ""});
}

Task<ScaleAction::Count> ScaleAction::count(const Fleet* fleet, ProbeRound* round,
                                            Instant deadline) {
    std::vector<Fields> addresses;
    for (std::size_t i = 0; i < fleet->hosts.size(); ++i) {
        Fields variables = fleet->variables(i);
        variables.erase("index");
        addresses.push_back(std::move(variables));
    }
    CO_TRY(auto outcome, co_await round->run(std::move(addresses), deadline));
    Count seen{outcome.good, outcome.is_good, outcome.detail};
    if (!fleet->has("count")) {
        co_return seen;
    }
    seen.healthy = 0;
    for (std::size_t i = 0; i < fleet->hosts.size(); ++i) {
        if (!outcome.is_good[i]) {
            continue;
        }
        CO_TRY(auto command, fleet->command("count", i));
        CO_TRY(const auto output, co_await run(std::move(command), deadline));
        long here = 0;
        std::from_chars(output.data(), output.data() + output.size(), here);
        seen.healthy += here;
    }
    co_return seen;
}

Task<> ScaleAction::start_missing(const Fleet* fleet, const Count* seen, Fields* outputs,
                                  Instant deadline) {
    if (!fleet->has("start")) {
        co_return Result<>{};
    }
    std::string error;
    for (std::size_t i = 0; i < static_cast<std::size_t>(fleet->target); ++i) {
        const bool runs = fleet->has("count") ? static_cast<long>(i) < seen->healthy
                                              : seen->is_good[i % fleet->hosts.size()];
        if (runs) {
            continue;
        }
        CO_TRY(auto command, fleet->command("start", i));
        if (auto started = co_await run(std::move(command), deadline); !started) {
            error = started.error().message();
            continue;  // One broken host must not keep the others from serving.
        }
        auto& list = (*outputs)["started"];
        list += (list.empty() ? "" : ",") + std::to_string(i);
    }
    if (!error.empty()) {
        (*outputs)["start_error"] = error;
    }
    co_return Result<>{};
}

Task<workflow::Observation> ScaleAction::observe(workflow::Call call, Instant deadline) {
    using State = workflow::Observation::State;
    CO_TRY(const auto fleet, read(call));
    CO_TRY(auto round, round_for(call, fleet));
    CO_TRY(const auto seen, co_await count(&fleet, &round, deadline));
    if (seen.healthy >= reachable_target(fleet)) {
        co_return workflow::Observation{State::kDone, {{"healthy", std::to_string(seen.healthy)}}};
    }
    co_return workflow::Observation{State::kNotDone, {}};
}

Task<Fields> ScaleAction::apply(workflow::Call call, Instant deadline) {
    Clock& clock = deps_.probe_deps.clock;
    CO_TRY(const auto fleet, read(call));
    CO_TRY(auto round, round_for(call, fleet));
    const long target = reachable_target(fleet);
    CO_TRY(auto seen, co_await count(&fleet, &round, deadline));
    Fields outputs;
    if (seen.healthy < target) {
        CO_TRY_OK(co_await start_missing(&fleet, &seen, &outputs, deadline));
    }
    const bool waits = call.with.flag("await_health", true);
    while (waits && seen.healthy < target) {
        if (clock.now() >= deadline) {
            const bool did = outputs.contains("started");
            const std::string why =
                outputs.contains("start_error") ? outputs["start_error"] : seen.detail;
            co_return Error(did ? Errc::kOutcomeUnknown : Errc::kTimedOut,
                            fleet.name() + " has " + std::to_string(seen.healthy) + " of " +
                                std::to_string(target) + " healthy: " + why,
                            did ? "look at the servers' own logs, then resume the run"
                                : "start them, or declare a `start` command");
        }
        CO_TRY_OK(co_await clock.sleep_until(std::min(deadline, clock.now() + kPause)));
        CO_TRY(seen, co_await count(&fleet, &round, deadline));
    }
    outputs["healthy"] = std::to_string(seen.healthy);
    outputs["wanted"] = std::to_string(target);
    co_return outputs;
}

Task<> ScaleAction::undo(workflow::Call call, Instant deadline) {
    CO_TRY(const auto fleet, read(call));
    const auto started = call.outputs.find("started");
    if (started == call.outputs.end() || !fleet.has("stop")) {
        co_return Result<>{};  // Servers without data that run on at a standby do no harm.
    }
    const std::string& list = started->second;
    for (std::size_t begin = 0; begin < list.size();) {
        const auto end = std::min(list.find(',', begin), list.size());
        std::size_t index = 0;
        std::from_chars(list.data() + begin, list.data() + end, index);
        CO_TRY(auto command, fleet.command("stop", index));
        CO_TRY(const auto output, co_await run(std::move(command), deadline));
        static_cast<void>(output);
        begin = end + 1;
    }
    co_return Result<>{};
}

/// Best effort by design: the old site may be gone, and the move must end all the same.
class ReleaseAction final : public ServersAction {
  public:
    using ServersAction::ServersAction;
    [[nodiscard]] std::vector<std::string> outputs() const override {
        return {"stopped", "not_stopped"};
    }
    [[nodiscard]] workflow::Traits traits() const override {
        return {.attempts = 1, .is_idempotent = true, .can_undo = true};
    }
    Task<workflow::Observation> observe(workflow::Call /*call*/, Instant /*deadline*/) override {
        co_return workflow::Observation{};
    }
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        const Fleet fleet(call.with);
        long stopped = 0;
        std::string error;
        if (fleet.has("stop")) {
            for (auto i = static_cast<std::size_t>(std::max(0L, fleet.target));
                 i < fleet.hosts.size(); ++i) {
                CO_TRY(auto command, fleet.command("stop", i));
                const auto done = co_await run(std::move(command), deadline);
                if (!done && done.error().code() == Errc::kCancelled) {
                    co_return done.error();
                }
                stopped += done ? 1 : 0;
                error = done ? error : done.error().message();
            }
        }
        Fields outputs{{"stopped", std::to_string(stopped)}};
        if (!error.empty()) {
            outputs["not_stopped"] = error;
        }
        co_return outputs;
    }
    Task<> undo(workflow::Call /*call*/, Instant /*deadline*/) override { co_return Result<>{}; }
};

}  // namespace

void add_servers_actions(workflow::Actions& actions, const Deps& deps) {
    actions.add("servers.scale", parameters(true), std::make_unique<ScaleAction>(deps));
    actions.add("servers.release", parameters(false), std::make_unique<ReleaseAction>(deps));
}

}  // namespace muster::component

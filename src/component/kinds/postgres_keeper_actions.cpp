// What is done at a site that a move has left: looked at, put out of service again, sealed.

#include <memory>

#include "component/kinds/postgres_action.h"
#include "postgres/left_server.h"

namespace muster::component {
namespace {

using plan::Type;
using postgres::Marks;
using postgres::Standing;

std::string or_unknown(const std::optional<Epoch>& epoch) {
    return epoch ? std::to_string(epoch->value) : "unknown";
}

std::string sessions_of(const Marks& marks) {
    return marks.sessions ? std::to_string(*marks.sessions) : "unknown";
}

/// One line: all that helps a person to tell which side has the data that counts.
std::string summary_of(const Marks& marks) {
    const auto& state = marks.state;
    std::string text = state.is_writable ? "takes writes" : "takes no writes";
    text += ", timeline " + std::to_string(state.timeline) + " at " +
            postgres::to_string(state.position) + ", epoch mark " + or_unknown(marks.canary) +
            ", newest write " + (marks.last_write.empty() ? "unknown" : marks.last_write) + ", " +
            sessions_of(marks) + " client sessions, cluster " +
            (state.system_identifier.empty() ? "unknown" : state.system_identifier);
    return text;
}

/// Looks at one of a site's servers: the one that takes writes, else the first.
class KeeperAction : public PostgresAction {
  public:
    using PostgresAction::PostgresAction;

  protected:
    Task<postgres::Server> one_of(workflow::Call call, Instant deadline) {
        auto writer = co_await server(call, "server", deadline);
        if (!writer && writer.error().code() == Errc::kUnavailable) {
            co_return group_from(part(call.with, "server")).servers.front();
        }
        co_return writer;
    }
};

class ExamineAction final : public KeeperAction {
  public:
    using KeeperAction::KeeperAction;
    static Type parameters() {
        return Type::object({{"server", server_type("the server to look at"), true, ""}},
                            "tells what a server has; changes nothing");
    }
    [[nodiscard]] std::vector<std::string> outputs() const override { return {"summary", "mend"}; }
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::seconds(5), .is_idempotent = true, .can_undo = true};
    }
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        CO_TRY(const auto asked, co_await one_of(call, deadline));
        CO_TRY(const auto marks, (co_await control_.read_marks(asked, deadline))
                                     .with("while looking at " + name_of(asked)));
        const auto host = asked.ssh.empty() ? std::string() : "ssh " + asked.ssh + " ";
        co_return Fields{
            {"summary", summary_of(marks)},
            {"mend", asked.data.empty() ? "stop the server at " + asked.site.str()
                                        : host + "pg_ctl -D " + asked.data + " -m fast stop"}};
    }
};

class RefuseAction final : public KeeperAction {
  public:
    using KeeperAction::KeeperAction;
    static Type parameters() {
        return Type::object(
            {{"server", server_type("the server at the site that was left"), true, ""},
             {"primary", server_type("the server that serves now"), true, ""},
             {"left", Type::integer(0, 1L << 60, "the epoch of the move that left the site"), true,
              ""}},
            "puts a former primary out of service again, when both sides' marks prove that it is "
            "one");
    }
    [[nodiscard]] std::vector<std::string> outputs() const override {
        return {"why", "sessions", "found", "proof"};
    }
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::seconds(15), .is_idempotent = true, .can_undo = true};
    }
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        CO_TRY(const auto old, co_await one_of(call, deadline));
        CO_TRY(
            const auto left,
            (co_await control_.read_marks(old, deadline)).with("while looking at " + name_of(old)));
        Marks primary;
        if (!postgres::is_harmless(left)) {
            CO_TRY(const auto serving, co_await server(call, "primary", deadline));
            CO_TRY(primary, co_await control_.read_marks(serving, deadline));
        }
        const Epoch epoch{static_cast<std::uint64_t>(call.with.integer("left", 0))};
        const auto ruling = postgres::judge_left_server(left, primary, epoch);
        if (ruling.standing == Standing::kUnproven) {
            co_return Error(Errc::kDenied, name_of(old) + " was left alone: " + ruling.why,
                            "a person decides which server stays");
        }
        Fields outputs{{"why", ruling.why}, {"sessions", sessions_of(left)}};
        if (ruling.standing == Standing::kStandby || ruling.standing == Standing::kStopped) {
            outputs["found"] = std::string(to_string(ruling.standing));
            co_return outputs;
        }
        CO_TRY(const auto state, (co_await control_.fence(on_its_host(old), call.epoch,
                                                          postgres::StopMode::kImmediate, deadline))
                                     .with("while fencing " + name_of(old)));
        CO_TRY(const auto proof, stopped_outputs(old, state, call.epoch));
        outputs["found"] = ruling.standing == Standing::kIntruder ? "fenced" : "sealed";
        outputs["proof"] = proof.at("proof");
        co_return outputs;
    }
};

// After a plan's own fence command: what it switched off must not come back as a primary.
class SealAction final : public PostgresAction {
  public:
    using PostgresAction::PostgresAction;
    static Type parameters() {
        return Type::object(
            {{"server", server_type("the server that the plan's own command has fenced"), true,
              ""}},
            "leaves the fence in the data directory as well, as far as its host answers");
    }
    [[nodiscard]] std::vector<std::string> outputs() const override { return {"durable", "why"}; }
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::seconds(10), .is_idempotent = true, .can_undo = true};
    }
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        CO_TRY(const auto old, co_await server(call, "server", deadline));
        const auto state = co_await control_.fence(on_its_host(old), call.epoch,
                                                   postgres::StopMode::kImmediate, deadline);
        if (!state && state.error().code() == Errc::kCancelled) {
            co_return state.error();
        }
        if (!state) {
            co_return Fields{{"durable", "false"}, {"why", state.error().message()}};
        }
        co_return Fields{{"durable", "true"}};
    }
};

}  // namespace

postgres::Server on_its_host(postgres::Server server) {
    if (!server.data.empty()) {
        server.fence_command.clear();
    }
    return server;
}

void add_postgres_keeper_actions(workflow::Actions& actions, const Deps& deps) {
    actions.add("postgres.examine", ExamineAction::parameters(),
                std::make_unique<ExamineAction>(deps));
    actions.add("postgres.refuse", RefuseAction::parameters(),
                std::make_unique<RefuseAction>(deps));
    actions.add("postgres.seal", SealAction::parameters(), std::make_unique<SealAction>(deps));
}

}  // namespace muster::component

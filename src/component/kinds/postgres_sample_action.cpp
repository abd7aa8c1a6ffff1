// Asks the new primary for what the application was told is safe: evidence that does not rest on
// muster's own view of replication.

#include <algorithm>
#include <memory>
#include <sstream>

#include "component/kinds/postgres_action.h"

namespace muster::component {
namespace {

using plan::Type;

constexpr std::size_t kMostIds = 10'000;
constexpr std::size_t kMostBytes = 4U << 20U;
constexpr std::size_t kShownIds = 10;

/// The newest ids of a list with one on each line; a last line without its end is still being
/// written.
std::vector<std::string> newest_ids(const std::string& text) {
    std::vector<std::string> ids;
    std::istringstream lines(text.substr(0, text.rfind('\n') + 1));
    for (std::string line; std::getline(lines, line);) {
        if (!line.empty()) {
            ids.push_back(std::move(line));
        }
    }
    if (ids.size() > kMostIds) {
        ids.erase(ids.begin(), ids.end() - static_cast<std::ptrdiff_t>(kMostIds));
    }
    return ids;
}

class CheckAcknowledgedAction final : public PostgresAction {
  public:
    explicit CheckAcknowledgedAction(const Deps& deps)
        : PostgresAction(deps), commands_(deps.commands) {}
    static Type parameters() {
        return Type::object(
            {{"server", server_type("the new primary"), true, ""},
             {"file", Type::text("where the acknowledged ids are, one on each line"), false, ""},
             {"exec", Type::list(Type::text("word"), "a program that prints them instead"), false,
              ""},
             {"query", Type::text("finds the ids of the array $1"), true, ""}},
            "asks for the newest acknowledged ids at the new primary and counts those that are "
            "missing");
    }
    [[nodiscard]] std::vector<std::string> outputs() const override {
        return {"acknowledged_sampled", "acknowledged_missing", "missing_ids", "sample_error"};
    }
    [[nodiscard]] workflow::Traits traits() const override {
        return {.timeout = std::chrono::minutes(1), .is_idempotent = true, .can_undo = true};
    }
    // Evidence: that it can't be had is told, and holds up nothing.
    Task<Fields> apply(workflow::Call call, Instant deadline) override {
        auto outputs = co_await sample(std::move(call), deadline);
        if (!outputs && outputs.error().code() != Errc::kCancelled) {
            co_return Fields{{"sample_error", outputs.error().message()}};
        }
        co_return outputs;
    }

  private:
    Task<Fields> sample(workflow::Call call, Instant deadline) {
        workflow::Command command;
        command.argv = call.with.texts("exec");
        if (command.argv.empty()) {
            command.argv = {"tail", "-n", std::to_string(kMostIds), "--", call.with.text("file")};
        }
        command.max_output = kMostBytes;
        const auto program = command.argv.front();
        CO_TRY(const auto printed, co_await commands_.run(std::move(command), deadline));
        if (printed.exit_code != 0 || printed.is_cut) {
            co_return Error(Errc::kInvalid, printed.is_cut
                                                ? program + " printed more than 4 MiB"
                                                : program + " ended with " +
                                                      std::to_string(printed.exit_code) + ": " +
                                                      printed.error.substr(0, 200));
        }
        postgres::IdCheck check{call.with.text("query"), newest_ids(printed.output)};
        const auto sampled = check.ids.size();
        CO_TRY(const auto asked, co_await server(call, "server", deadline));
        CO_TRY(const auto missing,
               co_await control_.missing_ids(asked, std::move(check), deadline));
        std::string shown;
        for (std::size_t i = 0; i < std::min(kShownIds, missing.size()); ++i) {
            shown += (shown.empty() ? "" : ", ") + missing[i].substr(0, 100);
        }
        co_return Fields{{"acknowledged_sampled", std::to_string(sampled)},
                         {"acknowledged_missing", std::to_string(missing.size())},
                         {"missing_ids", shown}};
    }

    workflow::CommandRunner& commands_;
};

}  // namespace

void add_postgres_sample_action(workflow::Actions& actions, const Deps& deps) {
    actions.add("postgres.check_acknowledged", CheckAcknowledgedAction::parameters(),
                std::make_unique<CheckAcknowledgedAction>(deps));
}

}  // namespace muster::component

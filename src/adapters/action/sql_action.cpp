#include "adapters/action/sql_action.h"

#include "adapters/action/journal_text.h"

namespace muster::adapters {

using plan::Type;
using workflow::Call;
using workflow::Observation;

namespace {

constexpr std::size_t kMaxField = 64U << 10U;

std::string parameters_key(const std::string& key) {
    return key == "statement" ? "parameters" : key + "_parameters";
}

// The first row by its column names, the number of rows, and the command tag.
Fields outputs_of(const PgResult& result) {
    Fields outputs;
    for (std::size_t i = 0; i < result.columns.size() && !result.rows.empty(); ++i) {
        const auto& field = result.rows.front().at(i);
        outputs[result.columns[i]] = journal_text(field.value_or("").substr(0, kMaxField));
    }
    outputs["rows"] = std::to_string(result.rows.size());
    outputs["command"] = result.command;
    return outputs;
}

}  // namespace

Type SqlAction::parameters() {
    const auto values = [](const std::string& doc) {
        return Type::list(Type::text("a value"), doc);
    };
    return Type::object(
        {{"conninfo", Type::text("libpq's connection string; passwords belong in passfile="), true,
          ""},
         {"statement", Type::text("the SQL; $1, $2 … are its parameters"), true, ""},
         {"parameters", values("the statement's parameters"), false, ""},
         {"repeatable", Type::boolean("running it twice is as good as once"), false, "false"},
         {"observe", Type::text("a query for one boolean: is it already so?"), false, ""},
         {"observe_parameters", values("its parameters"), false, ""},
         {"undo", Type::text("SQL that puts it back, for rollback"), false, ""},
         {"undo_parameters", values("its parameters"), false, ""}},
        "runs SQL on a PostgreSQL server");
}

workflow::Traits SqlAction::traits() const {
    return {.can_undo = true};
}

Task<PgResult> SqlAction::run(plan::Node with, std::string key, Instant deadline) {
    PgConnection connection(executor_, clock_);
    CO_TRY_OK(co_await connection.connect(with.text("conninfo"), deadline));
    co_return co_await connection.query(with.text(key), with.texts(parameters_key(key)), deadline);
}

Task<Observation> SqlAction::observe(Call call, Instant deadline) {
    if (call.with.text("observe").empty()) {
        const bool may_repeat = call.with.flag("repeatable", false);
        co_return Observation{
            may_repeat ? Observation::State::kNotDone : Observation::State::kUnknown, {}};
    }
    CO_TRY(const auto result, co_await run(std::move(call.with), "observe", deadline));
    if (result.columns.size() != 1 || result.rows.size() > 1) {
        co_return Error{Errc::kInvalid,
                        "observe gave " + std::to_string(result.columns.size()) + " columns and " +
                            std::to_string(result.rows.size()) + " rows, not one boolean",
                        "write it as SELECT EXISTS (SELECT … )"};
    }
    const auto value = result.value(result.columns.front());
    const bool is_done = value == "t" || value == "true";
    co_return is_done ? Observation{Observation::State::kDone, outputs_of(result)}
                      : Observation{Observation::State::kNotDone, {}};
}

Task<Fields> SqlAction::apply(Call call, Instant deadline) {
    CO_TRY(const auto result, co_await run(std::move(call.with), "statement", deadline));
    co_return outputs_of(result);
}

Task<> SqlAction::undo(Call call, Instant deadline) {
    if (call.with.text("undo").empty()) {
        co_return Result<>{};  // Nothing to put back was declared.
    }
    CO_TRY_OK(co_await run(std::move(call.with), "undo", deadline));
    co_return Result<>{};
}

}  // namespace muster::adapters

#include "adapters/probe/postgres_probe.h"

#include "adapters/probe/host_word.h"
#include "adapters/probe/postgres_facts.h"
#include "adapters/probe/sample.h"

namespace muster::adapters {

namespace {

constexpr Duration kKeep = std::chrono::seconds(30);

std::string variable(const probe::Settings& settings, const std::string& name) {
    const auto found = settings.variables.find(name);
    return found == settings.variables.end() ? std::string() : found->second;
}

// What the plan says, else what the component kind gave.
Result<std::string> setting(const probe::Settings& settings, std::string_view key,
                            const std::string& name) {
    TRY(auto text, text_at(settings, key));
    return text.empty() ? variable(settings, name) : text;
}

}  // namespace

plan::Type PostgresProbe::settings() {
    using plan::Type;
    return Type::object(
        {
            {"postgres", Type::text("how to connect (libpq conninfo); empty: the component's"),
             true, "the component's conninfo"},
            {"expect_role", Type::one_of({"primary", "standby"}, "the role it must have"), false,
             "what the site has"},
            {"heartbeat", Type::boolean("write and read muster.heartbeat"), false, "true"},
            {"data", Type::text("its data directory, when it runs on this host"), false,
             "the component's"},
            {"slow_after", Type::duration("an answer that takes longer is slow"), false, ""},
        },
        "a PostgreSQL server has its role and does its work");
}

Result<std::unique_ptr<probe::Probe>> PostgresProbe::make(const probe::Settings& settings,
                                                          probe::Deps deps) {
    const auto& node = settings.plan.settings;
    Wanted wanted;
    TRY(wanted.conninfo, setting(settings, "postgres", "conninfo"));
    TRY(wanted.role, setting(settings, "expect_role", "expect_role"));
    TRY(wanted.data, setting(settings, "data", "data"));
    TRY(wanted.slow_after, duration_at(node, "slow_after"));
    if (wanted.conninfo.empty()) {
        return Error{Errc::kInvalid, "the postgres probe has no conninfo",
                     "write postgres: \"host=10.0.1.5 dbname=orders\", or give the component's "
                     "site a conninfo"};
    }
    if (!wanted.role.empty() && wanted.role != "primary" && wanted.role != "standby") {
        return Error{Errc::kInvalid, "\"" + wanted.role + "\" is not a role",
                     "write primary or standby"};
    }
    if (!variable(settings, "ssh").empty()) {
        wanted.data.clear();  // It lives on another host: ours knows nothing of it.
    }
    wanted.has_heartbeat = node.flag("heartbeat", true);
    wanted.heartbeat = {settings.target.service.str(), variable(settings, "node"),
                        variable(settings, "epoch")};
    wanted.statement_timeout = settings.plan.timeout;
    return std::make_unique<PostgresProbe>(std::move(wanted), std::move(deps));
}

PostgresProbe::PostgresProbe(Wanted wanted, probe::Deps deps)
    : wanted_(std::move(wanted)),
      deps_(std::move(deps)),
      connection_(deps_.executor, deps_.clock),
      heartbeat_(wanted_.heartbeat, connection_, deps_.clock) {
}

// A statement that waits (for a lock, for a synchronous standby) is cancelled by the server too,
// so that a probe each second does not leave a waiting session behind each second.
Task<> PostgresProbe::open(Instant deadline) {
    const auto now = deps_.clock.now();
    if (connection_.is_open() && now - opened_ < kKeep) {
        co_return Result<>{};
    }
    CO_TRY_OK(co_await connection_.connect(wanted_.conninfo, deadline));
    opened_ = now;
    const auto limit = std::max<Duration>(wanted_.statement_timeout, std::chrono::milliseconds(1));
    const auto limit_ms = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
    CO_TRY_OK(co_await connection_.query("SET statement_timeout = " + std::to_string(limit_ms), {},
                                         deadline));
    co_return Result<>{};
}

Task<Fields> PostgresProbe::ask(Instant deadline) {
    CO_TRY_OK(co_await open(deadline));
    CO_TRY(const auto status,
           co_await connection_.query(std::string(postgres_status_query()), {}, deadline));
    co_return postgres_facts(status);
}

// A server in the wrong role is never written to: that would make its history another one.
Task<Fields> PostgresProbe::beat(Fields facts, Instant deadline) {
    const bool is_primary = facts["role"] == "primary";
    const bool may_write = wanted_.role != "standby" && facts["writable"] == "true";
    if (!wanted_.has_heartbeat || (is_primary && !may_write)) {
        co_return facts;
    }
    Result<Fields> seen = Fields{};
    if (is_primary) {
        seen = co_await heartbeat_.write(deadline);
    } else {
        seen = co_await heartbeat_.read(deadline);
    }
    CO_TRY(auto beat_facts, std::move(seen));
    facts.merge(beat_facts);
    co_return facts;
}

Result<probe::Sample> PostgresProbe::judge_failure(const Error& error, Duration took) const {
    TRY(auto sample, failed_sample(error, took));
    sample.evidence = evidence_of(error);
    return sample;
}

probe::Sample PostgresProbe::judge_answer(Fields facts, Duration took) const {
    const auto role = facts["role"];
    auto sample = answered_sample(role, took, wanted_.slow_after);
    sample.facts = std::move(facts);
    if (!wanted_.role.empty() && role != wanted_.role) {
        sample.evidence = probe::Evidence::kHard;
        sample.detail = "it is a " + role + ", expected the " + wanted_.role;
    } else if (role == "primary" && sample.facts["writable"] != "true") {
        sample.evidence = probe::Evidence::kHard;
        sample.detail = "the primary is read-only";
    }
    return sample;
}

// The host's word turns silence into proof; and a server whose postmaster is frozen lets nobody in,
// however well a kept session still answers.
void PostgresProbe::add_host_word(probe::Sample& sample) const {
    if (wanted_.data.empty()) {
        return;
    }
    const auto process = ask_host(wanted_.conninfo, wanted_.data);
    sample.facts["process"] = std::string(to_string(process));
    const bool is_answering =
        sample.evidence == probe::Evidence::kGood || sample.evidence == probe::Evidence::kSlow;
    if (process == Process::kFrozen || (process == Process::kStopped && !is_answering)) {
        sample.evidence = probe::Evidence::kHard;
        sample.detail = "its host says that the server is " + sample.facts["process"] +
                        (is_answering ? "" : " (" + sample.detail + ")");
    }
}

Task<probe::Sample> PostgresProbe::check(Instant deadline) {
    const auto began = deps_.clock.now();
    auto facts = co_await ask(deadline);
    auto done = facts;
    if (facts) {
        done = co_await beat(*facts, deadline);
    }
    const auto took = deps_.clock.now() - began;
    if (done) {
        auto sample = judge_answer(std::move(*done), took);
        add_host_word(sample);
        if (deps_.disturbed) {
            connection_.on_closed(deps_.disturbed);
        }
        co_return sample;
    }
    CO_TRY(auto sample, judge_failure(done.error(), took));
    if (facts) {
        // It said who it is, and then could not do its work.
        sample.facts = std::move(*facts);
        sample.facts.erase("writable");
        if (sample.evidence == probe::Evidence::kHard) {
            sample.facts["writable"] = "false";
        }
    }
    add_host_word(sample);
    co_return sample;
}

}  // namespace muster::adapters

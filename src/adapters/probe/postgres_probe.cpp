#include "adapters/probe/postgres_probe.h"

#include "adapters/probe/host_word.h"
#include "adapters/probe/postgres_facts.h"
#include "adapters/probe/sample.h"
#include "base/event.h"
#include "base/task_group.h"

namespace muster::adapters {

namespace {

constexpr Duration kKeep = std::chrono::seconds(30);
// After one of so many parts of its time without an answer, the host is asked.
constexpr int kPartsOfTime = 4;

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
                                                          probe::Deps deps,
                                                          workflow::CommandRunner& commands) {
    const auto& node = settings.plan.settings;
    Wanted wanted;
    TRY(wanted.conninfo, setting(settings, "postgres", "conninfo"));
    TRY(wanted.role, setting(settings, "expect_role", "expect_role"));
    TRY(wanted.host.data, setting(settings, "data", "data"));
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
    wanted.host.conninfo = wanted.conninfo;
    wanted.host.ssh = variable(settings, "ssh");
    wanted.host.run_as = variable(settings, "run_as");
    wanted.has_heartbeat = node.flag("heartbeat", true);
    wanted.heartbeat = {settings.target.service.str(), variable(settings, "node"),
                        variable(settings, "epoch")};
    wanted.statement_timeout = settings.plan.timeout;
    return std::make_unique<PostgresProbe>(std::move(wanted), std::move(deps), commands);
}

PostgresProbe::PostgresProbe(Wanted wanted, probe::Deps deps, workflow::CommandRunner& commands)
    : wanted_(std::move(wanted)),
      deps_(std::move(deps)),
      connection_(deps_.executor, deps_.clock),
      heartbeat_(wanted_.heartbeat, connection_, deps_.clock),
      host_(wanted_.host, deps_.executor, deps_.clock, commands) {
}

// A statement that waits (for a lock, for a synchronous standby) is cancelled by the server too,
// so that a probe each second does not leave a waiting session behind each second.
Task<> PostgresProbe::open(Instant deadline) {
    const auto now = deps_.clock.now();
    if (connection_.is_open() && now - opened_ < kKeep) {
        co_return Result<>{};
    }
    if (host_.is_far()) {
        host_.ask();  // So that the way to it is open when it is needed.
    }
    CO_TRY_OK(co_await connection_.connect(wanted_.conninfo, deadline));
    opened_ = now;
    const auto limit = std::max<Duration>(wanted_.statement_timeout, std::chrono::milliseconds(1));
    const auto limit_ms = std::chrono::ceil<std::chrono::milliseconds>(limit).count();
    // A primary whose commits wait for a lost standby lives: nothing moves because of the standby.
    CO_TRY_OK(co_await connection_.query(
        "SET synchronous_commit = local; SET statement_timeout = " + std::to_string(limit_ms), {},
        deadline));
    co_return Result<>{};
}

Task<Fields> PostgresProbe::ask(Instant deadline) {
    CO_TRY_OK(co_await open(deadline));
    CO_TRY(const auto status,
           co_await connection_.query(std::string(postgres_status_query()), {}, deadline));
    auto facts = postgres_facts(status);
    // Without a standby attached: is what one would need still there? Without the right to look it
    // stays unknown.
    if (const auto sync = facts.find("sync_state"); sync != facts.end() && sync->second == "none") {
        const auto oldest =
            co_await connection_.query(std::string(postgres_oldest_wal_query()), {}, deadline);
        if (oldest && !oldest->value("oldest_wal_lsn").empty()) {
            facts["oldest_wal_lsn"] = oldest->value("oldest_wal_lsn");
        }
    }
    if (facts["role"] == "primary" && facts["timeline"] != "1") {
        CO_TRY(facts["history"], co_await history_of(facts["timeline"], deadline));
    }
    co_return facts;
}

// Read once for each timeline; it never changes. Without the right to read it stays unknown.
Task<std::string> PostgresProbe::history_of(std::string timeline, Instant deadline) {
    if (timeline_ != timeline) {
        auto read = co_await connection_.query(std::string(postgres_history_query()), {}, deadline);
        if (!read && read.error().code() != Errc::kDenied) {
            co_return std::move(read).error();
        }
        history_ = read ? read->value("history") : "";
        timeline_ = timeline;
    }
    co_return history_;
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
    if (refuses_probe(error)) {
        sample.is_blind = true;
        sample.detail = "it lives, and refuses the probe: " + error.message() +
                        (error.hint().empty() ? "" : "; " + error.hint());
    }
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
// however well a kept session still answers. A host elsewhere is asked in the background: its word
// counts from the next sample on.
void PostgresProbe::add_host_word(probe::Sample& sample) {
    const bool is_answering =
        sample.evidence == probe::Evidence::kGood || sample.evidence == probe::Evidence::kSlow;
    if (!host_.is_far() || !is_answering) {
        host_.ask();
    }
    const auto process = host_.word();
    if (!process) {
        return;
    }
    sample.facts["process"] = std::string(to_string(*process));
    if (host_.is_far() && is_answering) {
        return;  // It may be of a moment ago, and the answer is of now.
    }
    if (*process == Process::kFrozen || (*process == Process::kStopped && !is_answering)) {
        sample.evidence = probe::Evidence::kHard;
        sample.is_blind = false;
        sample.detail = "its host says that the server is " + sample.facts["process"] +
                        (is_answering ? "" : " (" + sample.detail + ")");
    }
    const auto full =
        host_.is_far() ? std::string() : full_disk(wanted_.conninfo, wanted_.host.data);
    if (full.empty()) {
        return;
    }
    sample.facts["disk_full"] = full;
    if (!is_answering) {
        sample.detail += "; " + full;
    }
}

// What SQL said, shared with the task that asks, which may end after a wait that was cancelled.
struct PostgresProbe::Answer {
    explicit Answer(const Executor& executor) : changed(executor) {}
    Result<Fields> facts = Fields{};  // Who it is.
    Result<Fields> done = Fields{};   // The same, once it has done its work.
    bool is_over = false;
    Event changed;
};

Task<> PostgresProbe::work(PostgresProbe* probe, std::shared_ptr<Answer> answer, Instant deadline) {
    answer->facts = co_await probe->ask(deadline);
    answer->done = answer->facts;
    if (answer->facts) {
        answer->done = co_await probe->beat(*answer->facts, deadline);
    }
    answer->is_over = true;
    answer->changed.notify();
    co_return Result<>{};
}

// True when the host says so before an answer has come.
Task<bool> PostgresProbe::is_frozen(std::shared_ptr<Answer> answer, Instant deadline) {
    const auto ring = [](Clock* clock, std::shared_ptr<Answer> its, Instant when) -> Task<> {
        CO_TRY_OK(co_await clock->sleep_until(when));
        its->changed.notify();
        co_return Result<>{};
    };
    const auto now = deps_.clock.now();
    const auto patience = now + (deadline - now) / kPartsOfTime;
    TaskGroup alarm(deps_.executor);
    alarm.spawn(ring(&deps_.clock, answer, patience));
    Result<> waited;
    while (!answer->is_over && deps_.clock.now() < patience && waited) {
        waited = co_await answer->changed.wait();
    }
    CO_TRY_OK(co_await alarm.stop());
    CO_TRY_OK(std::move(waited));
    if (answer->is_over) {
        co_return false;
    }
    host_.ask();
    CO_TRY(const auto process, co_await host_.told(deadline));
    co_return process == Process::kFrozen && !answer->is_over;
}

Task<> PostgresProbe::converse(std::shared_ptr<Answer> answer, Instant deadline) {
    TaskGroup group(deps_.executor);
    group.spawn(work(this, answer, deadline));
    Result<bool> frozen = co_await is_frozen(answer, deadline);
    if (frozen && !*frozen) {
        CO_TRY_OK(co_await group.wait());
    }
    CO_TRY_OK(co_await group.stop());
    if (frozen && *frozen) {
        // What was stopped here says only that it was stopped.
        answer->facts = answer->done = Error{Errc::kTimedOut, "no answer"};
    }
    co_return frozen ? Result<>{} : Result<>{std::move(frozen).error()};
}

Task<probe::Sample> PostgresProbe::check(Instant deadline) {
    const auto began = deps_.clock.now();
    const auto answer = std::make_shared<Answer>(deps_.executor);
    if (host_.is_there()) {
        CO_TRY_OK(co_await converse(answer, deadline));
    } else {
        CO_TRY_OK(co_await work(this, answer, deadline));
    }
    const auto took = deps_.clock.now() - began;
    if (answer->done) {
        auto sample = judge_answer(std::move(*answer->done), took);
        add_host_word(sample);
        if (deps_.disturbed) {
            connection_.on_closed(deps_.disturbed);
        }
        co_return sample;
    }
    CO_TRY(auto sample, judge_failure(answer->done.error(), took));
    if (answer->facts) {
        // It said who it is, and then could not do its work.
        sample.facts = std::move(*answer->facts);
        sample.facts.erase("writable");
        if (sample.evidence == probe::Evidence::kHard) {
            sample.facts["writable"] = "false";
        }
    }
    add_host_word(sample);
    co_return sample;
}

}  // namespace muster::adapters

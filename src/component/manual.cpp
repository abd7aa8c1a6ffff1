#include "component/manual.h"

#include <algorithm>
#include <map>
#include <utility>

#include "component/kinds/postgres_server.h"
#include "component/parameters.h"
#include "component/probe_round.h"
#include "plan/findings.h"
#include "workflow/shell_line.h"

namespace muster::component {
namespace {

using postgres::Server;
using workflow::shell_line;
using workflow::shell_quote;

std::string where(const Server& server) {
    return "site " + server.site.str() +
           (server.ssh.empty() ? std::string() : " (`ssh " + server.ssh + "`)");
}

/// A command line on the server's own host, as its own user.
std::string on_host(const Server& server, const std::string& line) {
    std::string whole =
        server.run_as.empty() ? line : "runuser -u " + server.run_as + " -- " + line;
    return server.ssh.empty() ? whole : "ssh " + server.ssh + " " + shell_quote(whole);
}

std::string tool(const Server& server, const std::string& name) {
    return server.bin.empty() ? name : server.bin + "/" + name;
}

std::string sql(const Server& server, const std::string& statement) {
    return "psql " + shell_quote(server.conninfo) + " -Atc " + shell_quote(statement);
}

std::string pg_ctl(const Server& server, const std::string& what) {
    return on_host(server, tool(server, "pg_ctl") + " " + what + " -D " + shell_quote(server.data));
}

std::string control_data(const Server& server) {
    return on_host(server, tool(server, "pg_controldata") + " " + shell_quote(server.data));
}

std::string leave_signal(const Server& server) {
    return on_host(server, "touch " + shell_quote(server.data + "/standby.signal"));
}

Server server(const plan::Step& step, std::string_view key) {
    return group_from(part(step.with, key)).servers.front();
}

Manual fence(const plan::Step& step) {
    const Server old = server(step, "server");
    std::vector<std::string> commands;
    if (!old.fence_command.empty()) {
        commands.push_back(shell_line(old.fence_command));
    }
    if (!old.data.empty()) {
        // The signal first: whatever starts it again then starts a standby.
        commands.insert(commands.end(), {leave_signal(old), pg_ctl(old, "stop -m immediate"),
                                         pg_ctl(old, "status"), control_data(old)});
    }
    return {
        .purpose = "Stop the old primary for good. Nothing may be promoted before this is proven.",
        .where = where(old),
        .commands = std::move(commands),
        .verify = "`pg_ctl status` says `no server running`. Write down the last WAL position.",
        .warning =
            "If the host can't be reached, cut its power or its network first and make sure that "
            "it stays so. Silence is no proof: two primaries cost more than an hour of downtime."};
}

Manual seal(const plan::Step& step) {
    const Server old = server(step, "server");
    return {
        .purpose = "Make sure that the old primary comes back as a standby, whatever starts it.",
        .where = where(old),
        .commands = {leave_signal(old)},
        .verify = "`standby.signal` is in the data directory, before the host's services start.",
        .warning = "A host that is off is done when it answers again, before PostgreSQL starts."};
}

Manual demote(const plan::Step& step) {
    const Server old = server(step, "server");
    return {
        .purpose = "Stop the primary cleanly, so that the standby receives everything.",
        .where = where(old),
        .commands = {sql(old, "CHECKPOINT"), leave_signal(old), pg_ctl(old, "stop -m fast"),
                     control_data(old)},
        .verify = "`Database cluster state: shut down`; write down `Latest checkpoint location`.",
        .warning = "Writes are refused from here on, until the other site is promoted."};
}

Manual await(const plan::Step& step) {
    const Server standby = server(step, "standby");
    return {.purpose = "Make sure that the standby has everything that the old primary wrote.",
            .where = where(standby),
            .commands = {sql(standby, "SELECT pg_last_wal_receive_lsn()")},
            .verify = "The position is at least the one written down in the step before.",
            .warning = "Do not promote before: what is missing would be lost."};
}

Manual promote(const plan::Step& step) {
    const Server target = server(step, "server");
    return {.purpose = "Make the standby the primary.",
            .where = where(target),
            .commands = {sql(target, "SELECT pg_promote(wait := true)"),
                         sql(target, "SELECT pg_is_in_recovery()")},
            .verify = "`pg_is_in_recovery` answers `f`.",
            .warning = "Point of no return. Only when the old primary is proven to be stopped."};
}

Manual check_ready(const plan::Step& step) {
    const Server standby = server(step, "standby");
    return {.purpose = "Make sure that the standby streams and is close behind.",
            .where = where(standby),
            .commands = {sql(standby,
                             "SELECT status, flushed_lsn, latest_end_lsn FROM "
                             "pg_stat_wal_receiver"),
                         sql(server(step, "primary"), "SELECT pg_current_wal_lsn()")},
            .verify = "`status` is `streaming` and the positions are close."};
}

Manual keep(const plan::Step& step) {
    const Server old = server(step, "old");
    const std::string into = step.with.text("keep");
    return {
        .purpose = "Keep what only the old primary had, before anything overwrites it.",
        .where = where(old),
        .commands = {on_host(old, "mkdir -p " + shell_quote(into)),
                     on_host(old, "cp -a " + shell_quote(old.data + "/pg_wal") + " " +
                                      shell_quote(old.data + "/global/pg_control") + " " +
                                      shell_quote(into)),
                     on_host(old, tool(old, "pg_waldump") + " --stats=record -p " +
                                      shell_quote(into + "/pg_wal") + " -s START -e END")},
        .verify =
            "START is where the new timeline begins (its .history file), END the old "
            "primary's last position. `Transaction/COMMIT` counts what was lost.",
        .warning = "Do not rewind, rebuild or delete the old data directory before this is done."};
}

Manual rebuild(const plan::Step& step) {
    const Server target = server(step, "server");
    const Server primary = server(step, "primary");
    const std::string source =
        primary.replication_conninfo.empty() ? primary.conninfo : primary.replication_conninfo;
    const auto move = [&target](const std::string& from, const std::string& to) {
        return on_host(target, "mv " + shell_quote(from) + " " + shell_quote(to));
    };
    return {
        .purpose = "Make the old primary a standby of the new one.",
        .where = where(target),
        .commands = {on_host(target, tool(target, "pg_basebackup") + " -d " + shell_quote(source) +
                                         " -D " + shell_quote(target.data + ".new") +
                                         " -R -X stream -c fast"),
                     move(target.data, target.data + ".old"),
                     move(target.data + ".new", target.data), pg_ctl(target, "start -w")},
        .verify =
            "On the primary, `SELECT client_addr, state FROM pg_stat_replication` shows "
            "`streaming`.",
        .warning = "Keep `" + target.data + ".old` until the new standby streams."};
}

Manual verify(const plan::Step& step) {
    const Server target = server(step, "server");
    return {.purpose = "Prove that the new primary takes writes.",
            .where = where(target),
            .commands = {sql(target,
                             "CREATE TABLE muster_canary AS SELECT now(); DROP TABLE "
                             "muster_canary; SELECT pg_current_wal_lsn()")},
            .verify = "No error, and the position grows."};
}

/// One server's command with its host and number filled in.
std::string on_instance(const plan::Step& step, const std::vector<std::string>& words,
                        std::size_t index) {
    const auto hosts = step.with.texts("hosts");
    Fields values = address_fields(hosts[index % hosts.size()]);
    values["site"] = step.with.text("site");
    values["component"] = step.with.text("component");
    values["index"] = std::to_string(index);
    std::vector<std::string> filled;
    filled.reserve(words.size());
    for (const auto& word : words) {
        filled.push_back(probe::fill(word, values).value_or(word));
    }
    const std::string line = shell_line(filled);
    const std::string ssh = probe::fill(step.with.text("ssh"), values).value_or("");
    return ssh.empty() ? line : "ssh " + ssh + " " + shell_quote(line);
}

Manual scale(const plan::Step& step) {
    const bool starts = step.action == "servers.scale";
    Manual manual;
    const auto hosts = step.with.texts("hosts");
    manual.where = "site " + step.with.text("site") + ": " + plan::join(hosts);
    const std::string target = step.with.text("target");
    const auto words = step.with.texts(starts ? "start" : "stop");
    manual.purpose = starts ? "Start servers until " + target + " are healthy."
                            : "Stop servers until " + target +
                                  " are left; leave it when the "
                                  "site can't be reached.";
    const auto count = static_cast<std::size_t>(std::max(0L, step.with.integer("target", 0)));
    const std::size_t end = starts ? count : hosts.size();
    for (std::size_t i = starts ? 0 : count; i < end && !words.empty() && !hosts.empty(); ++i) {
        manual.commands.push_back(on_instance(step, words, i));
    }
    manual.verify = starts ? "Their health check answers on each host." : "They are stopped.";
    return manual;
}

Manual point(const plan::Step& step) {
    const std::string answers = plan::join(step.with.texts("answers"));
    const std::string name = step.with.text("name");
    return {.purpose = "Make `" + name + "` answer " + answers + ".",
            .where = "the name servers of " + name,
            .commands = {"dig +short " + name + " " + step.with.text("type", "A")},
            .verify = "`dig` at every authoritative server prints exactly: " + answers +
                      ". Users follow within the TTL of " + step.with.text("ttl") + ".",
            .warning = "Only when the new site takes writes. Never publish an empty answer."};
}

/// What listens behind the first answer; empty when the step names none.
std::string address_behind(const plan::Step& step) {
    const auto answers = step.with.texts("answers");
    if (answers.empty()) {
        return "";
    }
    for (const auto& instance : step.with.texts("instances")) {
        if (address_fields(instance).at("host") == answers.front()) {
            return instance;
        }
    }
    return answers.front();
}

Manual wait(const plan::Step& step) {
    Manual manual;
    const plan::Node record = part(step.with, "record");
    const std::string name = record.text("name");
    manual.purpose = name.empty() ? "Wait until it answers." : "See the service as users see it.";
    manual.where = "anywhere outside both sites";
    if (!name.empty()) {
        manual.commands.push_back("dig +short " + name + " " + record.text("type", "A"));
    }
    for (const auto& [key, value] : fields_of(step.with.find("probe"))) {
        if (key == "http" || key == "https") {
            const auto filled = probe::fill(value, address_fields(address_behind(step)));
            manual.commands.push_back("curl -fsS -o /dev/null -w '%{http_code}\\n' " +
                                      shell_quote(filled.value_or(value)));
        }
    }
    manual.verify = "The service answers as it should, through its real name.";
    return manual;
}

Manual custom(const plan::Step& step) {
    Manual manual;
    manual.purpose = "Run the plan's own `" + step.with.text("hook") + "` command.";
    manual.where = "site " + step.with.text("site");
    const Fields values = fields_of(step.with.find("variables"));
    std::vector<std::string> words;
    for (const auto& word : step.with.texts("run")) {
        words.push_back(probe::fill(word, values).value_or(word));
    }
    manual.commands = {shell_line(words)};
    manual.verify = "It ends with exit code 0.";
    if (step.with.text("hook") == "promote") {
        manual.warning = "Point of no return. Only when the old side is proven to be stopped.";
    }
    return manual;
}

Manual approve(const plan::Step& step) {
    return {.purpose = "A person decides.",
            .where = "anywhere",
            .verify = step.with.text("message"),
            .warning = "muster can't prove this by itself; nothing goes on before you say so."};
}

}  // namespace

Manual manual_for(const plan::Step& step) {
    using Write = Manual (*)(const plan::Step&);
    static const std::map<std::string, Write, std::less<>> kWriters = {
        {"approve", &approve},
        {"custom.run", &custom},
        {"dns.point", &point},
        {"postgres.await", &await},
        {"postgres.check_ready", &check_ready},
        {"postgres.demote", &demote},
        {"postgres.fence", &fence},
        {"postgres.keep_divergence", &keep},
        {"postgres.promote", &promote},
        {"postgres.rebuild", &rebuild},
        {"postgres.seal", &seal},
        {"postgres.verify", &verify},
        {"servers.release", &scale},
        {"servers.scale", &scale},
        {"wait", &wait}};
    const auto writer = kWriters.find(step.action);
    if (writer != kWriters.end()) {
        return writer->second(step);
    }
    return {.purpose = "Action `" + step.action + "` of the plan's own procedure.",
            .where = "see the plan"};
}

}  // namespace muster::component

#include "cli/command_line.h"

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <iostream>
#include <memory>
#include <optional>
#include <utility>

#include "cli/commands.h"
#include "cli/hand_probe.h"
#include "cli/plan_commands.h"
#include "cli/replay_command.h"
#include "cli/repository/repository_command_line.h"
#include "cli/runbook_command.h"
#include "cli/serve_command.h"
#include "cli/serve_repo_command.h"
#include "cli/usage_error.h"
#include "cli/validate_command.h"
#include "daemon/wiring.h"

// Turns arguments into a call of one of the command functions. CLI11 is known here, in
// usage_error, and in the registrations of the commands on repositories.

namespace muster::cli {

namespace {

struct Globals {
    std::string data;
    std::string url;
    bool is_json = false;
};

using Command = std::function<int(std::ostream& out, std::ostream& err)>;

/// What the registration functions work on.
struct Builder {
    CLI::App& app;
    std::shared_ptr<Globals> globals;
    Command& chosen;

    CLI::App* add(CLI::App& parent, const std::string& name, const std::string& what,
                  const std::string& group) const {
        auto* command = parent.add_subcommand(name, what);
        command->group(group)->fallthrough();
        return command;
    }

    /// `body` talks to a node.
    void remote(CLI::App* command, std::function<int(Context&)> body) const {
        command->callback([this, command, body = std::move(body)] {
            if (!command->get_subcommands().empty()) {
                return;  // Its subcommand, whose callback came first, is what was meant.
            }
            chosen = [globals = globals, body](std::ostream& out, std::ostream& err) {
                const auto client = connect(resolve_endpoint(globals->url, globals->data));
                Streams streams{out, err, globals->is_json};
                const bool is_terminal = &out == &std::cout && ::isatty(STDOUT_FILENO) == 1;
                Context context{streams, *client, is_terminal};
                return body(context);
            };
        });
    }

    /// `body` needs no node.
    void local(CLI::App* command, std::function<int(Streams)> body) const {
        command->callback([this, body = std::move(body)] {
            chosen = [globals = globals, body](std::ostream& out, std::ostream& err) {
                return body(Streams{out, err, globals->is_json});
            };
        });
    }
};

/// What a plan, a run or a step may be called. Anything else can't be found, and an empty text is
/// mostly a variable of a script that was not set: it must not mean the default.
std::string refuse_unless_name(const std::string& text) {
    constexpr std::size_t kLongest = 200;
    const bool is_name =
        !text.empty() && text.size() <= kLongest && std::ranges::all_of(text, [](unsigned char c) {
            return std::isalnum(c) != 0 || c == '-' || c == '_' || c == '.';
        });
    return is_name ? "" : "this is no name: names have letters, digits, \"-\", \"_\" and \".\"";
}

std::string refuse_if_empty(const std::string& text) {
    return text.empty() ? "it is empty" : "";
}

constexpr long kMostEvents = 1'000'000'000'000'000;  // Far more than a node ever numbers.

constexpr const char* kPlanGroup = "Write a plan";
constexpr const char* kNodeGroup = "Run a node";
constexpr const char* kBackupGroup = "Backups";
constexpr const char* kLookGroup = "Look";
constexpr const char* kActGroup = "Act";

void add_plan_commands(const Builder& builder) {
    struct Options {
        std::string path;
        bool is_forced = false;
        bool is_svg = false;
        int vantages = 1;
    };
    const auto options = std::make_shared<Options>();
    auto* init = builder.add(builder.app, "init", "write a commented starter plan", kPlanGroup);
    init->add_option("PATH", options->path, "where to; - for the standard output")
        ->check(refuse_if_empty)
        ->default_str("plan.yaml");
    init->add_flag("--force", options->is_forced, "overwrite a file that is there");
    builder.local(init, [options](Streams streams) {
        return run_init(options->path.empty() ? "plan.yaml" : options->path, options->is_forced,
                        streams);
    });
    auto* validate =
        builder.add(builder.app, "validate", "find all mistakes in a plan", kPlanGroup);
    validate->add_option("PLAN", options->path, "the plan file")
        ->required()
        ->check(refuse_if_empty);
    validate->add_option("--vantages", options->vantages, "how many look on, for what is expected")
        ->check(CLI::Range(1, 99))
        ->capture_default_str();
    builder.local(validate, [options](Streams streams) {
        return validate_plan(options->path, options->vantages, streams);
    });
    auto* schema = builder.add(builder.app, "schema", "print the JSON Schema of plans", kPlanGroup);
    builder.local(schema,
                  [](Streams streams) { return run_schema(daemon::plan_vocabulary(), streams); });
    auto* graph = builder.add(builder.app, "graph", "draw a plan (Mermaid, or SVG)", kPlanGroup);
    graph->add_option("PLAN", options->path, "the plan file")->required()->check(refuse_if_empty);
    graph->add_flag("--svg", options->is_svg, "as an SVG picture");
    builder.local(graph, [options](Streams streams) {
        return run_graph(options->path, daemon::plan_vocabulary(),
                         options->is_svg ? GraphFormat::kSvg : GraphFormat::kMermaid, streams);
    });
    auto* runbook =
        builder.add(builder.app, "runbook", "print every move as a document", kPlanGroup);
    runbook->add_option("PLAN", options->path, "the plan file")->required()->check(refuse_if_empty);
    builder.local(runbook,
                  [options](Streams streams) { return run_runbook(options->path, streams); });
}

void add_serve(const Builder& builder) {
    const auto options = std::make_shared<ServeArguments>();
    auto* serve = builder.add(builder.app, "serve",
                              "run a node: probes, decisions, runs, API, status page", kNodeGroup);
    serve->add_option("PLAN", options->plan, "the plan file")->required()->check(refuse_if_empty);
    serve
        ->add_option("--site", options->site,
                     "where this node stands; default: the only arbiter, or the only site")
        ->check(refuse_unless_name);
    serve->add_option("--listen", options->listen, "address of API and status page")
        ->check(refuse_if_empty)
        ->capture_default_str();
    serve
        ->add_option("--dns", options->dns,
                     "address of the DNS responder; default: the plan's dns: listen")
        ->check(refuse_if_empty);
    serve->add_option("--tls-cert", options->tls_certificate, "certificate chain, PEM");
    serve->add_option("--tls-key", options->tls_key, "its key, PEM");
    serve->add_option("--log-level", options->log_level, "debug, info, warn or error")
        ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
        ->capture_default_str();
    const auto globals = builder.globals;
    builder.local(serve, [options, globals](Streams streams) {
        return run_serve(*options, resolve_endpoint({}, globals->data).data, streams);
    });
    auto* reload =
        builder.add(builder.app, "reload", "let the node read its plan again", kNodeGroup);
    builder.remote(reload, &run_reload);
}

void add_serve_repo(const Builder& builder) {
    const auto options = std::make_shared<ServeRepoArguments>();
    auto* serve = builder.add(builder.app, "serve-repo",
                              "serve a folder of backup repositories to restic", kBackupGroup);
    serve->add_option("--path", options->path, "the folder")->required()->check(refuse_if_empty);
    serve->add_option("--listen", options->listen, "address")
        ->check(refuse_if_empty)
        ->capture_default_str();
    serve->add_flag("--append-only", options->is_append_only, "nothing but locks can be deleted");
    serve->add_flag("--private-repos", options->has_private_repos,
                    "an account reaches only the repositories below its own name");
    serve
        ->add_option("--htpasswd-file", options->accounts_file,
                     "the accounts; default: .htpasswd in the folder")
        ->check(refuse_if_empty);
    serve->add_flag("--no-auth", options->is_open, "ask nobody for an account");
    serve->add_option("--tls-cert", options->tls_certificate, "certificate chain, PEM")
        ->check(refuse_if_empty);
    serve->add_option("--tls-key", options->tls_key, "its key, PEM")->check(refuse_if_empty);
    serve->add_flag("--insecure-no-tls", options->is_plain_allowed,
                    "without TLS although others than this machine can connect");
    serve
        ->add_option("--max-size", options->max_size,
                     "the most that all repositories may hold together: 500GiB")
        ->check(refuse_if_empty);
    serve->add_option("--log-level", options->log_level, "debug, info, warn or error")
        ->check(CLI::IsMember({"debug", "info", "warn", "error"}))
        ->capture_default_str();
    builder.local(serve, [options](Streams streams) { return run_serve_repo(*options, streams); });
}

void add_backups(const Builder& builder) {
    struct Options {
        std::string component;
        bool is_tried = false;
    };
    const auto options = std::make_shared<Options>();
    auto* backups = builder.add(builder.app, "backups",
                                "the plan's backups: newest, verified, next", kBackupGroup);
    builder.remote(backups, &run_backups);
    backups->require_subcommand(0, 1);
    auto* now = builder.add(*backups, "run", "back a component up now", kBackupGroup);
    now->add_option("COMPONENT", options->component, "its name, or SERVICE/COMPONENT")
        ->required()
        ->check(refuse_if_empty);
    now->add_flag("--verify", options->is_tried, "and try to restore it");
    builder.remote(now, [options](Context& context) {
        return run_backup_now(context, options->component, options->is_tried);
    });
    auto* accept =
        builder.add(*backups, "accept", "answer for a suspicious backup: it counts", kBackupGroup);
    accept->add_option("COMPONENT", options->component, "its name, or SERVICE/COMPONENT")
        ->required()
        ->check(refuse_if_empty);
    builder.remote(accept, [options](Context& context) {
        return run_backup_accept(context, options->component);
    });
}

void add_replay(const Builder& builder) {
    const auto options = std::make_shared<ReplayOptions>();
    auto* replay = builder.add(builder.app, "replay",
                               "what would have been decided under other thresholds", kLookGroup);
    replay->add_option("--from", options->from, "2026-11-21T05:08:28Z, or how long ago: 2h")
        ->check(refuse_if_empty);
    replay->add_option("--to", options->to, "likewise; default: the newest")
        ->check(refuse_if_empty);
    replay->add_option("--set", options->thresholds,
                       "NAME=VALUE, once for each threshold: fall=5, hold=20s, preset=careful");
    const auto globals = builder.globals;
    builder.local(replay, [options, globals](Streams streams) {
        options->data = resolve_endpoint({}, globals->data).data;
        return run_replay(*options, streams);
    });
}

void add_looks(const Builder& builder) {
    struct Probe {
        std::string plan;
        ProbeCommand::Request request;
    };
    const auto hand = std::make_shared<Probe>();
    auto* probe = builder.add(builder.app, "probe", "probe a component by hand", kLookGroup);
    probe->add_option("PLAN", hand->plan, "the plan file")->required()->check(refuse_if_empty);
    probe->add_option("COMPONENT", hand->request.component, "its name, or SERVICE/COMPONENT")
        ->required();
    probe->add_option("--samples", hand->request.samples, "of each target; default: until settled")
        ->check(CLI::Range(1, 1000));
    builder.local(probe, [hand](Streams streams) {
        return probe_by_hand(hand->plan, hand->request, streams);
    });

    auto* status = builder.add(builder.app, "status", "all services in one table", kLookGroup);
    const auto is_verbose = std::make_shared<bool>(false);
    status->add_flag("-v,--verbose", *is_verbose, "each step of the next moves, with its times");
    builder.remote(status,
                   [is_verbose](Context& context) { return run_status(context, *is_verbose); });

    const auto service = std::make_shared<std::string>();
    auto* why = builder.add(builder.app, "why", "why a service was moved, or was not", kLookGroup);
    why->add_option("SERVICE", *service, "the service")->required()->check(refuse_unless_name);
    builder.remote(why, [service](Context& context) { return run_why(context, *service); });

    const auto events = std::make_shared<EventOptions>();
    auto* list = builder.add(builder.app, "events", "what happened, oldest first", kLookGroup);
    list->add_flag("-f,--follow", events->is_following, "go on with what happens");
    list->add_option("--after", events->after,
                     "only events with a higher number; default: the newest")
        ->check(CLI::Range(0L, kMostEvents));
    list->add_option("--limit", events->limit, "at most so many")->check(CLI::Range(1, 1000));
    builder.remote(list, [events](Context& context) { return run_events(context, *events); });

    add_replay(builder);

    const auto report = std::make_shared<ReportOptions>();
    report->format = "md";
    auto* prove =
        builder.add(builder.app, "report", "a run, measured against its objectives", kLookGroup);
    prove->add_option("RUN", report->id, "the run")->required()->check(refuse_unless_name);
    prove->add_option("--format", report->format, "html, md, json or svg")
        ->check(CLI::IsMember({"html", "md", "json", "svg"}))
        ->capture_default_str();
    prove->add_option("-o,--output", report->output, "a file instead of the standard output")
        ->check(refuse_if_empty);
    builder.remote(prove, [report](Context& context) { return run_report(context, *report); });
}

void add_move(const Builder& builder, const std::string& verb, const std::string& what) {
    const auto options = std::make_shared<MoveOptions>();
    options->verb = verb;
    auto* move = builder.add(builder.app, verb, what, kActGroup);
    move->add_option("SERVICE", options->service, "the service")
        ->required()
        ->check(refuse_unless_name);
    const bool is_failback = verb == "failback";
    if (!is_failback) {
        move->add_option("--to", options->to, "the site; default: the only possible one")
            ->check(refuse_unless_name);
        move->add_flag("--force", options->is_forced, "go on where a guard would stop it");
    }
    move->add_flag("--dry-run", options->is_dry_run, "only print the guards and the steps");
    if (verb == "failover") {
        move->add_flag("--vouch-fenced", options->is_fence_vouched,
                       "I answer for it that the old primary is stopped and stays so, should its "
                       "host not be reachable");
    }
    move->add_flag("-y,--yes", options->is_confirmed, "do not ask");
    move->add_flag("--wait", options->is_awaited, "show the steps until the end");
    builder.remote(move, [options](Context& context) { return run_move(context, *options); });
}

void add_acts(const Builder& builder) {
    add_move(builder, "failover", "move a service after a loss");
    add_move(builder, "switchover", "move a service, planned and without loss");
    add_move(builder, "failback", "move a service home to the plan's primary, without loss");
    add_move(builder, "rebuild", "make an old site a standby again");
    const auto service = std::make_shared<std::string>();
    auto* approve = builder.add(builder.app, "approve", "say yes to a waiting decision", kActGroup);
    approve->add_option("SERVICE", *service, "the service")->required()->check(refuse_unless_name);
    builder.remote(approve, [service](Context& context) { return run_approve(context, *service); });
}

void add_run_changes(const Builder& builder, CLI::App& run,
                     const std::shared_ptr<std::string>& id) {
    const std::pair<const char*, const char*> changes[] = {
        {"resume", "try a failed step again"},
        {"abort", "end a run; nothing is undone"},
        {"rollback", "undo its finished steps, last first"}};
    for (const auto& [name, what] : changes) {
        auto* change = builder.add(run, name, what, kActGroup);
        change->add_option("RUN", *id, "the run")->required()->check(refuse_unless_name);
        builder.remote(change, [id, verb = std::string(name)](Context& context) {
            return run_change(context, *id, verb);
        });
    }
    const auto step = std::make_shared<std::string>();
    auto* approve = builder.add(run, "approve", "say yes to a waiting step", kActGroup);
    approve->add_option("RUN", *id, "the run")->required()->check(refuse_unless_name);
    approve->add_option("STEP", *step, "the step")->required()->check(refuse_unless_name);
    builder.remote(approve,
                   [id, step](Context& context) { return run_approve_step(context, *id, *step); });
    const auto procedure = std::make_shared<ProcedureOptions>();
    auto* start = builder.add(run, "start", "start a procedure of the plan", kActGroup);
    start->add_option("PROCEDURE", procedure->name, "its name")
        ->required()
        ->check(refuse_unless_name);
    start->add_option("--set", procedure->parameters, "NAME=VALUE, once for each parameter");
    start->add_flag("--wait", procedure->is_awaited, "show the steps until the end");
    builder.remote(start,
                   [procedure](Context& context) { return run_procedure(context, *procedure); });
}

void add_runs(const Builder& builder) {
    auto* run = builder.add(builder.app, "run", "list, watch and steer recovery runs", kActGroup);
    run->require_subcommand(1);
    const auto id = std::make_shared<std::string>();
    const auto service = std::make_shared<std::string>();
    auto* list = builder.add(*run, "list", "all runs, newest first", kLookGroup);
    list->add_option("--service", *service, "only of this service")->check(refuse_unless_name);
    builder.remote(list, [service](Context& context) { return run_list(context, *service); });
    auto* show = builder.add(*run, "show", "a run with its steps", kLookGroup);
    show->add_option("RUN", *id, "the run")->required()->check(refuse_unless_name);
    builder.remote(show, [id](Context& context) { return run_show(context, *id); });
    auto* watch = builder.add(*run, "watch", "follow a run to its end", kLookGroup);
    watch->add_option("RUN", *id, "the run")->required()->check(refuse_unless_name);
    builder.remote(watch, [id](Context& context) { return run_watch(context, *id); });
    add_run_changes(builder, *run, id);
}

}  // namespace

Parsed parse_command_line(std::vector<std::string> arguments, std::ostream& out,
                          std::ostream& err) {
    CLI::App app("muster: disaster recovery, declared, measured, rehearsed", "muster");
    app.set_version_flag("--version", "muster " MUSTER_VERSION);
    app.require_subcommand(1);
    app.footer(
        "Exit status: 0 done; 1 it failed; 2 bad usage or a bad plan; 3 done, but an objective was "
        "missed.");
    const auto globals = std::make_shared<Globals>();
    app.add_option("--data", globals->data,
                   "the node's data directory; default: $MUSTER_DATA, else ./muster-data")
        ->check(refuse_if_empty);
    app.add_option("--url", globals->url, "a node elsewhere; its token comes from $MUSTER_TOKEN")
        ->check(refuse_if_empty);
    app.add_flag("--json", globals->is_json, "print JSON instead of text for people");

    Parsed parsed;
    const Builder builder{app, globals, parsed.run};
    add_plan_commands(builder);
    add_serve(builder);
    add_serve_repo(builder);
    add_backups(builder);
    add_looks(builder);
    add_acts(builder);
    add_runs(builder);
    add_repository_commands(app, globals->is_json, parsed.run);
    std::optional<Error> wrong;
    try {
        std::reverse(arguments.begin(), arguments.end());
        app.parse(arguments);
        wrong = stray_repository_option(app);
    } catch (const CLI::Success& asked) {
        app.exit(asked, out, err);  // Help, or the version.
        parsed.run = nullptr;
    } catch (const CLI::ParseError& failure) {
        wrong = usage_error(app, failure);
    }
    if (wrong) {
        print_error({out, err, false}, *wrong);
        parsed.run = nullptr;
        parsed.exit_code = kExitUsage;
    }
    return parsed;
}

}  // namespace muster::cli

#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "cli/client.h"
#include "cli/json_view.h"
#include "cli/streams.h"

namespace muster::cli {

/// A command's surroundings: where it prints, whom it asks.
struct Context {
    Streams& streams;
    Client& client;
    bool is_terminal = false;  ///< Standard output is one: colours, and drawing in place.
};

/// How a person names themselves to the node: $USER, or nothing.
std::string operator_name();

/// Prints the error and its hint (or its JSON) and gives the exit status.
int print_error(const Streams& streams, const Error& error);

/// GETs `path` and prints it: as it is with `--json`, else as `render` makes it.
using Render = std::string (*)(const JsonView&, bool has_colours);
int show(Context& context, const std::string& path, Render render);

int run_status(Context& context, bool is_verbose);          // status_command.cpp
int run_why(Context& context, const std::string& service);  // why_command.cpp

struct MoveOptions {
    std::string verb;  ///< "failover", "switchover", "failback", "rebuild": the API's word.
    std::string service;
    std::string to;
    bool is_dry_run = false;
    bool is_forced = false;
    bool is_fence_vouched = false;  ///< `--vouch-fenced`
    bool is_confirmed = false;      ///< `--yes`
    bool is_awaited = false;        ///< `--wait`
};
int run_move(Context& context, const MoveOptions& options);     // move_command.cpp
int run_approve(Context& context, const std::string& service);  //
struct ProcedureOptions {
    std::string name;
    std::vector<std::string> parameters;  ///< NAME=VALUE
    bool is_awaited = false;
};
int run_procedure(Context& context, const ProcedureOptions& options);  //

int run_list(Context& context, const std::string& service);  // run_command.cpp
int run_show(Context& context, const std::string& id);       //
/// `change` is "resume", "abort" or "rollback".
int run_change(Context& context, const std::string& id, const std::string& change);
int run_approve_step(Context& context, const std::string& id, const std::string& step);
/// Follows a run to its end: 0 done, 1 it did not succeed, 3 done but an objective was missed.
int run_watch(Context& context, const std::string& id);  // watch_command.cpp

struct ReportOptions {
    std::string id;
    std::string format;  ///< html, md, json, svg
    std::string output;  ///< A file; empty: standard output.
};
int run_report(Context& context, const ReportOptions& options);  // report_command.cpp

struct EventOptions {
    long after = -1;  ///< Negative: the newest `limit`.
    long limit = 100;
    bool is_following = false;
};
int run_events(Context& context, const EventOptions& options);  // events_command.cpp

int run_backups(Context& context);  // backups_command.cpp
/// `component` is a name, or SERVICE/COMPONENT where the name is not unique.
int run_backup_now(Context& context, const std::string& component, bool is_tried);
int run_backup_accept(Context& context, const std::string& component);
int run_reload(Context& context);  // reload_command.cpp

}  // namespace muster::cli

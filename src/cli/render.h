#pragma once

#include <string>

#include "cli/json_view.h"

namespace muster::cli {

// What people read, made from the API's answers. Pure: golden tests in render_test.cpp.

/// The table that is read in five seconds, and what the next failover would take.
std::string render_status(const JsonView& status, bool has_colours);
/// The same with each step of the next moves (`--verbose`).
std::string render_status_in_full(const JsonView& status, bool has_colours);
/// Steps and guards of a move (`--dry-run`).
std::string render_preview(const JsonView& preview, bool has_colours);
std::string render_runs(const JsonView& runs, bool has_colours);
/// A run: its head, and a line for each step.
std::string render_run(const JsonView& run, bool has_colours);
/// A step's line alone: mark, id, time taken, and its outputs or its error.
std::string render_step(const JsonView& step, bool has_colours);
/// One event on one line.
std::string render_event(const JsonView& event, bool has_colours);

/// "unknown" when there is no number.
std::string human_seconds(std::optional<double> seconds);

/// Every backup of the plan, a line each, and why it is not worth what it should be.
std::string render_backups(const JsonView& answer, bool has_colours);
/// The table alone; nothing when there are none.
std::string backup_table(const std::vector<JsonView>& jobs, bool has_colours);

}  // namespace muster::cli

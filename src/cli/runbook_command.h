#pragma once

#include <string>

#include "cli/streams.h"

namespace muster::cli {

/// `muster runbook PLAN`: every move of every service as Markdown; with `--json`, as one text in
/// {"markdown"}. kExitUsage when the plan is not valid.
int run_runbook(const std::string& path, Streams streams);

}  // namespace muster::cli

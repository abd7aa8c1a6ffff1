#pragma once

#include "adapters/net/http_client.h"
#include "base/clock.h"
#include "workflow/action.h"
#include "workflow/command_runner.h"

namespace muster::adapters {

/// What the general actions stand on. Each outlives the actions.
struct ActionDeps {
    Executor executor;
    Clock& clock;
    workflow::CommandRunner& commands;
    HttpClient& http;
};

/// Adds `exec`, `http`, `notify` and `sql`: the actions that know no component kind.
void add_all_actions(workflow::Actions& actions, const ActionDeps& deps);

}  // namespace muster::adapters

#include "cli/runbook_command.h"

#include "cli/commands.h"
#include "cli/json_view.h"
#include "component/derive.h"
#include "daemon/load_plan.h"
#include "daemon/wiring.h"

namespace muster::cli {

int run_runbook(const std::string& path, Streams streams) {
    const auto plan = daemon::load_plan(path, daemon::plan_vocabulary());
    if (!plan) {
        print_error(streams, plan.error());
        return kExitUsage;
    }
    const auto text = component::runbook(*plan);
    if (!text) {
        return print_error(streams, text.error());
    }
    if (streams.is_json) {
        streams.out << json_object({{"markdown", *text}}, {}) << "\n";
    } else {
        streams.out << *text;
    }
    return kExitDone;
}

}  // namespace muster::cli

#include "cli/validate_command.h"

#include "adapters/os/time_zones.h"
#include "cli/plan_commands.h"
#include "component/all_components.h"
#include "daemon/wiring.h"
#include "workflow/check_procedures.h"

namespace muster::cli {

int validate_plan(const std::string& path, int vantages, Streams streams) {
    const auto vocabulary = daemon::plan_vocabulary();
    agent::Assumptions assumptions;
    assumptions.vantages = vantages;
    const auto expected = [&assumptions](const plan::Plan& plan) {
        return daemon::plan_expectations(plan, assumptions);
    };
    const auto check = [&](const plan::Plan& plan) {
        auto found = component::check_components(plan);
        const auto add = [&found](std::vector<plan::Diagnostic> more) {
            found.insert(found.end(), more.begin(), more.end());
        };
        add(workflow::check_procedures(plan, vocabulary.outputs));
        add(adapters::unknown_zones(plan));
        if (found.empty()) {
            add(agent::weak_settings(plan, expected(plan)));
        }
        return found;
    };
    const auto promise = [&](const plan::Plan& plan) {
        const auto all = expected(plan);
        return Promise{agent::describe(all, assumptions), agent::to_json(all)};
    };
    return run_validate(path, vocabulary, streams, check, promise);
}

}  // namespace muster::cli

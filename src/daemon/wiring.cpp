#include "daemon/wiring.h"

#include "adapters/action/all_actions.h"
#include "adapters/probe/all_probes.h"
#include "component/all_components.h"

namespace muster::daemon {

Wiring::Wiring(boost::asio::io_context& loop, Log& the_log)
    : executor(loop.get_executor()),
      log(the_log),
      commands(executor, clock),
      http(executor, clock),
      postgres(executor, clock, log, commands),
      dns(executor, clock, log),
      probes(adapters::all_probes(commands)) {
    adapters::add_all_actions(actions, adapters::ActionDeps{executor, clock, commands, http});
    component::add_component_actions(
        actions, component::Deps{postgres, commands, dns, probes,
                                 probe::Deps{executor, clock, random, log, {}}});
}

agent::Deps Wiring::agent_deps(state::Store& store) {
    return {executor, clock, random, log, store, probes, actions, dns, postgres};
}

plan::Vocabulary Wiring::vocabulary() const {
    plan::Vocabulary vocabulary;
    for (const auto& [type, entry] : probes.entries()) {
        vocabulary.probes.emplace(type, entry.settings);
    }
    component::add_kinds(vocabulary);
    vocabulary.actions = actions.parameter_types();
    vocabulary.outputs = actions.output_names();
    return vocabulary;
}

plan::Vocabulary plan_vocabulary() {
    boost::asio::io_context loop;
    NullLog log;
    const Wiring wiring(loop, log);
    return wiring.vocabulary();
}

std::vector<decide::Expectation> plan_expectations(const plan::Plan& plan,
                                                   const agent::Assumptions& assumptions) {
    boost::asio::io_context loop;
    NullLog log;
    const Wiring wiring(loop, log);
    return agent::expectations(plan, wiring.probes, assumptions);
}

}  // namespace muster::daemon

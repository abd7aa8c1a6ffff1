#include "sim/sim_node.h"

#include "component/all_components.h"

namespace muster::sim {

SimNode::SimNode(Executor executor, SiteWorld& world, state::Store& store, SimNames& names,
                 Place place)
    : executor_(executor),
      world_(world),
      life_{place.site, place.site.str() + "-" + world.random().token(4), false, {}},
      clock_(world.clock(), life_),
      random_(world.random().next()),
      log_(world.trace(), life_.name),
      path_(world, life_),
      store_(store, path_, place.is_store_shared),
      names_(names, path_),
      control_(path_),
      probes_(sim_probes(&path_)),
      tasks_(executor) {
    const probe::Deps probe_deps{executor_, clock_, random_, log_, {}};
    component::add_component_actions(actions_, {control_, commands_, names_, probes_, probe_deps});
    agent_ = std::make_unique<agent::Agent>(
        agent::Options{NodeId(life_.name), place.site, place.vantages},
        agent::Deps{executor_, clock_, random_, log_, store_, probes_, actions_, names_, control_,
                    place.observations});
}

Task<> SimNode::run(plan::Plan plan) {
    while (!life_.is_dead) {
        const auto started = co_await agent_->start(plan);
        if (started) {
            is_started_ = true;
            co_return Result<>{};
        }
        const auto ended = co_await agent_->stop();
        static_cast<void>(ended);
        CO_TRY_OK(co_await clock_.sleep_for(std::chrono::seconds(1)));
    }
    co_return Result<>{};
}

Task<> SimNode::kill() {
    life_.is_dead = true;
    life_.paused_until = {};
    co_return co_await agent_->stop();
}

void SimNode::pause(Duration duration) {
    life_.paused_until = world_.clock().now() + duration;
}

}  // namespace muster::sim

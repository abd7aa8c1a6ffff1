#include "cli/hand_probe.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <optional>

#include "cli/commands.h"
#include "component/component.h"
#include "daemon/load_plan.h"
#include "daemon/wiring.h"

namespace muster::cli {

namespace {

// By hand, every service is taken to be where the plan puts it.
Result<std::vector<probe::Settings>> settings_of(const plan::Plan& plan) {
    std::vector<probe::Settings> all;
    for (const auto& service : plan.services) {
        for (const auto& declared : service.components) {
            TRY(const auto made, component::make_component(service, declared));
            for (auto& settings : made->probes(service.primary)) {
                settings.variables["node"] = "muster probe";
                all.push_back(std::move(settings));
            }
        }
    }
    return all;
}

}  // namespace

int probe_by_hand(const std::string& path, const ProbeCommand::Request& request, Streams streams) {
    boost::asio::io_context loop(1);
    NullLog log;
    daemon::Wiring wiring(loop, log);
    const auto plan = daemon::load_plan(path, wiring.vocabulary());
    if (!plan) {
        print_error(streams, plan.error());
        return kExitUsage;
    }
    auto settings = settings_of(*plan);
    if (!settings) {
        print_error(streams, settings.error());
        return kExitUsage;
    }
    ProbeCommand command(*plan, std::move(*settings), wiring.probes,
                         probe::Deps{wiring.executor, wiring.clock, wiring.random, log, {}});
    std::optional<Result<int>> ended;
    boost::asio::co_spawn(loop, command.run(request, streams),
                          [&](const std::exception_ptr&, Result<int> result) {
                              ended = std::move(result);
                              loop.stop();
                          });
    loop.run();
    if (!ended || !*ended) {
        return kExitFailed;
    }
    return **ended;
}

}  // namespace muster::cli

#include "adapters/probe/all_probes.h"

#include "adapters/probe/exec_probe.h"
#include "adapters/probe/http_probe.h"
#include "adapters/probe/postgres_probe.h"
#include "adapters/probe/tcp_probe.h"

namespace muster::adapters {

namespace {

using Made = Result<std::unique_ptr<probe::Probe>>;

// The probes of one event loop share their clients, which go with the last of them: the registry
// only remembers them.
struct Clients {
    std::weak_ptr<HttpProbeClients> known;
    Executor executor;

    std::shared_ptr<HttpProbeClients> take(const probe::Deps& deps) {
        auto clients = known.lock();
        if (clients == nullptr || executor != deps.executor) {
            clients = std::make_shared<HttpProbeClients>(deps.executor, deps.clock);
            known = clients;
            executor = deps.executor;
        }
        return clients;
    }
};

}  // namespace

probe::Registry all_probes(workflow::CommandRunner& runner) {
    probe::Registry probes;
    const auto make_exec = [&runner](const probe::Settings& settings, probe::Deps deps) -> Made {
        return ExecProbe::make(settings, std::move(deps), runner);
    };
    probes.add(ExecProbe::kType, {make_exec, ExecProbe::settings()});
    const auto make_http = [clients = std::make_shared<Clients>()](
                               const probe::Settings& settings, const probe::Deps& deps) -> Made {
        return HttpProbe::make(settings, clients->take(deps));
    };
    probes.add(HttpProbe::kType, {make_http, HttpProbe::settings(), HttpProbe::kIsRetried});
    const auto make_postgres = [&runner](const probe::Settings& settings,
                                         probe::Deps deps) -> Made {
        return PostgresProbe::make(settings, std::move(deps), runner);
    };
    probes.add(PostgresProbe::kType, {make_postgres, PostgresProbe::settings()});
    probes.add<TcpProbe>();
    return probes;
}

}  // namespace muster::adapters

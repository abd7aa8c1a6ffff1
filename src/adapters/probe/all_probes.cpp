#include "adapters/probe/all_probes.h"

#include "adapters/probe/exec_probe.h"
#include "adapters/probe/http_probe.h"
#include "adapters/probe/postgres_probe.h"
#include "adapters/probe/tcp_probe.h"

namespace muster::adapters {

namespace {

using Made = Result<std::unique_ptr<probe::Probe>>;

// The probes of one event loop share a client, which goes with the last of them: the registry only
// remembers it.
struct Client {
    std::weak_ptr<HttpClient> known;
    Executor executor;

    std::shared_ptr<HttpClient> take(const probe::Deps& deps) {
        auto client = known.lock();
        if (client == nullptr || executor != deps.executor) {
            client = std::make_shared<HttpClient>(deps.executor, deps.clock);
            known = client;
            executor = deps.executor;
        }
        return client;
    }
};

}  // namespace

probe::Registry all_probes(workflow::CommandRunner& runner) {
    probe::Registry probes;
    const auto make_exec = [&runner](const probe::Settings& settings, probe::Deps deps) -> Made {
        return ExecProbe::make(settings, std::move(deps), runner);
    };
    probes.add(ExecProbe::kType, {make_exec, ExecProbe::settings()});
    const auto make_http = [client = std::make_shared<Client>()](const probe::Settings& settings,
                                                                 probe::Deps deps) -> Made {
        auto shared = client->take(deps);
        return HttpProbe::make(settings, std::move(deps), std::move(shared));
    };
    probes.add(HttpProbe::kType, {make_http, HttpProbe::settings(), HttpProbe::kIsRetried});
    probes.add<PostgresProbe>();
    probes.add<TcpProbe>();
    return probes;
}

}  // namespace muster::adapters

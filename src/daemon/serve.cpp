#include "daemon/serve.h"

#include <sys/resource.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <filesystem>
#include <memory>
#include <optional>

#include "adapters/log/spdlog_log.h"
#include "adapters/os/process_safety.h"
#include "adapters/os/secret_source.h"
#include "adapters/os/segment_files.h"
#include "adapters/state/sqlite_store.h"
#include "daemon/data_directory.h"
#include "daemon/load_plan.h"
#include "daemon/node.h"
#include "daemon/observations.h"
#include "daemon/wiring.h"

namespace muster::daemon {

namespace asio = boost::asio;

namespace {

Result<> check_options(const ServeOptions& options) {
    if (options.tls_certificate.empty() != options.tls_key.empty()) {
        return Error{Errc::kInvalid, "TLS needs a certificate and its key",
                     "give both --tls-cert and --tls-key"};
    }
    if (!is_loopback(options.listen) && options.tls_certificate.empty()) {
        return Error{Errc::kInvalid,
                     "listening on " + options.listen +
                         " without TLS would show the token to the "
                         "network",
                     "give --tls-cert and --tls-key, or listen on 127.0.0.1"};
    }
    return {};
}

// 1,024 clients, thousands of kept probe connections: the usual soft limit of 1,024 is too low.
void raise_file_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

std::string node_name(const SiteId& site) {
    char host[256] = {};
    if (::gethostname(static_cast<char*>(host), sizeof host - 1) != 0) {
        return site.str();
    }
    return site.str() + "@" + static_cast<const char*>(host);
}

// Children have the root as their working directory: what they are given is absolute.
agent::BackupPorts backup_ports(Wiring& wiring, const DataDirectory& data) {
    std::error_code ignored;
    const auto program = std::filesystem::read_symlink("/proc/self/exe", ignored);
    const auto folder = std::filesystem::absolute(data.path(), ignored);
    const auto secrets = [](const plan::SecretPlace& place) {
        return adapters::read_secret({place.file, place.environment});
    };
    return {wiring.commands, wiring.zones, secrets, program.empty() ? "muster" : program.string(),
            folder.string()};
}

}  // namespace

bool is_loopback(const std::string& address) {
    const std::string host = address.substr(0, address.rfind(':'));
    return host == "localhost" || host == "[::1]" || host.starts_with("127.");
}

Result<> serve(const ServeOptions& options, std::ostream& out) {
    TRY_OK(check_options(options));
    adapters::ignore_broken_pipes();
    TRY_OK(adapters::disable_core_dumps());
    raise_file_limit();

    asio::io_context loop(1);
    adapters::SystemClock log_clock;
    adapters::SpdlogLog log(
        log_clock, {options.log_level, options.is_log_json ? adapters::SpdlogLog::Format::kJson
                                                           : adapters::SpdlogLog::Format::kText});
    Wiring wiring(loop, log);
    TRY(auto plan, load_plan(options.plan, wiring.vocabulary()));
    TRY(const auto site, choose_site(plan, options.site));
    TRY(const auto data, DataDirectory::open(options.data));
    TRY(auto token, data.token(wiring.random));
    TRY(const auto store,
        adapters::SqliteStore::open(data.file("state.db"), wiring.executor, wiring.clock));

    // A node that can't record what it sees does its work all the same.
    const auto observations = adapters::SegmentFiles::open(data.file(kObservations), {}, log);
    if (!observations) {
        log.warn("observations.off", {{"reason", observations.error().message()}});
    }
    Node::Setup setup{options,
                      data,
                      std::move(token),
                      NodeId(node_name(site)),
                      site,
                      backup_ports(wiring, data),
                      observations ? observations->get() : nullptr};
    Node node(std::move(setup), wiring, *store, out);
    std::optional<Result<>> ended;
    asio::co_spawn(loop, node.run(std::move(plan)),
                   [&](const std::exception_ptr& failure, Result<> result) {
                       ended = failure ? Error{Errc::kCorrupt, "a library failed unexpectedly"}
                                       : std::move(result);
                       loop.stop();
                   });
    loop.run();
    return ended ? std::move(*ended) : Result<>();
}

}  // namespace muster::daemon

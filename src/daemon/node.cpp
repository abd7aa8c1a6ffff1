#include "daemon/node.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>

#include "daemon/http_bridge.h"
#include "daemon/load_plan.h"
#include "daemon/observations.h"

namespace muster::daemon {

namespace asio = boost::asio;

namespace {

agent::Deps with_own(agent::Deps deps, const Node::Setup& setup) {
    deps.observations = setup.observations;
    deps.backups = &setup.backups;
    return deps;
}

}  // namespace

Node::Node(Setup setup, Wiring& wiring, state::Store& store, std::ostream& out)
    : setup_(std::move(setup)),
      wiring_(wiring),
      out_(out),
      store_(store, wiring.log),
      // The embedded store serves one node: its own site is the only vantage.
      agent_(agent::Options{setup_.id, setup_.site, {setup_.site}},
             with_own(wiring.agent_deps(store_), setup_)),
      view_(agent_, store_, [this] { return reload(); }),
      api_(view_, wiring.clock, wiring.log, setup_.token),
      reloaded_(wiring.executor),
      http_(wiring.executor, wiring.clock, wiring.log, serve_api(api_, is_ready_)) {
}

Task<> Node::run(plan::Plan plan) {
    const auto served = co_await serve_until_told(std::move(plan));
    is_ready_ = false;
    const auto stopped = co_await stop();
    CO_TRY_OK(served);
    co_return stopped;
}

Task<> Node::serve_until_told(plan::Plan plan) {
    CO_TRY_OK(co_await listen(plan));
    keep(plan);
    CO_TRY_OK(co_await agent_.start(std::move(plan)));
    is_agent_started_ = true;
    is_ready_ = true;
    CO_TRY_OK(announce());
    co_return co_await wait_for_end();
}

Task<> Node::listen(plan::Plan plan) {
    const auto& options = setup_.options;
    std::optional<adapters::HttpServer::Tls> tls;
    if (!options.tls_certificate.empty()) {
        tls = adapters::HttpServer::Tls{options.tls_certificate, options.tls_key};
    }
    CO_TRY_OK(http_.listen_unix(setup_.data.file("muster.sock")));
    CO_TRY(port_, http_.listen_tcp(options.listen, tls));

    const auto wanted = dns_address(plan, options.dns);
    const auto zones = zones_of(plan, wanted);
    CO_TRY_OK(wiring_.dns.set_zones(zones));
    if (!wanted.empty()) {
        CO_TRY(const auto dns_port, wiring_.dns.listen(wanted));
        const auto host = wanted.substr(0, wanted.rfind(':'));
        const auto address = host + ":" + std::to_string(dns_port);
        CO_TRY_OK(setup_.data.write("dns_address", address + "\n"));
        wiring_.log.info("dns.listening", {{"address", address}});
    } else if (!zones.empty()) {
        wiring_.log.warn(
            "dns.not_listening",
            {{"zones", zones.size()}, {"hint", "give the plan dns: {listen: ADDRESS}, or --dns"}});
    }
    co_return Result<>{};
}

// Without it a replay lacks the plan; the node does its work all the same.
void Node::keep(const plan::Plan& plan) {
    if (setup_.observations == nullptr) {
        return;
    }
    const auto kept = keep_plan(setup_.data, setup_.options.plan, plan, wiring_.vocabulary());
    if (!kept) {
        wiring_.log.warn("observations.no_plan", {{"reason", kept.error().message()}});
    }
}

Result<> Node::announce() {
    const auto& options = setup_.options;
    const std::string scheme = options.tls_certificate.empty() ? "http://" : "https://";
    const auto host = options.listen.substr(0, options.listen.rfind(':'));
    const auto url = scheme + host + ":" + std::to_string(port_);
    TRY_OK(setup_.data.write("address", url + "\n"));
    wiring_.log.info("node.listening", {{"node", setup_.id}, {"url", url}});
    out_ << "muster: serving " << agent_.plan().name << " at " << url << " (data "
         << setup_.data.path() << ")" << std::endl;
    return {};
}

Task<> Node::wait_for_end() {
    asio::signal_set signals(wiring_.executor, SIGTERM, SIGINT, SIGHUP);
    while (true) {
        const auto [failure, number] =
            co_await signals.async_wait(asio::as_tuple(asio::use_awaitable));
        if (failure) {
            co_return Error{Errc::kCancelled, "waiting for signals ended: " + failure.message()};
        }
        if (number != SIGHUP) {
            wiring_.log.info("node.stopping", {{"signal", number}});
            co_return Result<>{};
        }
        // Reported in the log; the old plan stays in force.
        const auto ignored = co_await reload();
        static_cast<void>(ignored);
    }
}

// One at a time: two would stop and start the same probes, and the older plan could win.
Task<> Node::reload() {
    while (is_reloading_) {
        CO_TRY_OK(co_await reloaded_.wait());
    }
    is_reloading_ = true;
    const auto done = co_await reload_now();
    is_reloading_ = false;
    reloaded_.notify();
    co_return done;
}

Task<> Node::reload_now() {
    const auto path = setup_.options.plan;
    auto plan = load_plan(path, wiring_.vocabulary());
    if (!plan) {
        wiring_.log.warn("plan.refused", {{"path", path}, {"reason", plan.error().message()}});
        co_return plan.error();
    }
    if (const auto taken = co_await agent_.reload(std::move(*plan)); !taken) {
        wiring_.log.warn("plan.refused", {{"path", path}, {"reason", taken.error().message()}});
        co_return taken.error();
    }
    const auto& in_force = agent_.plan();
    keep(in_force);
    const auto zones = zones_of(in_force, dns_address(in_force, setup_.options.dns));
    auto served = wiring_.dns.set_zones(zones);
    if (!served) {
        wiring_.log.warn("dns.zones_refused", {{"reason", served.error().message()}});
    }
    co_return served;
}

Task<> Node::stop() {
    const auto http = co_await http_.stop();
    const auto agent = is_agent_started_ ? co_await agent_.stop() : Result<>();
    const auto dns = co_await wiring_.dns.stop();
    setup_.data.remove("address");
    setup_.data.remove("dns_address");
    wiring_.log.info("node.stopped", {{"node", setup_.id}});
    CO_TRY_OK(http);
    CO_TRY_OK(agent);
    co_return dns;
}

}  // namespace muster::daemon

#include <algorithm>

#include "sim/node_ports.h"

namespace muster::sim {

namespace {

using probe::Evidence;
using probe::Sample;

std::string_view flag(bool value) {
    return value ? "true" : "false";
}

/// Sees of a simulated server what the real probe sees of a real one.
class SimPostgresProbe final : public probe::Probe {
  public:
    SimPostgresProbe(Path* path, probe::Settings settings)
        : path_(path), settings_(std::move(settings)) {}

    Task<Sample> check(Instant deadline) override {
        const auto began = path_->world().clock().now();
        auto sample = co_await look(deadline);
        if (sample) {
            sample->latency = path_->world().clock().now() - began;
        }
        co_return sample;
    }

  private:
    Task<Sample> look(Instant deadline) {
        const auto site = settings_.target.site;
        auto& world = path_->world();
        const bool is_local = path_->life().site == site;
        const auto reached = co_await path_->travel(site, deadline);
        if (!reached && reached.error().code() == Errc::kCancelled) {
            co_return reached.error();
        }
        auto& server = world.server(site);
        if (!reached || !server.is_host_up) {
            CO_TRY_OK(co_await until(deadline));
            co_return Sample{Evidence::kSilence, "no answer", {}, {}};
        }
        if (!server.is_running) {
            Fields facts;
            if (is_local) {
                facts["process"] = "stopped";
            }
            co_return Sample{Evidence::kHard, "connection refused", {}, std::move(facts)};
        }
        if (server.is_frozen) {
            CO_TRY_OK(co_await until(deadline));
            co_return Sample{is_local ? Evidence::kHard : Evidence::kSilence,
                             "no answer",
                             {},
                             is_local ? Fields{{"process", "frozen"}} : Fields{}};
        }
        co_return judge(&server);
    }

    Task<> until(Instant deadline) {
        CO_TRY_OK(co_await path_->world().clock().sleep_until(deadline));
        co_return co_await path_->live();
    }

    // A connection that a dead network left open is there for half a minute more.
    std::string replicas_of(const SimServer& primary) {
        std::string text;
        for (const auto& one : path_->world().servers()) {
            const bool has_closed = one.is_host_up && !one.is_running;
            const auto age = path_->world().clock().now() - one.heard_at;
            if (one.site != primary.site && one.role == postgres::Role::kStandby && !has_closed &&
                one.timeline == primary.timeline && age < std::chrono::seconds(30)) {
                postgres::Server named;
                named.site = one.site;
                text += (text.empty() ? "" : ", ") + named.standby_name() + " streaming sync " +
                        postgres::to_string(postgres::Lsn{one.position});
            }
        }
        return text;
    }

    Sample judge(SimServer* server) {
        const auto now = path_->world().clock().now();
        const auto& node = settings_.variables.at("node");
        if (server->is_writable()) {
            server->heartbeat_writer = node;
            server->heartbeat_at = now;
            ++server->position;
        }
        Fields facts{{"role", std::string(postgres::to_string(server->role))},
                     {"timeline", std::to_string(server->timeline)},
                     {"lsn", postgres::to_string(postgres::Lsn{server->position})},
                     {"writable", std::string(flag(server->is_writable()))},
                     {"process", "running"}};
        if (server->is_writable()) {
            facts["sync_names"] = server->sync_setting;
            facts["replicas"] = replicas_of(*server);
        }
        if (server->role == postgres::Role::kStandby) {
            const auto age = now - server->heard_at;
            facts["streaming"] = flag(age < std::chrono::seconds(10));
            facts["last_msg_age_ms"] = std::to_string(static_cast<long>(to_ms(age)));
            // Another node's clock means nothing here; the real probe then goes by wall time.
            facts["heartbeat_at_ns"] =
                std::to_string(server->heartbeat_at.time_since_epoch().count());
            facts["heartbeat_age_ms"] =
                std::to_string(static_cast<long>(to_ms(now - server->heartbeat_at)));
        }
        const auto& expected = settings_.variables.at("expect_role");
        if (expected != postgres::to_string(server->role)) {
            return {Evidence::kHard,
                    "it is a " + facts["role"] + ", not a " + expected,
                    {},
                    std::move(facts)};
        }
        return {Evidence::kGood, "answers", {}, std::move(facts)};
    }

    Path* path_;
    probe::Settings settings_;
};

/// A reference target: the site that it stands at is its name.
class SimReference final : public probe::Probe {
  public:
    SimReference(Path* path, SiteId site) : path_(path), site_(std::move(site)) {}
    Task<Sample> check(Instant deadline) override {
        const auto reached = co_await path_->travel(site_, deadline);
        if (!reached && reached.error().code() == Errc::kCancelled) {
            co_return reached.error();
        }
        co_return Sample{reached ? Evidence::kGood : Evidence::kSilence, "", {}, {}};
    }

  private:
    Path* path_;
    SiteId site_;
};

}  // namespace

probe::Registry sim_probes(Path* path) {
    probe::Registry registry;
    const auto any = plan::Type::any("as the real one");
    registry.add("postgres", {[path](const probe::Settings& settings,
                                     const probe::Deps&) -> Result<std::unique_ptr<probe::Probe>> {
                                  return std::make_unique<SimPostgresProbe>(path, settings);
                              },
                              any});
    registry.add("tcp", {[path](const probe::Settings& settings,
                                const probe::Deps&) -> Result<std::unique_ptr<probe::Probe>> {
                             return std::make_unique<SimReference>(
                                 path, SiteId(settings.target.instance));
                         },
                         any});
    return registry;
}

}  // namespace muster::sim

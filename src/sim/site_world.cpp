#include "sim/site_world.h"

#include <algorithm>

#include "base/check.h"

namespace muster::sim {

using postgres::Role;

namespace {

std::string waits_for(const SimServer& standby) {
    postgres::Server named;
    named.site = standby.site;
    return postgres::sync_setting(named.standby_name());
}

}  // namespace

SiteWorld::SiteWorld(VirtualClock& clock, Random& random, Trace& trace)
    : clock_(clock), random_(random), trace_(trace) {
    for (const auto* name : {"east", "west"}) {
        SimServer server;
        server.site = SiteId(name);
        server.role = server.site == SiteId("east") ? Role::kPrimary : Role::kStandby;
        server.has_standby_signal = server.role == Role::kStandby;
        servers_.push_back(server);
    }
}

void SiteWorld::add_standby(const SiteId& site) {
    SimServer server;
    server.site = site;
    server.has_standby_signal = true;
    servers_.push_back(server);
}

SimServer& SiteWorld::server(const SiteId& site) {
    const auto found = std::ranges::find(servers_, site, &SimServer::site);
    CHECK(found != servers_.end());
    return *found;
}

Link& SiteWorld::link(const SiteId& from, const SiteId& to) {
    return links_[{from, to}];
}
Link& SiteWorld::management(const SiteId& to) {
    return management_[to];
}

void SiteWorld::heal_network() {
    links_.clear();
    management_.clear();
}

void SiteWorld::replicate() {
    for (auto& standby : servers_) {
        for (const auto& primary : servers_) {
            const bool is_pair = primary.is_writable() && standby.answers() &&
                                 standby.role == Role::kStandby && primary.site != standby.site;
            const bool is_linked = is_pair && !link(primary.site, standby.site).is_cut &&
                                   !link(standby.site, primary.site).is_cut;
            const bool can_follow =
                standby.timeline == primary.timeline ||
                (standby.timeline < primary.timeline && standby.position <= primary.fork);
            if (is_linked && can_follow) {
                stream(primary, &standby);
            }
        }
    }
}

void SiteWorld::stream(const SimServer& primary, SimServer* standby) {
    standby->timeline = primary.timeline;
    standby->fork = primary.fork;
    standby->position = primary.position;
    standby->canary = primary.canary;
    standby->heartbeat_writer = primary.heartbeat_writer;
    standby->heartbeat_at = primary.heartbeat_at;
    standby->heard_at = clock_.now();
    if (primary.sync_setting == waits_for(*standby)) {
        acknowledged = std::max(acknowledged, primary.position);
    }
}

void SiteWorld::write() {
    for (auto& server : servers_) {
        if (server.is_writable()) {
            ++server.position;
            if (server.sync_setting.empty()) {
                acknowledged = std::max(acknowledged, server.position);
            }
        }
    }
}

bool SiteWorld::has_confirmed(const SiteId& primary, const std::string& standby,
                              std::uint64_t position) {
    const auto& from = server(primary);
    return std::ranges::any_of(servers_, [&](const SimServer& one) {
        return waits_for(one) == postgres::sync_setting(standby) && one.role == Role::kStandby &&
               one.timeline == from.timeline && one.position >= position;
    });
}

void SiteWorld::check() {
    const auto writable = std::ranges::count_if(servers_, [](const SimServer& server) {
        return server.is_writable() && !server.is_intruder;
    });
    if (writable > 1 && !is_split_) {
        trace_.violate("two writable primaries");
    }
    is_split_ = writable > 1;
}

bool SiteWorld::intrude() {
    for (auto& old : servers_) {
        for (const auto& now : servers_) {
            const bool is_former = old.has_standby_signal && old.is_host_up && !old.is_locked_off &&
                                   old.timeline < now.timeline && old.canary < now.canary;
            if (now.is_writable() && !now.is_intruder && is_former) {
                old.has_standby_signal = false;
                old.is_running = false;
                start(&old);
                old.is_intruder = true;
                old.is_divergence_kept = false;
                ++intrusions;
                return true;
            }
        }
    }
    return false;
}

void SiteWorld::check_promotion(const SiteId& site, Epoch epoch) {
    for (const auto& other : servers_) {
        const bool is_fenced = other.is_locked_off || other.has_standby_signal;
        if (other.site != site && (other.is_writable() || !is_fenced)) {
            trace_.violate("promotion of " + site.str() + " while " + other.site.str() +
                           " is not fenced");
        }
    }
    if (epoch <= highest_) {
        trace_.violate("promotion with epoch " + std::to_string(epoch.value) + " after " +
                       std::to_string(highest_.value));
    }
    const auto has = server(site).position;
    if (acknowledged > has) {
        lost += acknowledged - has;
        acknowledged = has;
        if (is_loss_forbidden_) {
            trace_.violate("promotion of " + site.str() + " loses acknowledged rows");
        }
    }
    highest_ = std::max(highest_, epoch);
    ++promotions;
}

void SiteWorld::start(SimServer* server) {
    if (!server->is_host_up || server->is_locked_off || server->is_running) {
        return;
    }
    server->is_running = true;
    server->is_frozen = false;
    server->role = server->has_standby_signal ? Role::kStandby : Role::kPrimary;
    trace_.add(server->site.str() + " starts as " + std::string(to_string(server->role)));
}

}  // namespace muster::sim

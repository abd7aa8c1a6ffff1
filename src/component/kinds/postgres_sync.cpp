// What a postgres component tells of its synchronous replication: the plan's word, and the
// primary's newest sample.

#include <sstream>

#include "component/kinds/facts.h"
#include "component/kinds/postgres_component.h"

namespace muster::component {

namespace {

using Mode = ReplicationView::Mode;

/// How long a lost standby may hold up commits where the plan allows some loss: longer than the
/// restart of a standby, shorter than most clients wait.
constexpr Duration kDegradeAfter = std::chrono::seconds(10);

postgres::Lsn lsn(const std::string& text) {
    return postgres::parse_lsn(text).value_or(postgres::Lsn{});
}

/// From "NAME STATE SYNC_STATE LSN, …", as the probe gives it.
void read_replicas(const std::string& text, ReplicaView* standby) {
    const auto wanted = standby->server.standby_name();
    std::istringstream all(text);
    for (std::string one; std::getline(all, one, ',');) {
        std::istringstream words(one);
        std::string name;
        std::string state;
        std::string sync;
        std::string flushed;
        words >> name >> state >> sync >> flushed;
        if (name == wanted) {
            ++standby->named;
            standby->is_streaming = state == "streaming";
            standby->flushed = lsn(flushed);
        }
    }
}

Mode mode_of(const std::string& sync) {
    return sync == "managed" ? Mode::kManaged : sync == "observed" ? Mode::kObserved : Mode::kOff;
}

std::optional<Duration> degrade_after(const std::string& declared, bool is_rpo_zero) {
    if (declared.empty()) {
        return is_rpo_zero ? std::nullopt : std::optional(kDegradeAfter);
    }
    const auto after = parse_duration(declared);
    return after ? std::optional(*after) : std::nullopt;
}

ReplicaView replica(const postgres::Server& server, const probe::TargetId& target,
                    Verdicts::const_iterator primary, const Verdicts& verdicts) {
    ReplicaView standby;
    standby.server = server;
    if (primary != verdicts.end()) {
        read_replicas(fact(primary->second, "replicas"), &standby);
    }
    const auto own = verdicts.find(target);
    if (own != verdicts.end()) {
        const auto& verdict = own->second;
        standby.says_streaming = fact(verdict, "streaming") == "true";
        standby.answers = verdict.health == probe::Health::kUp &&
                          verdict.facts_at == verdict.sampled && fact(verdict, "role") == "standby";
    }
    return standby;
}

void read_primary(const probe::Verdict& verdict, ReplicationView* view) {
    view->is_current = verdict.health == probe::Health::kUp &&
                       verdict.facts_at == verdict.sampled && fact(verdict, "writable") == "true";
    view->seen = verdict.sampled;
    view->setting = fact(verdict, "sync_names");
    view->position = lsn(fact(verdict, "lsn"));
}

}  // namespace

std::string sync_mode(const plan::Service& service, const plan::Component& component) {
    auto text = component.settings.text("sync");
    if (text.empty()) {
        return service.objectives.rpo == Duration{} ? "managed" : "off";
    }
    if (text == "managed") {
        return text;
    }
    return text == "observed" || component.settings.flag("sync", false) ? "observed" : "off";
}

std::optional<ReplicationView> PostgresComponent::replication(const SiteId& primary,
                                                              const Verdicts& verdicts) const {
    const auto serving = primary_target(primary, verdicts);
    const auto& at_primary = servers_of(primary);
    if (at_primary.empty()) {
        return std::nullopt;
    }
    ReplicationView view;
    view.mode = mode_of(sync_);
    view.degrade_after = degrade_after(plan_.settings.text("degrade"), is_rpo_zero_);
    view.primary = at_primary.front();
    const auto seen = serving ? verdicts.find(*serving) : verdicts.end();
    if (seen != verdicts.end()) {
        read_primary(seen->second, &view);
    }
    for (const auto& site : may_take_over_) {
        const auto& servers = servers_of(site);
        const auto& watched = targets(site);
        for (std::size_t i = 0; i < servers.size(); ++i) {
            const bool is_primary = serving ? watched[i] == *serving : site == primary;
            if (is_primary) {
                view.primary = servers[i];
            } else if (site != primary && servers[i].upstream.empty()) {
                // One at the primary's own site can't take over from it, and the primary does not
                // hear from the end of a cascade.
                view.standbys.push_back(replica(servers[i], watched[i], seen, verdicts));
            }
        }
    }
    return view;
}

}  // namespace muster::component

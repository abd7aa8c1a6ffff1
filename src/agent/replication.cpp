#include "agent/replication.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

namespace muster::agent {

namespace json = boost::json;

namespace {

using component::ReplicationView;
using component::ReplicaView;
using Kind = SyncAct::Kind;

/// Commits stall until the standby has caught up: only one that is near is taken.
constexpr std::uint64_t kNearBytes = 16U << 20U;
/// How long a lost one keeps its place when another one could take it.
constexpr Duration kReplaceAfter = std::chrono::seconds(3);

const ReplicaView* standby_in(const ReplicationView& view, const std::string& name) {
    const auto found = std::ranges::find_if(view.standbys, [&name](const ReplicaView& standby) {
        return standby.server.standby_name() == name;
    });
    return found == view.standbys.end() ? nullptr : &*found;
}

bool is_near(const ReplicaView& standby, const ReplicationView& view) {
    return standby.named == 1 && standby.is_streaming &&
           standby.flushed.value + kNearBytes >= view.position.value;
}

StreamWatch::State stream_of(const ReplicaView& standby, const SyncWatch& watch) {
    const auto found = watch.streams.find(standby.server.standby_name());
    return found == watch.streams.end() ? StreamWatch::State::kUnproven : found->second.state;
}

/// The most advanced one that could be made to hold everything; the plan's order breaks ties.
const ReplicaView* best_fit(const ReplicationView& view, const SyncWatch& watch) {
    const ReplicaView* best = nullptr;
    for (const auto& standby : view.standbys) {
        const bool is_fit =
            is_near(standby, view) && stream_of(standby, watch) == StreamWatch::State::kFlows;
        if (is_fit && (best == nullptr || standby.flushed > best->flushed)) {
            best = &standby;
        }
    }
    return best;
}

void follow_streams(const ReplicationView& view, SyncWatch* watch) {
    std::erase_if(watch->streams,
                  [&view](const auto& stream) { return !standby_in(view, stream.first); });
    for (const auto& standby : view.standbys) {
        look_at(view, standby, &watch->streams[standby.server.standby_name()]);
    }
}

void follow_loss(const ReplicaView* holder, SyncWatch* watch, Instant now) {
    const auto state =
        holder == nullptr ? StreamWatch::State::kUnproven : stream_of(*holder, *watch);
    if (state == StreamWatch::State::kFlows) {
        watch->lost_since.reset();
    } else if (holder == nullptr || !holder->is_streaming || state == StreamWatch::State::kStuck) {
        watch->lost_since = watch->lost_since.value_or(now);
    }
}

const ReplicaView* suspect_in(const ReplicationView& view, const SyncWatch& watch, Instant now) {
    const auto found = std::ranges::find_if(view.standbys, [&](const ReplicaView& standby) {
        const auto stream = watch.streams.find(standby.server.standby_name());
        return stream != watch.streams.end() && wants_renewal(standby, stream->second, now);
    });
    return found == view.standbys.end() ? nullptr : &*found;
}

/// One of the settings that this program makes: it may take it back.
bool is_own(const std::string& setting) {
    return setting.starts_with("FIRST 1 (\"muster_");
}

SyncAct act(Kind kind, const ReplicaView* standby, std::string why) {
    return {kind, standby == nullptr ? std::nullopt : std::optional(standby->server),
            std::move(why)};
}

/// The setting is in force without a record: a move began and came to nothing. It stays while the
/// standby that commits wait for has its time to confirm, and for ever where the plan says so.
bool may_stay(const ReplicationView& view, const SyncWatch& watch) {
    return std::ranges::any_of(view.standbys, [&](const ReplicaView& standby) {
        const bool is_named = view.setting == postgres::sync_setting(standby.server.standby_name());
        const bool is_stuck = stream_of(standby, watch) == StreamWatch::State::kStuck;
        return is_named && is_near(standby, view) && (!is_stuck || !view.degrade_after);
    });
}

SyncAct protect(const ReplicationView& view, const SyncWatch& watch, Instant now) {
    if (const auto* suspect = suspect_in(view, watch, now)) {
        return act(Kind::kRenew, suspect, {});
    }
    if (now < watch.retry_at) {
        return {};
    }
    if (const auto* fit = best_fit(view, watch)) {
        return act(Kind::kProtect, fit, {});
    }
    if (is_own(view.setting)) {
        if (may_stay(view, watch)) {
            return {};
        }
        return act(Kind::kRelax, nullptr, "no standby is fit to be waited for");
    }
    for (const auto& standby : view.standbys) {
        if (standby.named == 0 && standby.says_streaming) {
            return act(Kind::kName, &standby, {});
        }
    }
    return {};
}

std::string lack_of(const ReplicationView& view, const SyncWatch& watch) {
    for (const auto& standby : view.standbys) {
        const auto name = standby.server.standby_name();
        if (standby.named > 1) {
            return "several servers stream under the name " + name;
        }
        if (standby.is_streaming) {
            const bool is_stuck = stream_of(standby, watch) == StreamWatch::State::kStuck;
            return name + (!is_near(standby, view) ? " is far behind"
                           : is_stuck              ? " confirms nothing"
                                                   : " has not confirmed everything yet");
        }
    }
    return "no standby streams";
}

/// What the loss of the standby in the record asks for by now.
SyncAct act_on_loss(const ReplicationView& view, const SyncWatch& watch, const ReplicaView* holder,
                    Instant now) {
    if (!watch.lost_since) {
        return {};
    }
    const auto lost = now - *watch.lost_since;
    const auto* other = best_fit(view, watch);
    if (other != nullptr && other != holder && lost >= kReplaceAfter) {
        return act(Kind::kReplace, other, watch.record.standby + " is lost");
    }
    if (view.degrade_after && lost >= *view.degrade_after) {
        return act(Kind::kForget, nullptr,
                   watch.record.standby + " has confirmed nothing for " + human_duration(lost));
    }
    return {};
}

}  // namespace

std::string sync_key(const ServiceId& service, const ComponentId& component) {
    return "services/" + service.str() + "/sync/" + component.str();
}

std::string encode(const SyncRecord& record) {
    return json::serialize(json::object{{"version", 1},
                                        {"primary", record.primary.str()},
                                        {"site", record.site.str()},
                                        {"standby", record.standby}});
}

Result<SyncRecord> decode_sync(const state::KeyValue& entry) {
    boost::system::error_code failed;
    const auto value = json::parse(entry.value, failed);
    const auto* object = failed ? nullptr : value.if_object();
    const auto text = [object](std::string_view key) -> std::optional<std::string> {
        const auto* found = object == nullptr ? nullptr : object->if_contains(key);
        return found != nullptr && found->is_string()
                   ? std::optional(std::string(found->get_string()))
                   : std::nullopt;
    };
    const auto primary = text("primary");
    const auto site = text("site");
    const auto standby = text("standby");
    if (!primary || !site || !standby) {
        return Error{Errc::kCorrupt, "the record " + entry.key + " can't be read",
                     "stop muster and look at the store's file; no standby counts as in sync"};
    }
    return SyncRecord{SiteId(*primary), SiteId(*site), *standby, entry.modified};
}

SyncWatch forgotten(SyncWatch watch) {
    SyncWatch left;
    left.streams = std::move(watch.streams);
    return left;
}

std::string_view to_string(SyncState state) {
    constexpr std::array<std::string_view, 5> kNames = {"off", "unknown", "in_sync", "waiting",
                                                        "degraded"};
    return kNames.at(static_cast<std::size_t>(state));
}

SyncState state_of(const ReplicationView& view, const SyncWatch& watch) {
    if (view.mode != ReplicationView::Mode::kManaged) {
        return SyncState::kOff;
    }
    if (!watch.is_loaded) {
        return SyncState::kUnknown;
    }
    const bool has_one = !watch.record.site.empty() && watch.record.primary == view.primary.site;
    if (!has_one) {
        return SyncState::kDegraded;
    }
    return watch.lost_since ? SyncState::kWaiting : SyncState::kInSync;
}

SyncAct next_act(const ReplicationView& view, SyncWatch* watch, Instant now) {
    const bool has_one = !watch->record.site.empty() && watch->record.primary == view.primary.site;
    if (view.mode != ReplicationView::Mode::kManaged) {
        const bool was_managed = watch->record.revision.value != 0;
        return was_managed && (has_one || is_own(view.setting))
                   ? act(Kind::kForget, nullptr, "the plan does not ask for it any more")
                   : SyncAct{};
    }
    follow_streams(view, watch);
    if (!has_one) {
        watch->lost_since.reset();
        if (watch->why.empty() || watch->retry_at <= now) {
            watch->why = lack_of(view, *watch);
        }
        return protect(view, *watch, now);
    }
    const auto& name = watch->record.standby;
    const auto* holder = standby_in(view, name);
    follow_loss(holder, watch, now);
    if (view.setting != postgres::sync_setting(name)) {
        return act(Kind::kForget, nullptr, "synchronous_standby_names was changed by someone else");
    }
    if (holder == nullptr || holder->named > 1) {
        return act(Kind::kForget, nullptr,
                   holder == nullptr ? name + " has left the plan" : lack_of(view, *watch));
    }
    if (auto due = act_on_loss(view, *watch, holder, now); due.kind != Kind::kNone) {
        return due;
    }
    const auto* suspect = suspect_in(view, *watch, now);
    return suspect == nullptr ? SyncAct{} : act(Kind::kRenew, suspect, {});
}

}  // namespace muster::agent

#pragma once

#include <map>
#include <optional>
#include <string>

#include "agent/stream_watch.h"
#include "base/id.h"
#include "component/replication.h"
#include "state/store.h"

namespace muster::agent {

/// Who is known, durably, to have every acknowledged commit. A standby stands in it only while the
/// primary's setting makes commits wait for exactly that standby: it enters after the setting, and
/// leaves before (docs/adr/0018).
struct SyncRecord {
    SiteId primary;            ///< Whose standby it is; of no worth under another primary.
    SiteId site;               ///< Where the standby is; empty: none is in sync.
    std::string standby;       ///< Its standby_name().
    state::Revision revision;  ///< Of the record; 0: not stored yet.
};

std::string sync_key(const ServiceId& service, const ComponentId& component);
std::string encode(const SyncRecord& record);
/// kCorrupt when the text is not a record.
Result<SyncRecord> decode_sync(const state::KeyValue& entry);

/// A component's replication, as the agent follows it from look to look.
struct SyncWatch {
    SyncRecord record;
    bool is_loaded = false;
    std::map<std::string, StreamWatch> streams;  ///< By standby_name().
    std::optional<Instant> lost_since;           ///< The standby in the record does not confirm.
    Instant retry_at{};                          ///< No attempt to protect before.
    std::string why;                             ///< Why no standby is in sync.
    std::string trouble;                         ///< The last error, which is logged once.
    std::string announced;                       ///< The state that was last put into the events.
};

/// Without the record, which a move changes. When its streams were seen last is still known: after
/// a move that came to nothing the servers are the same.
SyncWatch forgotten(SyncWatch watch);

/// In sync: one standby has all. Waiting: it is lost, and commits wait for it. Degraded: commits
/// wait for nobody, what is acknowledged may be lost.
enum class SyncState { kOff, kUnknown, kInSync, kWaiting, kDegraded };
std::string_view to_string(SyncState state);
SyncState state_of(const component::ReplicationView& view, const SyncWatch& watch);

/// What is to be done about it now.
struct SyncAct {
    enum class Kind {
        kNone,
        kProtect,  ///< Make commits wait for `standby`; then the record.
        kForget,   ///< The record first; then commits wait for nobody.
        kReplace,  ///< The record first; then as kProtect for `standby`.
        kRelax,    ///< Nobody is in the record: commits must not wait for a lost standby.
        kName,     ///< Have `standby` stream under its own name.
        kRenew,    ///< See whether WAL flows to `standby`, and have it connect anew if not.
    };
    Kind kind = Kind::kNone;
    std::optional<postgres::Server> standby;
    std::string why;
};

/// Looks once: follows in `watch` how long the standby has been lost, and says what to do. Pure.
SyncAct next_act(const component::ReplicationView& view, SyncWatch* watch, Instant now);

}  // namespace muster::agent

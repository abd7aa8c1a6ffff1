#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/id.h"
#include "base/task.h"
#include "state/store.h"

namespace muster::agent {

/// Which site may take a service's writes, as it stands in the store.
struct Primacy {
    SiteId site;
    Epoch epoch;
    SiteId moving_to;          ///< While a move is under way.
    RunId run;                 ///< That move's run.
    state::Revision revision;  ///< Of the record; 0: not stored yet.
    /// The sites that moves have left, with the epoch of each move: what comes back there with an
    /// older mark is a former primary.
    std::map<SiteId, Epoch> left{};
};

std::string primacy_key(const ServiceId& service);
/// Prefix of all primacy records, for a watch.
inline constexpr std::string_view kServicesPrefix = "services/";

std::string encode(const Primacy& primacy);
/// kCorrupt when the text is not a primacy record.
Result<Primacy> decode_primacy(const state::KeyValue& entry);
/// The service that a primacy key belongs to; nothing for other keys under the prefix.
std::optional<ServiceId> service_of_key(std::string_view key);

/// Compare-and-put of `wanted` over the revision it carries; the new revision. kConflict when
/// another node was first, or something that `also` compares has changed; what that puts happens
/// with it or not at all. An unknown outcome is settled by reading back.
Task<state::Revision> commit_primacy(state::Store* store, ServiceId service, Primacy wanted,
                                     Instant deadline, state::Transaction also = {});

}  // namespace muster::agent

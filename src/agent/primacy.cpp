#include "agent/primacy.h"

#include <boost/json.hpp>

namespace muster::agent {

namespace json = boost::json;

std::string primacy_key(const ServiceId& service) {
    return std::string(kServicesPrefix) + service.str() + "/primacy";
}

std::optional<ServiceId> service_of_key(std::string_view key) {
    constexpr std::string_view kSuffix = "/primacy";
    if (!key.starts_with(kServicesPrefix) || !key.ends_with(kSuffix)) {
        return std::nullopt;
    }
    key.remove_prefix(kServicesPrefix.size());
    key.remove_suffix(kSuffix.size());
    return ServiceId(std::string(key));
}

std::string encode(const Primacy& primacy) {
    json::object left;
    for (const auto& [site, epoch] : primacy.left) {
        left[site.str()] = epoch.value;
    }
    return json::serialize(json::object{
        {"version", 1},
        {"site", primacy.site.str()},
        {"epoch", primacy.epoch.value},
        {"moving_to", primacy.moving_to.str()},
        {"run", primacy.run.str()},
        {"left", std::move(left)},
    });
}

namespace {

// Records of older versions have none: then no site counts as left.
std::map<SiteId, Epoch> left_in(const json::object& object) {
    std::map<SiteId, Epoch> left;
    const auto* sites = object.if_contains("left");
    if (sites == nullptr || !sites->is_object()) {
        return left;
    }
    for (const auto& [site, epoch] : sites->get_object()) {
        boost::system::error_code failed;
        const auto value = epoch.is_number() ? epoch.to_number<std::uint64_t>(failed) : 0;
        if (value > 0 && !failed) {
            left[SiteId(std::string(site))] = Epoch{value};
        }
    }
    return left;
}

}  // namespace

Result<Primacy> decode_primacy(const state::KeyValue& entry) {
    boost::system::error_code failed;
    const auto value = json::parse(entry.value, failed);
    const auto* object = failed ? nullptr : value.if_object();
    const auto text = [object](std::string_view key) -> std::string {
        const auto* found = object->if_contains(key);
        return found != nullptr && found->is_string() ? std::string(found->get_string())
                                                      : std::string();
    };
    const auto* version = object == nullptr ? nullptr : object->if_contains("version");
    if (version != nullptr && version->is_int64() && version->get_int64() > 1) {
        return Error{Errc::kInvalid, "the record " + entry.key + " was written by a newer muster",
                     "install the newer muster again"};
    }
    const auto* number = object == nullptr ? nullptr : object->if_contains("epoch");
    const auto epoch = number == nullptr || !number->is_number()
                           ? std::uint64_t{0}
                           : number->to_number<std::uint64_t>(failed);
    if (failed || epoch == 0) {
        return Error{Errc::kCorrupt, "the record " + entry.key + " can't be read",
                     "stop muster and look at the store's file; nothing is moved meanwhile"};
    }
    return Primacy{SiteId(text("site")), Epoch{epoch},   SiteId(text("moving_to")),
                   RunId(text("run")),   entry.modified, left_in(*object)};
}

Task<state::Revision> commit_primacy(state::Store* store, ServiceId service, Primacy wanted,
                                     Instant deadline, state::Transaction also) {
    const auto key = primacy_key(service);
    state::Transaction change = std::move(also);
    change.compares.push_back({key, wanted.revision});
    change.ops.push_back(state::Op::put(key, encode(wanted)));
    auto committed = co_await store->commit(std::move(change), deadline);
    if (committed || committed.error().code() != Errc::kOutcomeUnknown) {
        co_return committed;
    }
    CO_TRY(const auto entry, co_await store->get(key, deadline));
    if (entry && entry->value == encode(wanted)) {
        co_return entry->modified;
    }
    co_return Error{Errc::kConflict, "the primacy of " + service.str() + " was not changed"};
}

}  // namespace muster::agent

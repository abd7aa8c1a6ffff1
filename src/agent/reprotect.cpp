#include "agent/reprotect.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

namespace muster::agent {

namespace json = boost::json;

namespace {

constexpr std::array kStates{Reprotect::State::kWaiting, Reprotect::State::kRunning,
                             Reprotect::State::kDone, Reprotect::State::kGivenUp};

std::string text_in(const json::object& object, std::string_view key) {
    const auto* found = object.if_contains(key);
    return found != nullptr && found->is_string() ? std::string(found->get_string())
                                                  : std::string();
}

std::int64_t number_in(const json::object& object, std::string_view key) {
    const auto* found = object.if_contains(key);
    return found != nullptr && found->is_int64() ? found->get_int64() : 0;
}

Reprotect read(const json::object& object) {
    Reprotect one;
    const auto state = text_in(object, "state");
    for (const auto candidate : kStates) {
        one.state = to_string(candidate) == state ? candidate : one.state;
    }
    one.left = Epoch{static_cast<std::uint64_t>(number_in(object, "left"))};
    one.attempts = static_cast<int>(number_in(object, "attempts"));
    one.next = WallTime(std::chrono::microseconds(number_in(object, "next_us")));
    one.run = RunId(text_in(object, "run"));
    one.error = text_in(object, "error");
    return one;
}

}  // namespace

std::string_view to_string(Reprotect::State state) {
    switch (state) {
        case Reprotect::State::kRunning:
            return "running";
        case Reprotect::State::kDone:
            return "done";
        case Reprotect::State::kGivenUp:
            return "given_up";
        case Reprotect::State::kWaiting:
            break;
    }
    return "waiting";
}

Duration pause_after(int attempts) {
    const Duration first = std::chrono::minutes(1);
    const Duration most = std::chrono::hours(1);
    return attempts > 6 ? most : std::min(most, first * (1 << std::max(0, attempts - 1)));
}

void put_off(Reprotect* reprotect) {
    reprotect->state = Reprotect::State::kWaiting;
    reprotect->attempts = 0;
    reprotect->next = {};
    reprotect->error.clear();
}

void note_failure(Reprotect* reprotect, std::string error, WallTime now) {
    ++reprotect->attempts;
    reprotect->error = std::move(error);
    const bool is_last = reprotect->attempts >= Reprotect::kMostAttempts;
    reprotect->state = is_last ? Reprotect::State::kGivenUp : Reprotect::State::kWaiting;
    reprotect->next =
        now + std::chrono::duration_cast<WallTime::duration>(pause_after(reprotect->attempts));
}

std::string reprotect_key(const ServiceId& service) {
    return "keeper/" + service.str() + "/reprotect";
}

std::string encode(const Reprotects& reprotects) {
    json::object sites;
    for (const auto& [site, one] : reprotects) {
        sites[site.str()] = json::object{
            {"state", to_string(one.state)}, {"left", one.left.value},
            {"attempts", one.attempts},      {"next_us", one.next.time_since_epoch().count()},
            {"run", one.run.str()},          {"error", one.error}};
    }
    return json::serialize(json::object{{"version", 1}, {"sites", std::move(sites)}});
}

Result<Reprotects> decode_reprotects(const std::string& text) {
    boost::system::error_code failed;
    const auto value = json::parse(text, failed);
    const auto* object = failed ? nullptr : value.if_object();
    const auto* sites = object == nullptr ? nullptr : object->if_contains("sites");
    if (sites == nullptr || !sites->is_object()) {
        return Error{Errc::kCorrupt, "the record of a re-protection can't be read"};
    }
    Reprotects reprotects;
    for (const auto& [site, one] : sites->get_object()) {
        if (one.is_object()) {
            reprotects[SiteId(std::string(site))] = read(one.get_object());
        }
    }
    return reprotects;
}

}  // namespace muster::agent

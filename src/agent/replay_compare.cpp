#include "agent/replay_compare.h"

#include <algorithm>
#include <array>

namespace muster::agent {

namespace {

/// From what changes nothing to what moves a service.
int strength(const Outcome& outcome) {
    constexpr std::array<std::string_view, 5> kOrder{"nothing", "watch", "halt", "approval",
                                                     "failover"};
    const auto found = std::ranges::find(kOrder, outcome.kind);
    return found == kOrder.end() ? 0 : static_cast<int>(found - kOrder.begin());
}

bool is_calm(const Outcome& outcome) {
    return strength(outcome) == 0;
}

std::string name_of(const Turn& turn) {
    return turn.outcome.kind +
           (turn.outcome.target.empty() ? std::string() : " to " + turn.outcome.target);
}

Difference difference_of(const Turn& recorded, const Turn& replayed) {
    Difference made;
    made.service =
        recorded.outcome.service.empty() ? replayed.outcome.service : recorded.outcome.service;
    made.recorded = recorded;
    made.replayed = replayed;
    made.shift = replayed.at - recorded.at;
    made.is_later = recorded.outcome.kind == replayed.outcome.kind &&
                    recorded.outcome.target == replayed.outcome.target;
    const std::string was =
        made.service.str() + ": " + name_of(recorded) + " at " + format_wall(recorded.at);
    if (made.is_later) {
        const auto by = human_duration(made.shift < Duration{} ? -made.shift : made.shift);
        made.text =
            was + " would have come " + by + (made.shift < Duration{} ? " earlier" : " later");
    } else {
        made.text = was + " would have been " + name_of(replayed) + " at " +
                    format_wall(replayed.at) + ": " + replayed.outcome.summary;
    }
    return made;
}

}  // namespace

void Comparison::restart(bool is_whole) {
    is_whole_ = is_whole;
    for (auto& [id, service] : services_) {
        if (service.is_open) {
            episodes_.push_back(service.episode);
        }
    }
    services_.clear();
}

void Comparison::warm_up() {
    for (auto& [id, service] : services_) {
        service.is_compared |= is_calm(service.recorded) && is_calm(service.replayed);
    }
}

void Comparison::keep(Turn* strongest, const Outcome& outcome, WallTime at) {
    if (strongest->at == WallTime{} || strength(outcome) > strength(strongest->outcome)) {
        *strongest = {at, outcome};
    }
}

void Comparison::advance(Service* service, WallTime at) {
    const bool is_over = is_calm(service->recorded) && is_calm(service->replayed);
    if (!service->is_open && !is_over) {
        service->is_open = true;
        service->episode = {at, at, {}, {}};
    }
    if (!service->is_open) {
        return;
    }
    service->episode.ended = at;
    keep(&service->episode.recorded, service->recorded, at);
    keep(&service->episode.replayed, service->replayed, at);
    if (is_over) {
        service->is_open = false;
        episodes_.push_back(service->episode);
    }
}

void Comparison::recorded(const Outcome& outcome, WallTime at) {
    auto& service = services_[outcome.service];
    service.is_compared |= is_whole_;
    service.recorded = outcome;
    if (service.is_compared) {
        recorded_.push_back({at, outcome});
    }
}

// The recorded outcome of the same moment came before; so both are set beside each other here.
void Comparison::replayed(const Outcome& outcome, WallTime at) {
    auto& service = services_[outcome.service];
    service.is_compared |= is_whole_;
    const bool is_news = !service.replayed.is_like(outcome);
    service.replayed = outcome;
    if (!service.is_compared) {
        return;
    }
    if (is_news) {
        replayed_.push_back({at, outcome});
    }
    advance(&service, at);
}

void Comparison::finish(WallTime from, WallTime to, Replay* into) {
    restart(true);
    const auto is_wanted = [from, to](WallTime at) { return at >= from && at <= to; };
    for (auto [all, kept] :
         {std::pair(&recorded_, &into->recorded), std::pair(&replayed_, &into->replayed)}) {
        std::ranges::copy_if(*all, std::back_inserter(*kept),
                             [&](const Turn& turn) { return is_wanted(turn.at); });
    }
    for (const auto& episode : episodes_) {
        const auto& was = episode.recorded;
        const auto& would = episode.replayed;
        const bool is_same = was.outcome.kind == would.outcome.kind &&
                             was.outcome.target == would.outcome.target && was.at == would.at;
        const bool matters = std::max(strength(was.outcome), strength(would.outcome)) >
                             strength({{}, "watch", {}, {}, {}});
        if (!is_same && matters && episode.ended >= from && episode.began <= to) {
            into->differences.push_back(difference_of(was, would));
        }
    }
    std::ranges::sort(into->differences, {}, [](const auto& one) { return one.recorded.at; });
}

}  // namespace muster::agent

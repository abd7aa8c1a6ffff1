#include "decide/picture.h"

#include <algorithm>
#include <map>

// Votes become opinions, opinions become parts.
//
// Two rules bring a target down. Hard evidence (refused, wrong role, process gone) can't be forged
// by loss of packets, so a majority of the eligible vantages is enough. Silence can, so every
// eligible vantage must report it. Both count against all eligible vantages, not against those
// that happen to have voted: taking votes away or letting them age never brings anything down.
//
// A target that was never up can't have gone down: a wrong port in the plan looks the same as a
// dead server. A part of which no instance was ever up is unknown.

namespace muster::decide {
namespace {

using probe::Evidence;
using probe::Health;

constexpr int kSitePercent = 60;

using VotesByTarget = std::map<probe::TargetId, std::vector<const Vote*>>;

/// The instant at which the `needed`-th of the votes had begun, and the first of all.
std::optional<Down> nth(std::vector<Instant> begins, std::size_t needed) {
    if (needed == 0 || begins.size() < needed) {
        return std::nullopt;
    }
    std::sort(begins.begin(), begins.end());
    return Down{.since = begins[needed - 1], .began = begins.front()};
}

Opinion aggregate(const probe::TargetId& target, const std::vector<const Vote*>& votes,
                  std::size_t eligible, bool is_never_up) {
    Opinion opinion{.target = target, .eligible = static_cast<int>(eligible)};
    std::vector<Instant> hard;
    std::vector<Instant> down;
    for (const auto* vote : votes) {
        if (vote->health == Health::kUp) {
            ++opinion.up;
        } else if (vote->health == Health::kDown && vote->evidence == Evidence::kHard) {
            ++opinion.hard;
            hard.push_back(vote->since);
            down.push_back(vote->since);
        } else if (vote->health == Health::kDown && vote->evidence == Evidence::kSilence) {
            ++opinion.silent;
            down.push_back(vote->since);
        }
    }
    opinion.missing = opinion.eligible - opinion.up - opinion.hard - opinion.silent;
    opinion.is_never_up = is_never_up && opinion.up == 0;
    opinion.by_hard = nth(std::move(hard), eligible / 2 + 1);
    opinion.by_silence = nth(std::move(down), eligible);
    return opinion;
}

/// All of them hold: since the last began to, with the first bad sample of any.
std::optional<Down> all_of(const std::vector<Opinion>& instances, bool only_hard) {
    std::optional<Down> all;
    for (const auto& opinion : instances) {
        auto down = opinion.by_hard;
        if (!only_hard && opinion.by_silence &&
            (!down || opinion.by_silence->since < down->since)) {
            down = opinion.by_silence;
        }
        if (!down) {
            return std::nullopt;
        }
        if (all) {
            down->since = std::max(down->since, all->since);
            down->began = std::min(down->began, all->began);
        }
        all = down;
    }
    return all;
}

void settle(Part& part) {
    part.is_never_up = std::all_of(part.instances.begin(), part.instances.end(),
                                   [](const Opinion& opinion) { return opinion.is_never_up; });
    if (!part.is_never_up) {
        part.by_hard = all_of(part.instances, true);
        part.by_silence = all_of(part.instances, false);
    }
    const auto is_up = [](const Opinion& opinion) { return opinion.is_up(); };
    const auto is_bad = [](const Opinion& opinion) { return opinion.hard + opinion.silent > 0; };
    if (part.by_hard || part.by_silence) {
        part.health = Health::kDown;
    } else if (std::any_of(part.instances.begin(), part.instances.end(), is_up)) {
        part.health = Health::kUp;
    }
    part.is_suspect = std::any_of(part.instances.begin(), part.instances.end(), is_bad);
}

/// The newest fresh vote of each eligible vantage, by target; listed targets always have an entry.
VotesByTarget countable(const ServiceView& service, const std::vector<SiteId>& eligible,
                        const Policy& policy, Instant now) {
    VotesByTarget all;
    for (const auto& target : service.targets) {
        all.try_emplace(target);
    }
    for (const auto& vote : service.votes) {
        auto& votes = all[vote.target];
        if (!std::binary_search(eligible.begin(), eligible.end(), vote.vantage) ||
            !is_fresh(vote, policy, now)) {
            continue;
        }
        const auto same = std::find_if(votes.begin(), votes.end(), [&vote](const Vote* other) {
            return other->vantage == vote.vantage;
        });
        if (same == votes.end()) {
            votes.push_back(&vote);
        } else if ((*same)->received < vote.received) {
            *same = &vote;
        }
    }
    return all;
}

void add_parts(Picture& picture, Member& member, const VotesByTarget& votes) {
    const auto first = picture.parts.size();
    for (const auto& [target, on_target] : votes) {
        const auto is_same = [&target](const Part& part) {
            return part.component == target.component && part.site == target.site;
        };
        const auto begin = picture.parts.begin() + static_cast<std::ptrdiff_t>(first);
        auto part = std::find_if(begin, picture.parts.end(), is_same);
        if (part == picture.parts.end()) {
            picture.parts.push_back(
                {.family = member.family, .component = target.component, .site = target.site});
            part = std::prev(picture.parts.end());
        }
        const auto& never = member.view->never_up;
        part->instances.push_back(
            aggregate(target, on_target, picture.eligible.size(),
                      std::find(never.begin(), never.end(), target) != never.end()));
    }
    for (auto i = first; i < picture.parts.size(); ++i) {
        auto& part = picture.parts[i];
        settle(part);
        auto& share = picture.down_at[part.site];
        ++share.total;
        share.failing += part.health == Health::kDown ? 1 : 0;
        if (part.health != Health::kUp) {
            picture.not_up[part.site].push_back(i);
        }
    }
    picture.family_size[member.family] += static_cast<int>(picture.parts.size() - first);
    member.first = first;
    member.last = picture.parts.size();
}

using Links = std::map<ServiceId, std::vector<ServiceId>>;

Links links_of(const plan::Plan& plan) {
    Links links;
    for (const auto& service : plan.services) {
        for (const auto& on : service.depends_on) {
            links[service.id].push_back(on);
            links[on].push_back(service.id);
        }
    }
    return links;
}

/// Gives one new number to the service and to all that are linked to it.
void mark_family(std::map<ServiceId, int>& family, Links& links, ServiceId service) {
    const int number = static_cast<int>(family.size());
    std::vector<ServiceId> left{std::move(service)};
    while (!left.empty()) {
        const auto next = left.back();
        left.pop_back();
        if (family.try_emplace(next, number).second) {
            const auto& more = links[next];
            left.insert(left.end(), more.begin(), more.end());
        }
    }
}

/// Numbers the families: services linked by `depends_on`, in either direction.
std::map<ServiceId, int> families(const plan::Plan& plan) {
    auto links = links_of(plan);
    std::map<ServiceId, int> family;
    for (const auto& service : plan.services) {
        if (!family.contains(service.id)) {
            mark_family(family, links, service.id);
        }
    }
    return family;
}

std::vector<SiteId> eligible_of(const View& view) {
    std::vector<SiteId> eligible;
    for (const auto& vantage : view.vantages) {
        if (vantage.is_eligible) {
            eligible.push_back(vantage.site);
        }
    }
    std::sort(eligible.begin(), eligible.end());
    eligible.erase(std::unique(eligible.begin(), eligible.end()), eligible.end());
    return eligible;
}

}  // namespace

bool is_fresh(const Vote& vote, const Policy& policy, Instant now) {
    return now - vote.received <= policy.vote_ttl;
}

bool Picture::is_site_event(const SiteId& site) const {
    const auto found = down_at.find(site);
    return found != down_at.end() && found->second.reaches(kSitePercent);
}

std::vector<const Part*> Picture::parts_of(const ServiceId& service, const SiteId& site) const {
    std::vector<const Part*> found;
    const auto member = services.find(service);
    if (member == services.end()) {
        return found;
    }
    for (auto i = member->second.first; i < member->second.last; ++i) {
        if (parts[i].site == site) {
            found.push_back(&parts[i]);
        }
    }
    return found;
}

bool Picture::is_up(const ServiceId& service, const SiteId& site) const {
    const auto own = parts_of(service, site);
    return std::all_of(own.begin(), own.end(),
                       [](const Part* part) { return part->health == Health::kUp; });
}

Picture judge(const View& view, const plan::Plan& plan, Instant now) {
    Picture picture;
    picture.eligible = eligible_of(view);
    std::map<ServiceId, const ServiceView*> seen;
    for (const auto& service : view.services) {
        seen.emplace(service.service, &service);
    }
    const auto family = families(plan);
    for (const auto& planned : plan.services) {
        const auto found = seen.find(planned.id);
        if (found == seen.end()) {
            continue;
        }
        const auto& service = *found->second;
        auto& member = picture.services[planned.id];
        member.view = &service;
        member.family = family.at(planned.id);
        add_parts(picture, member, countable(service, picture.eligible, policy_for(planned), now));
        picture.in_trouble += picture.is_up(planned.id, service.primary) ? 0 : 1;
    }
    return picture;
}

}  // namespace muster::decide

#pragma once

#include <cstddef>
#include <map>
#include <optional>
#include <vector>

#include "decide/decide.h"

namespace muster::decide {

/// A rule that says "down": since when it has held without a break, and the first bad sample.
struct Down {
    Instant since{};
    Instant began{};
};

/// What the eligible vantages together say of one target.
struct Opinion {
    probe::TargetId target;
    int up = 0;
    int hard = 0;     ///< Down, by evidence that loss of packets can't forge.
    int silent = 0;   ///< Down, by silence.
    int missing = 0;  ///< Eligible vantages without a fresh, definite vote.
    int eligible = 0;
    bool is_never_up = false;             ///< Nobody ever saw it up, nor does now.
    std::optional<Down> by_hard = {};     ///< A majority of the eligible has hard evidence.
    std::optional<Down> by_silence = {};  ///< All of the eligible say down.

    [[nodiscard]] bool is_up() const { return up * 2 > eligible; }
    [[nodiscard]] bool is_down() const { return by_hard.has_value() || by_silence.has_value(); }
};

/// A component at a site: down only when all its instances are.
struct Part {
    int family = 0;  ///< Of its service; see Member.
    ComponentId component;
    SiteId site;
    std::vector<Opinion> instances = {};
    probe::Health health = probe::Health::kUnknown;
    bool is_suspect = false;   ///< A fresh vote of an eligible vantage says down.
    bool is_never_up = false;  ///< None of its instances was ever seen up: it can't go down.
    std::optional<Down> by_hard = {};
    std::optional<Down> by_silence = {};
};

/// How much of a group of parts fails.
struct Share {
    int failing = 0;
    int total = 0;
    /// At least `percent` per cent, of at least two.
    [[nodiscard]] bool reaches(int percent) const {
        return failing >= 2 && failing * 100 >= percent * total;
    }
};

/// One service of the picture.
struct Member {
    const ServiceView* view = nullptr;
    int family = 0;         ///< Equal for services linked by `depends_on`, in either direction.
    std::size_t first = 0;  ///< Its parts are [first, last).
    std::size_t last = 0;
};

/// The view, judged: parts instead of single votes.
struct Picture {
    std::vector<SiteId> eligible;          ///< Vantages whose votes count, sorted.
    std::vector<Part> parts;               ///< By service in the plan's order, component, site.
    std::map<ServiceId, Member> services;  ///< Those of the plan that the view knows.
    std::map<SiteId, Share> down_at;       ///< Parts that are down, by site.
    std::map<SiteId, std::vector<std::size_t>> not_up;  ///< Parts that are down or unknown.
    std::map<int, int> family_size;                     ///< Parts, by family.
    int in_trouble = 0;  ///< Services whose primary site does not carry them now.

    /// 60 % or more of the site's parts are down: one cause, the site.
    [[nodiscard]] bool is_site_event(const SiteId& site) const;
    /// The service's parts at the site.
    [[nodiscard]] std::vector<const Part*> parts_of(const ServiceId& service,
                                                    const SiteId& site) const;
    /// No part of it at the site is down or unknown.
    [[nodiscard]] bool is_up(const ServiceId& service, const SiteId& site) const;
};

Picture judge(const View& view, const plan::Plan& plan, Instant now);

/// True while the vote is young enough to count.
bool is_fresh(const Vote& vote, const Policy& policy, Instant now);

}  // namespace muster::decide

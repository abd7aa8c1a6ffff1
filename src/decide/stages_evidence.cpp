#include "decide/stages.h"
#include "decide/words.h"

namespace muster::decide {
namespace {

/// With more of the services than this in trouble, and no site to blame, a person is asked.
constexpr int kMassPercent = 20;
constexpr int kMassServices = 3;

std::string tally(const Opinion& opinion) {
    std::string text = name_of(opinion.target) + ": ";
    std::vector<std::string> parts;
    const auto add = [&parts](int number, std::string_view what) {
        if (number > 0) {
            parts.push_back(std::to_string(number) + " " + std::string(what));
        }
    };
    add(opinion.up, "up");
    add(opinion.hard, "down (hard)");
    add(opinion.silent, "down (silence)");
    add(opinion.missing, "without a fresh vote");
    return text + listing(parts) + ", of " + std::to_string(opinion.eligible);
}

std::string tally(const Part& part) {
    std::string text;
    for (const auto& opinion : part.instances) {
        text += (text.empty() ? "" : "; ") + tally(opinion);
    }
    return text;
}

Gate not_down(const Context& context) {
    std::string reason;
    const auto parts = context.picture.parts_of(context.planned.id, context.service.primary);
    for (const auto* part : parts) {
        if (part->health != probe::Health::kUp || part->is_suspect) {
            reason += (reason.empty() ? "" : "; ") + tally(*part);
        }
    }
    const auto eligible = static_cast<int>(context.picture.eligible.size());
    if (parts.empty()) {
        return stop(Kind::kNothing, "nothing is watched at " + context.service.primary.str(),
                    "a component with a probe there");
    }
    if (reason.empty()) {
        return stop(Kind::kNothing,
                    count(static_cast<int>(parts.size()), "part") + " at " +
                        context.service.primary.str() + ", all up",
                    "a part that is down as a whole");
    }
    return stop(Kind::kWatch, reason,
                "hard evidence from " + std::to_string(eligible / 2 + 1) + " of " +
                    count(eligible, "vantage") + ", or silence at " +
                    (eligible == 1 ? "it" : "all of them"));
}

/// The services it depends on that are not up, by name.
std::vector<std::string> broken_dependencies(const Context& context) {
    std::vector<std::string> broken;
    for (const auto& on : context.planned.depends_on) {
        const auto found = context.picture.services.find(on);
        if (found == context.picture.services.end() ||
            !context.picture.is_up(on, found->second.view->primary)) {
            broken.push_back(on.str());
        }
    }
    return broken;
}

}  // namespace

Gate check_votes(Context& context) {
    context.best = best_case(context);
    if (!context.best) {
        return not_down(context);
    }
    return pass(tally(*context.best->part));
}

Gate check_witnesses(Context& context) {
    const auto& best = *context.best;
    if (best.vetoed_until) {
        auto gate = stop(Kind::kWatch, best.witnesses, best.would_change);
        gate.reconsider = *best.vetoed_until + Duration(1);
        return gate;
    }
    if (best.ceiling != Kind::kFailover) {
        return lower(best.ceiling, best.witnesses, best.would_change);
    }
    return pass(best.witnesses);
}

Gate check_correlation(Context& context) {
    const auto site = context.service.primary;
    if (context.picture.is_site_event(site)) {
        const auto share = context.picture.down_at.at(site);
        return pass("site event: " + std::to_string(share.failing) + " of " +
                    std::to_string(share.total) + " parts at " + site.str() + " are down");
    }
    const auto broken = broken_dependencies(context);
    if (!broken.empty()) {
        return stop(Kind::kWatch,
                    "explained by " + listing(broken) + ", which it depends on and is not up",
                    listing(broken) + " up again while this stays down");
    }
    const int troubled = context.picture.in_trouble;
    const auto all = static_cast<int>(context.view.services.size());
    if (troubled >= kMassServices && troubled * 100 > kMassPercent * all) {
        return lower(Kind::kApproval,
                     std::to_string(troubled) + " of " + std::to_string(all) +
                         " services are in trouble at once, and no one site explains it",
                     "at most " + std::to_string(kMassPercent) + " % of the services in trouble");
    }
    return pass("this service alone");
}

Gate check_hold(Context& context) {
    const auto& best = *context.best;
    const auto held = context.now - best.down.since;
    const std::string kind = best.is_hard ? "hard evidence" : "silence";
    if (best.ready_at <= context.now) {
        return pass(kind + " for " + human_duration(held) + ", " +
                    (best.hold == Duration{} ? "none is needed"
                                             : format_duration(best.hold) + " is needed"));
    }
    auto gate = stop(
        Kind::kWatch, kind + " for " + human_duration(held) + " of " + format_duration(best.hold),
        human_duration(best.ready_at - context.now) + " more without a vantage that sees it up");
    gate.reconsider = best.ready_at;
    return gate;
}

}  // namespace muster::decide

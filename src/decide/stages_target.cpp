#include <algorithm>

#include "decide/stages.h"
#include "decide/words.h"

namespace muster::decide {
namespace {

/// The loss that a move there would cost at most; nothing: unknown.
std::optional<Duration> loss_at(const Candidate& candidate) {
    return candidate.is_in_sync ? std::optional(Duration{}) : candidate.loss;
}

/// A site of the plan where services may run.
bool is_for_services(const plan::Plan& plan, const SiteId& site) {
    return std::any_of(plan.sites.begin(), plan.sites.end(), [&site](const plan::Site& known) {
        return known.id == site && !known.is_arbiter;
    });
}

/// A site that the plan lets the service run at, other than where it is.
bool may_go(const Context& context, const SiteId& site) {
    const auto& standby = context.planned.standby;
    const bool is_named = site == context.planned.primary ||
                          std::find(standby.begin(), standby.end(), site) != standby.end();
    return is_named && site != context.service.primary && is_for_services(context.plan, site);
}

/// Empty: it is fit.
std::string why_not(const Candidate& candidate) {
    const auto because = candidate.why_not.empty() ? "" : ": " + candidate.why_not;
    if (candidate.shows_same_symptom) {
        return "shows the same symptom" + because;
    }
    if (!candidate.is_up) {
        return "not ready" + because;
    }
    if (!candidate.has_capacity) {
        return "lacks capacity" + because;
    }
    return {};
}

bool is_better(const Candidate& left, const Candidate& right) {
    if (left.is_in_sync != right.is_in_sync) {
        return left.is_in_sync;
    }
    const auto left_loss = loss_at(left).value_or(Duration::max());
    const auto right_loss = loss_at(right).value_or(Duration::max());
    if (left_loss != right_loss) {
        return left_loss < right_loss;
    }
    return left.loss_bytes.value_or(ByteCount{INT64_MAX}) <
           right.loss_bytes.value_or(ByteCount{INT64_MAX});
}

std::string describe(const Candidate& candidate) {
    if (candidate.is_in_sync) {
        return candidate.site.str() + " is ready and in sync";
    }
    return candidate.site.str() + " is ready";
}

}  // namespace

Gate check_fence(Context& context) {
    const auto have = context.service.fence;
    const auto want = context.planned.failover.fence;
    const std::string reason =
        std::string(word(have)) + " is available, " + std::string(word(want)) + " is wanted";
    if (have >= want) {
        return pass(reason);
    }
    return lower(Kind::kApproval, reason,
                 "an approval, or an " + std::string(word(want)) + " fence that works now");
}

Gate check_target(Context& context) {
    std::vector<std::string> refused;
    bool is_movable = false;
    for (const auto& candidate : context.service.candidates) {
        if (!may_go(context, candidate.site)) {
            continue;
        }
        is_movable = true;
        if (candidate.site == context.service.rebuilding) {
            refused.push_back(candidate.site.str() + " is being rebuilt");
        } else if (auto reason = why_not(candidate); !reason.empty()) {
            refused.push_back(candidate.site.str() + " " + reason);
        } else if (context.target == nullptr || is_better(candidate, *context.target)) {
            context.target = &candidate;
        }
    }
    const auto others = refused.empty() ? "" : "; " + listing(refused);
    if (context.target != nullptr) {
        return pass(describe(*context.target) + others);
    }
    if (!is_movable) {
        return stop(Kind::kNothing, "the plan has no other site for it",
                    "a standby site in the plan");
    }
    return stop(Kind::kWatch, listing(refused), "a standby that is ready");
}

Gate check_loss(Context& context) {
    const auto& failover = context.planned.failover;
    const auto bound = failover.max_loss.value_or(context.planned.objectives.rpo);
    const auto limit = format_duration(bound) + (failover.max_loss ? " (max_loss)" : " (RPO)");
    const auto loss = loss_at(*context.target);
    std::string bytes;
    if (context.target->loss_bytes && !context.target->is_in_sync) {
        bytes = ", " + human_size(*context.target->loss_bytes);
    }
    const bool lacks_sync = !context.target->is_in_sync && !context.target->sync_detail.empty();
    const auto sync = lacks_sync ? "; " + context.target->sync_detail : std::string();
    if (!loss) {
        return lower(Kind::kApproval,
                     "the loss is unknown" + bytes + ", which counts as infinite; " + limit +
                         " is allowed" + sync,
                     "an approval, or a measured loss within the bound");
    }
    const auto reason = "at most " + human_duration(*loss) + bytes + " would be lost, " + limit +
                        " is allowed" + sync;
    if (*loss > bound) {
        return lower(Kind::kApproval, reason,
                     "an approval, or a standby that catches up to the bound");
    }
    return pass(reason);
}

}  // namespace muster::decide

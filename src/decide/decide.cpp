#include "decide/decide.h"

#include <algorithm>
#include <array>
#include <set>

#include "decide/picture.h"
#include "decide/stages.h"
#include "decide/words.h"

// A pipeline of gates. Each sees what the ones before it left and can only lower what may be done:
// failover → approval → nothing. A gate that lowers lets the rest go on, so that `muster why` shows
// the whole move, its target and its loss; a gate that ends leaves the rest not reached.

namespace muster::decide {
namespace {

struct Named {
    std::string_view name;
    Gate (*check)(Context&);
};
constexpr std::array kPipeline{
    Named{"writers", check_writers},
    Named{"picture", check_picture},
    Named{"vantages", check_vantages},
    Named{"sight", check_sight},
    Named{"votes", check_votes},
    Named{"witnesses", check_witnesses},
    Named{"correlation", check_correlation},
    Named{"hold-down", check_hold},
    Named{"mode", check_mode},
    Named{"pace", check_pace},
    Named{"run", check_run},
    Named{"fence", check_fence},
    Named{"target", check_target},
    Named{"loss", check_loss},
};

int rank(Kind kind) {
    switch (kind) {
        case Kind::kFailover:
            return 2;
        case Kind::kApproval:
            return 1;
        case Kind::kNothing:
        case Kind::kWatch:
        case Kind::kHalt:
            break;
    }
    return 0;
}

void sooner(std::optional<Instant>& at, std::optional<Instant> other) {
    if (other && (!at || *other < *at)) {
        at = other;
    }
}

/// Takes down what one gate said.
Stage record(std::string_view name, Gate gate) {
    Stage stage;
    stage.name = name;
    stage.state = gate.has_passed() ? Stage::State::kPassed : Stage::State::kStopped;
    stage.reason = std::move(gate.reason);
    stage.would_change = std::move(gate.would_change);
    return stage;
}

/// Runs the gates; the action that is left.
Kind run_pipeline(Context& context, Decision& decision) {
    auto kind = Kind::kFailover;
    bool has_ended = false;
    for (const auto& [name, check] : kPipeline) {
        if (has_ended) {
            decision.stages.emplace_back().name = name;
            continue;
        }
        auto gate = check(context);
        kind = rank(gate.ceiling) < rank(kind) ? gate.ceiling : kind;
        sooner(decision.reconsider, gate.reconsider);
        has_ended = gate.ends;
        decision.stages.push_back(record(name, std::move(gate)));
    }
    return kind;
}

const Stage* first_stopped(const Decision& decision) {
    for (const auto& stage : decision.stages) {
        if (stage.state == Stage::State::kStopped) {
            return &stage;
        }
    }
    return nullptr;
}

std::string summarise(const Context& context, const Decision& decision) {
    const auto* stopped = first_stopped(decision);
    const std::string because = stopped == nullptr ? "" : stopped->name + ": " + stopped->reason;
    std::string move;
    if (context.best) {
        const auto& best = *context.best;
        move = name_of({{}, best.part->component, best.part->site, {}}) + " is down by " +
               (best.is_hard ? "hard evidence" : "silence");
        if (decision.is_site_event) {
            const auto* verb = decision.kind == Kind::kWatch ? " looks lost, " : " is lost, ";
            move = "site " + decision.from.str() + verb + move;
        }
    }
    const auto to =
        decision.target ? ", " + decision.from.str() + " → " + decision.target->str() : "";
    switch (decision.kind) {
        case Kind::kFailover:
            return "fail over" + to + ": " + move;
        case Kind::kApproval:
            return "a person must decide" + to + ": " + move + "; " + because;
        case Kind::kHalt:
            return "halt: " + because;
        case Kind::kNothing:
        case Kind::kWatch:
            break;
    }
    return move.empty() ? because : move + ", held by " + because;
}

/// The votes on its targets at the primary site, in a stable order; when time turns the first of
/// those that count stale is when to look again.
void keep_votes(const Context& context, Decision& decision) {
    for (const auto& vote : context.service.votes) {
        if (vote.target.site != context.service.primary) {
            continue;
        }
        decision.votes.push_back(vote);
        if (is_fresh(vote, context.policy, context.now)) {
            sooner(decision.reconsider, vote.received + context.policy.vote_ttl + Duration(1));
        }
    }
    std::sort(decision.votes.begin(), decision.votes.end(),
              [](const Vote& left, const Vote& right) {
                  return std::tie(left.target, left.vantage, left.received) <
                         std::tie(right.target, right.vantage, right.received);
              });
}

Decision decide_one(Context context) {
    Decision decision;
    decision.service = context.planned.id;
    decision.from = context.service.primary;
    decision.kind = run_pipeline(context, decision);
    if (context.best) {
        decision.outage_began = context.best->down.began;
        decision.is_site_event = context.picture.is_site_event(context.service.primary);
    }
    if (context.target != nullptr) {
        decision.target = context.target->site;
    }
    if (decision.kind == Kind::kWatch && !context.is_suspect()) {
        decision.kind = Kind::kNothing;
    }
    keep_votes(context, decision);
    decision.summary = summarise(context, decision);
    return decision;
}

Decision unknown_service(const plan::Service& service) {
    Decision decision;
    decision.service = service.id;
    decision.from = service.primary;
    for (const auto& named : kPipeline) {
        decision.stages.emplace_back().name = named.name;
    }
    decision.stages.front().state = Stage::State::kStopped;
    decision.stages.front().reason = "nothing is known of it yet";
    decision.stages.front().would_change = "the first reports";
    decision.summary = decision.stages.front().reason;
    return decision;
}

bool comes_first(const plan::Service* left, const plan::Service* right) {
    if (left->impact.tier != right->impact.tier) {
        return left->impact.tier < right->impact.tier;
    }
    const auto left_loss = left->impact.loss_per_hour.value_or(0);
    const auto right_loss = right->impact.loss_per_hour.value_or(0);
    return left_loss != right_loss ? left_loss > right_loss : left < right;
}

bool is_free(const plan::Service& service, const std::set<ServiceId>& waiting) {
    return std::none_of(service.depends_on.begin(), service.depends_on.end(),
                        [&waiting](const auto& on) { return waiting.contains(on); });
}

/// Dependencies before their dependents; among those that are free, tier, then loss per hour, then
/// the plan's order.
std::vector<const plan::Service*> in_order(const plan::Plan& plan) {
    std::vector<const plan::Service*> left;
    std::set<ServiceId> waiting;
    for (const auto& service : plan.services) {
        left.push_back(&service);
        waiting.insert(service.id);
    }
    std::sort(left.begin(), left.end(), comes_first);
    std::vector<const plan::Service*> order;
    while (!left.empty()) {
        auto next = std::find_if(left.begin(), left.end(), [&waiting](const auto* service) {
            return is_free(*service, waiting);
        });
        if (next == left.end()) {
            next = left.begin();  // a cycle, which a checked plan does not have
        }
        waiting.erase((*next)->id);
        order.push_back(*next);
        left.erase(next);
    }
    return order;
}

}  // namespace

Gate pass(std::string reason) {
    return {.reason = std::move(reason), .would_change = {}};
}

Gate lower(Kind ceiling, std::string reason, std::string would_change) {
    return {
        .ceiling = ceiling, .reason = std::move(reason), .would_change = std::move(would_change)};
}

Gate stop(Kind ceiling, std::string reason, std::string would_change) {
    return {.ceiling = ceiling,
            .ends = true,
            .reason = std::move(reason),
            .would_change = std::move(would_change)};
}

std::vector<Decision> decide(const View& view, const plan::Plan& plan, Instant now) {
    const auto picture = judge(view, plan, now);
    std::vector<Decision> decisions;
    for (const auto* planned : in_order(plan)) {
        const auto seen = picture.services.find(planned->id);
        decisions.push_back(seen == picture.services.end()
                                ? unknown_service(*planned)
                                : decide_one({.view = view,
                                              .plan = plan,
                                              .planned = *planned,
                                              .service = *seen->second.view,
                                              .picture = picture,
                                              .policy = policy_for(*planned),
                                              .now = now}));
    }
    return decisions;
}

}  // namespace muster::decide

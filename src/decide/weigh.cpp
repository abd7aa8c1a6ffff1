#include <algorithm>

#include "decide/stages.h"
#include "decide/words.h"

// Evidence against the service, weighed with the witnesses.
//
// Silence needs more than votes: a sign of life within kVeto refuses it, and each sign of life
// starts its hold-down anew. With fewer vantages than the policy wants, silence moves a service by
// itself only when a witness at another site has lost the primary too and either the fence is
// confirmed before anything is promoted, or only the vantage at the lost site itself is missing;
// else a person is asked. Hard evidence is never vetoed, and the word of the primary's own host
// that the process is stopped needs no hold-down.

namespace muster::decide {
namespace {

using namespace std::chrono_literals;

/// A sign of life as young as this vetoes silence.
constexpr Duration kVeto = 2s;
/// A witness's word that the primary is dead counts for so long.
constexpr Duration kWitnessTtl = 10s;
/// After an automatic move within the last day, evidence must hold so many times as long.
constexpr int kHoldFactorAfterMove = 2;

struct Testimony {
    const Witness* alive = nullptr;           ///< The newest sign of life, however old.
    const Witness* dead = nullptr;            ///< Any that has lost it.
    const Witness* dead_elsewhere = nullptr;  ///< One that stands at another site.
    const Witness* stopped = nullptr;         ///< The primary's own host: confirmed stopped.
};

Testimony hear(const Context& context) {
    Testimony heard;
    for (const auto& witness : context.service.witnesses) {
        if (witness.says == Witness::Says::kAlive &&
            (heard.alive == nullptr || heard.alive->at < witness.at)) {
            heard.alive = &witness;
        }
        if (witness.says != Witness::Says::kDead || context.now - witness.at > kWitnessTtl) {
            continue;
        }
        heard.dead = &witness;
        if (witness.site != context.service.primary) {
            heard.dead_elsewhere = &witness;
        } else if (witness.is_confirmed_stop) {
            heard.stopped = &witness;
        }
    }
    return heard;
}

std::string quote(const Witness& witness) {
    return witness.name + (witness.detail.empty() ? "" : " (" + witness.detail + ")");
}

void weigh_hard(Case& weighed, const Context& context, const Testimony& heard) {
    weighed.hold = context.policy.hold_hard;
    weighed.witnesses = "hard evidence needs no witness";
    if (heard.alive != nullptr && context.now - heard.alive->at <= kVeto) {
        weighed.witnesses += "; " + quote(*heard.alive) + " does not outweigh it";
    }
}

/// Just one vantage is missing, and that one stood at the lost site itself: it can't be expected.
bool lacks_only_the_lost_site(const Context& context) {
    const auto& vantages = context.view.vantages;
    const bool is_out = std::any_of(vantages.begin(), vantages.end(), [&context](const auto& at) {
        return at.site == context.service.primary && !at.is_eligible;
    });
    const auto eligible = static_cast<int>(context.picture.eligible.size());
    return is_out && eligible >= 2 && eligible + 1 == context.policy.min_vantages_for_silence;
}

void weigh_few(Case& weighed, const Context& context, const Testimony& heard) {
    const auto eligible = count(static_cast<int>(context.picture.eligible.size()), "vantage");
    const auto wanted = std::to_string(context.policy.min_vantages_for_silence);
    const bool is_confirmed = context.service.fence >= plan::FenceClass::kActuated;
    if (heard.dead_elsewhere != nullptr && is_confirmed) {
        weighed.hold = context.policy.hold_silence;
        weighed.witnesses = eligible + " instead of " + wanted + ", but " +
                            quote(*heard.dead_elsewhere) + " lost the primary too and the " +
                            std::string(word(context.service.fence)) +
                            " fence is confirmed before any promotion";
        return;
    }
    if (heard.dead_elsewhere != nullptr && lacks_only_the_lost_site(context)) {
        weighed.hold = context.policy.hold_silence;
        weighed.witnesses = eligible + ", all but the one at the lost site, and " +
                            quote(*heard.dead_elsewhere) + " lost the primary too";
        return;
    }
    weighed.hold = context.policy.hold_without_witness;
    weighed.ceiling = Kind::kApproval;
    weighed.witnesses = "silence seen from " + eligible + " alone, " + wanted + " are wanted";
    weighed.would_change = heard.dead_elsewhere == nullptr
                               ? "a standby at another site that lost the primary too, or more "
                                 "eligible vantages"
                               : "a fence that is confirmed (actuated or better), or more "
                                 "eligible vantages";
}

void weigh_silence(Case& weighed, const Context& context, const Testimony& heard) {
    const auto eligible = static_cast<int>(context.picture.eligible.size());
    if (eligible < context.policy.min_vantages_for_silence) {
        weigh_few(weighed, context, heard);
    } else if (heard.dead != nullptr) {
        weighed.hold = context.policy.hold_silence;
        weighed.witnesses = quote(*heard.dead) + " lost the primary too";
    } else {
        weighed.hold = context.policy.hold_without_witness;
        weighed.witnesses = "no witness speaks: the longer hold-down applies";
    }
    if (heard.alive == nullptr) {
        return;
    }
    weighed.down.since = std::max(weighed.down.since, heard.alive->at);
    if (context.now - heard.alive->at <= kVeto) {
        weighed.vetoed_until = heard.alive->at + kVeto;
        weighed.witnesses = quote(*heard.alive) + ": a sign of life " +
                            human_duration(context.now - heard.alive->at) + " ago vetoes silence";
        weighed.would_change = "no sign of life for " + format_duration(kVeto);
    }
}

Case weigh(const Context& context, const Testimony& heard, Case weighed) {
    if (heard.stopped != nullptr) {
        weighed.witnesses = quote(*heard.stopped) + " confirms that it is stopped";
        weighed.ready_at = weighed.down.since;
        return weighed;
    }
    if (weighed.is_hard) {
        weigh_hard(weighed, context, heard);
    } else {
        weigh_silence(weighed, context, heard);
    }
    if (!context.service.moves_ago.empty()) {
        weighed.hold *= kHoldFactorAfterMove;
    }
    weighed.ready_at = weighed.down.since + weighed.hold;
    return weighed;
}

/// What a case allows at once: 2 a move, 1 an approval, 0 nothing yet.
int allows(const Case& weighed, Instant now) {
    if (weighed.vetoed_until || weighed.ready_at > now) {
        return 0;
    }
    return weighed.ceiling == Kind::kFailover ? 2 : 1;
}

}  // namespace

std::optional<Case> best_case(const Context& context) {
    const auto heard = hear(context);
    std::optional<Case> best;
    const auto offer = [&](const Part& part, const std::optional<Down>& down, bool is_hard) {
        if (!down) {
            return;
        }
        auto weighed = weigh(context, heard, {.part = &part, .is_hard = is_hard, .down = *down});
        const auto now = context.now;
        if (!best || allows(weighed, now) > allows(*best, now) ||
            (allows(weighed, now) == allows(*best, now) && weighed.ready_at < best->ready_at)) {
            best = std::move(weighed);
        }
    };
    for (const auto* part : context.picture.parts_of(context.planned.id, context.service.primary)) {
        offer(*part, part->by_hard, true);
        offer(*part, part->by_silence, false);
    }
    return best;
}

}  // namespace muster::decide

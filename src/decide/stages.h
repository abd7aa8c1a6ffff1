#pragma once

#include <optional>
#include <string>

#include "decide/decide.h"
#include "decide/picture.h"

namespace muster::decide {

/// One way to condemn the service: a part at its primary site that is down by one class of
/// evidence, weighed with the witnesses. Several may hold at once; the one that allows most is
/// taken.
struct Case {
    const Part* part = nullptr;
    bool is_hard = false;
    Down down;
    Duration hold{};
    Instant ready_at{};  ///< When the hold-down has run.
    std::optional<Instant> vetoed_until = {};
    Kind ceiling = Kind::kFailover;
    std::string witnesses = {};     ///< What the witnesses say to it.
    std::string would_change = {};  ///< Of the witnesses' stage.
};

/// What one service's pipeline works on.
struct Context {
    const View& view;
    const plan::Plan& plan;
    const plan::Service& planned;
    const ServiceView& service;
    const Picture& picture;
    Policy policy;
    Instant now;
    std::optional<Case> best = std::nullopt;  ///< Set by the votes' stage.
    const Candidate* target = nullptr;        ///< Set by the target's stage.

    /// A part at the primary site is down or unknown, or a vote that counts says so.
    [[nodiscard]] bool is_suspect() const;
};

/// What one stage says. It can only lower what may be done.
struct Gate {
    Kind ceiling = Kind::kFailover;
    bool ends = false;  ///< Later stages have nothing to work on.
    std::string reason;
    std::string would_change;
    std::optional<Instant> reconsider = std::nullopt;

    [[nodiscard]] bool has_passed() const { return ceiling == Kind::kFailover && !ends; }
};
Gate pass(std::string reason);
/// Lowers to `ceiling` and goes on, so that the rest of the move stays visible.
Gate lower(Kind ceiling, std::string reason, std::string would_change);
/// Lowers to `ceiling`, and the pipeline ends here.
Gate stop(Kind ceiling, std::string reason, std::string would_change);

// The stages, in order. stages_sight.cpp: can we see at all?
Gate check_writers(Context& context);
Gate check_picture(Context& context);
Gate check_vantages(Context& context);
Gate check_sight(Context& context);
// stages_evidence.cpp: is it down, and for long enough?
Gate check_votes(Context& context);
Gate check_witnesses(Context& context);
Gate check_correlation(Context& context);
Gate check_hold(Context& context);
// stages_policy.cpp: may it move by itself now?
Gate check_mode(Context& context);
Gate check_pace(Context& context);
Gate check_run(Context& context);
// stages_target.cpp: is there a safe place to go?
Gate check_fence(Context& context);
Gate check_target(Context& context);
Gate check_loss(Context& context);

/// The service's cases, weighed (weigh.cpp); the one that allows most, soonest.
std::optional<Case> best_case(const Context& context);

}  // namespace muster::decide

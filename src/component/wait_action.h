#pragma once

#include "component/component.h"

namespace muster::component {

/// Action `wait`: for a duration, or until a probe is good, optionally at the addresses that the
/// steerer answers for a record (the way users come in). It changes nothing.
class WaitAction final : public workflow::Action {
  public:
    static constexpr std::string_view kType = "wait";
    static plan::Type parameters();

    explicit WaitAction(const Deps& deps) : deps_(deps) {}
    [[nodiscard]] workflow::Traits traits() const override;
    [[nodiscard]] std::vector<std::string> outputs() const override {
        return {"waited_ms", "rounds", "first_good_ms"};
    }
    Task<workflow::Observation> observe(workflow::Call call, Instant deadline) override;
    /// Outputs: first_good_ms (since the step began), rounds; for a duration: waited_ms.
    /// kTimedOut when it did not become good; kInvalid for parameters that make no sense.
    Task<Fields> apply(workflow::Call call, Instant deadline) override;
    Task<> undo(workflow::Call call, Instant deadline) override;

  private:
    struct Progress;
    Task<Fields> wait_until_good(workflow::Call call, Instant deadline);
    Task<> repeat(Progress* progress, long wanted, Instant deadline);
    Task<> one_round(Progress* progress, Instant deadline);
    Task<std::vector<Fields>> targets(plan::Node with, Instant deadline);

    Deps deps_;
};

}  // namespace muster::component

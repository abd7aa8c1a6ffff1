#pragma once

#include <string_view>

#include "adapters/action/all_actions.h"

namespace muster::adapters {

/// Tells a webhook: POST of {"event", "service", "run", "step", "message"} as JSON. Telling twice
/// is harmless: the receiver knows the step.
class NotifyAction final : public workflow::Action {
  public:
    static constexpr std::string_view kType = "notify";  ///< Its name in plan files.
    explicit NotifyAction(const ActionDeps& deps) : http_(deps.http) {}
    static plan::Type parameters();
    [[nodiscard]] workflow::Traits traits() const override;
    [[nodiscard]] std::vector<std::string> outputs() const override { return {"status"}; }
    Task<workflow::Observation> observe(workflow::Call call, Instant deadline) override;
    Task<Fields> apply(workflow::Call call, Instant deadline) override;
    Task<> undo(workflow::Call call, Instant deadline) override;

  private:
    HttpClient& http_;
};

}  // namespace muster::adapters

#pragma once

#include <string_view>

#include "adapters/action/all_actions.h"

namespace muster::adapters {

/// Runs a program, here or over ssh. Zero is success; `observe:` and `undo:` are programs, too.
class ExecAction final : public workflow::Action {
  public:
    static constexpr std::string_view kType = "exec";  ///< Its name in plan files.
    explicit ExecAction(const ActionDeps& deps) : commands_(deps.commands) {}
    static plan::Type parameters();
    [[nodiscard]] workflow::Traits traits() const override;
    [[nodiscard]] std::vector<std::string> outputs() const override {
        return {"stdout", "exit_code"};
    }
    Task<workflow::Observation> observe(workflow::Call call, Instant deadline) override;
    Task<Fields> apply(workflow::Call call, Instant deadline) override;
    Task<> undo(workflow::Call call, Instant deadline) override;

  private:
    workflow::CommandRunner& commands_;
};

}  // namespace muster::adapters

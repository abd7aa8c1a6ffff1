#pragma once

#include <string_view>

#include "adapters/action/all_actions.h"

namespace muster::adapters {

struct WebCall;

/// Sends an HTTP request. `observe:` and `undo:` are requests, too.
class HttpAction final : public workflow::Action {
  public:
    static constexpr std::string_view kType = "http";  ///< Its name in plan files.
    explicit HttpAction(const ActionDeps& deps) : http_(deps.http) {}
    static plan::Type parameters();
    [[nodiscard]] workflow::Traits traits() const override;
    [[nodiscard]] std::vector<std::string> outputs() const override { return {"status", "body"}; }
    Task<workflow::Observation> observe(workflow::Call call, Instant deadline) override;
    Task<Fields> apply(workflow::Call call, Instant deadline) override;
    Task<> undo(workflow::Call call, Instant deadline) override;

  private:
    Task<Fields> send(WebCall call, plan::Node with, Instant deadline);
    HttpClient& http_;
};

}  // namespace muster::adapters

#pragma once

#include <string>
#include <utility>

namespace muster {

/// A password or token. It has no formatter and no stream operator, so that it cannot be logged or
/// printed by accident; `reveal()` marks the one place that hands it to its user.
class Secret {
  public:
    Secret() = default;
    explicit Secret(std::string text) : text_(std::move(text)) {}
    [[nodiscard]] const std::string& reveal() const { return text_; }
    [[nodiscard]] bool empty() const { return text_.empty(); }
    /// Compares without telling by its duration how much was right.
    [[nodiscard]] bool matches(const std::string& candidate) const;

  private:
    std::string text_;
};

}  // namespace muster

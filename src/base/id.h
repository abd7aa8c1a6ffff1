#pragma once

#include <compare>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>

namespace muster {

/// A name that can't be mistaken for another kind of name: `SiteId`, `RunId`, …
template <class Tag>
class Id {
  public:
    Id() = default;
    explicit Id(std::string text) : text_(std::move(text)) {}
    [[nodiscard]] const std::string& str() const { return text_; }
    [[nodiscard]] bool empty() const { return text_.empty(); }
    auto operator<=>(const Id&) const = default;

  private:
    std::string text_;
};

using SiteId = Id<struct SiteTag>;            ///< A site of the plan.
using ServiceId = Id<struct ServiceTag>;      ///< A service of the plan.
using ComponentId = Id<struct ComponentTag>;  ///< A component, unique within its service.
using NodeId = Id<struct NodeTag>;            ///< A running muster process.
using RunId = Id<struct RunTag>;              ///< One durable execution of a procedure.
using StepId = Id<struct StepTag>;            ///< A step, unique within its procedure.

/// The fencing token of a service's primacy: it only ever grows; 0 means that none was granted yet.
struct Epoch {
    std::uint64_t value = 0;
    auto operator<=>(const Epoch&) const = default;
};

}  // namespace muster

template <class Tag>
struct std::hash<muster::Id<Tag>> {
    std::size_t operator()(const muster::Id<Tag>& id) const noexcept {
        return std::hash<std::string>{}(id.str());
    }
};

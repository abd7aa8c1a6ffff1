#pragma once

#include <cstddef>
#include <memory>
#include <utility>
#include <vector>

#include "plan/model.h"

namespace muster::workflow {

/// A run's steps, fixed when it starts. Copies show the same list, so that a run, its views and its
/// machine hold it once; adding to one of them leaves the others as they are.
class StepList {
  public:
    using value_type = plan::Step;
    using const_iterator = std::vector<plan::Step>::const_iterator;

    StepList() = default;
    // NOLINTNEXTLINE(google-explicit-constructor): a list of steps is one.
    StepList(std::vector<plan::Step> steps)
        : steps_(std::make_shared<std::vector<plan::Step>>(std::move(steps))) {}

    [[nodiscard]] const std::vector<plan::Step>& all() const {
        static const std::vector<plan::Step> kNone;
        return steps_ == nullptr ? kNone : *steps_;
    }
    [[nodiscard]] const_iterator begin() const { return all().begin(); }
    [[nodiscard]] const_iterator end() const { return all().end(); }
    [[nodiscard]] std::size_t size() const { return all().size(); }
    [[nodiscard]] bool empty() const { return all().empty(); }
    [[nodiscard]] const plan::Step& front() const { return all().front(); }
    [[nodiscard]] const plan::Step& back() const { return all().back(); }
    const plan::Step& operator[](std::size_t index) const { return all()[index]; }

    void push_back(plan::Step step) {
        auto own = all();
        own.push_back(std::move(step));
        *this = StepList(std::move(own));
    }

  private:
    // Shared: never changed once it is there.
    std::shared_ptr<const std::vector<plan::Step>> steps_;
};

}  // namespace muster::workflow

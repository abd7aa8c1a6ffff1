#include "component/order.h"

#include <algorithm>
#include <functional>
#include <map>
#include <numeric>
#include <ranges>
#include <set>
#include <string>
#include <utility>

// The order of a move. Steps are grouped by phase; a phase is a barrier only where safety asks for
// it, everything else runs side by side:
//
//   prepare   all of it before anything is fenced: nothing is stopped for a move that can't happen
//   fence     all of it before any promotion or scaling, across the whole service (I3)
//   promote   after the promotion of what the component needs
//   scale     after the fences; beside the promotion when the servers already run (their probe
//             tells when they are ready), after it when they are started from nothing
//   steer     after the promotion and scaling of everything that the entry stands on (I17)
//   verify    after all steering
//   release   after all verification: never part of the users' outage
//   rebuild   last

namespace muster::component {
namespace {

struct Vertex {
    std::size_t component = 0;
    Phase phase = Phase::kPrepare;
    plan::Step step;
    std::set<std::size_t> after;
};

class Graph {
  public:
    explicit Graph(const std::vector<ComponentSteps>& components);
    void connect();
    [[nodiscard]] std::vector<plan::Step> list();

  private:
    [[nodiscard]] std::set<std::size_t> in_phase(Phase phase) const;
    [[nodiscard]] std::set<std::size_t> of(std::size_t component, Phase phase) const;
    [[nodiscard]] std::set<std::size_t> last_before(const Vertex& vertex) const;
    [[nodiscard]] std::set<std::size_t> closure(std::size_t component) const;
    void collect_needed(std::size_t component, std::set<std::size_t>& found) const;
    void add_own_needs(Vertex& vertex);
    void add_needed(Vertex& vertex);
    void add_barriers(Vertex& vertex);
    void add_serving(Vertex& vertex);
    [[nodiscard]] bool is_ready(std::size_t index) const;
    [[nodiscard]] StepId full_id(const Vertex& vertex) const;
    [[nodiscard]] plan::Step place(std::size_t index);

    const std::vector<ComponentSteps>& components_;
    std::map<ComponentId, std::size_t> by_id_;
    std::vector<Vertex> vertices_;
    std::vector<std::size_t> placed_;  ///< In the order of the list.
    /// By vertex, once it is placed: whether it waits for each other one, directly or not.
    std::vector<std::vector<bool>> before_;
};

void insert_all(std::set<std::size_t>& into, const std::set<std::size_t>& from) {
    into.insert(from.begin(), from.end());
}

Graph::Graph(const std::vector<ComponentSteps>& components) : components_(components) {
    for (std::size_t c = 0; c < components.size(); ++c) {
        by_id_[components[c].component] = c;
        for (const auto& made : components[c].steps) {
            vertices_.push_back({c, made.phase, made.step, {}});
        }
    }
    before_.resize(vertices_.size());
}

std::set<std::size_t> Graph::in_phase(Phase phase) const {
    std::set<std::size_t> found;
    for (std::size_t i = 0; i < vertices_.size(); ++i) {
        if (vertices_[i].phase == phase) {
            found.insert(i);
        }
    }
    return found;
}

std::set<std::size_t> Graph::of(std::size_t component, Phase phase) const {
    std::set<std::size_t> found = in_phase(phase);
    std::erase_if(found, [&](std::size_t i) { return vertices_[i].component != component; });
    return found;
}

/// The steps of the nearest earlier phase of the same component.
std::set<std::size_t> Graph::last_before(const Vertex& vertex) const {
    for (int phase = static_cast<int>(vertex.phase) - 1; phase >= 0; --phase) {
        auto found = of(vertex.component, static_cast<Phase>(phase));
        if (!found.empty()) {
            return found;
        }
    }
    return {};
}

void Graph::collect_needed(std::size_t component, std::set<std::size_t>& found) const {
    for (const auto& need : components_[component].needs) {
        const auto needed = by_id_.find(need);
        if (needed != by_id_.end() && found.insert(needed->second).second) {
            collect_needed(needed->second, found);
        }
    }
}

/// Every component that `component` stands on.
std::set<std::size_t> Graph::closure(std::size_t component) const {
    std::set<std::size_t> found;
    collect_needed(component, found);
    return found;
}

void Graph::add_own_needs(Vertex& vertex) {
    insert_all(vertex.after, last_before(vertex));
    const auto& needs = vertex.step.needs;
    for (std::size_t i = 0; i < vertices_.size(); ++i) {
        const Vertex& other = vertices_[i];
        const bool is_needed = std::ranges::find(needs, other.step.id) != needs.end();
        if (is_needed && other.component == vertex.component) {
            vertex.after.insert(i);
        }
    }
}

void Graph::add_needed(Vertex& vertex) {
    const bool is_ordered = vertex.phase == Phase::kPromote || vertex.phase == Phase::kScale ||
                            vertex.phase == Phase::kRebuild;
    if (!is_ordered) {
        return;
    }
    for (const std::size_t needed : closure(vertex.component)) {
        insert_all(vertex.after, of(needed, vertex.phase));
        const bool waits = components_[vertex.component].waits_for_promotion;
        if (vertex.phase == Phase::kScale && waits) {
            insert_all(vertex.after, of(needed, Phase::kPromote));
        }
    }
}

void Graph::add_serving(Vertex& vertex) {
    auto needed = closure(vertex.component);
    if (needed.empty()) {
        for (std::size_t c = 0; c < components_.size(); ++c) {
            needed.insert(c);
        }
    }
    for (const std::size_t component : needed) {
        insert_all(vertex.after, of(component, Phase::kPromote));
        insert_all(vertex.after, of(component, Phase::kScale));
    }
}

void Graph::add_barriers(Vertex& vertex) {
    switch (vertex.phase) {
        case Phase::kPrepare:
            return;
        case Phase::kFence:
            return insert_all(vertex.after, in_phase(Phase::kPrepare));
        case Phase::kPromote:
        case Phase::kScale:
            insert_all(vertex.after, in_phase(Phase::kPrepare));
            return insert_all(vertex.after, in_phase(Phase::kFence));
        case Phase::kSteer:
            insert_all(vertex.after, in_phase(Phase::kPrepare));
            insert_all(vertex.after, in_phase(Phase::kFence));
            return add_serving(vertex);
        case Phase::kVerify:
            insert_all(vertex.after, in_phase(Phase::kPromote));
            insert_all(vertex.after, in_phase(Phase::kScale));
            return insert_all(vertex.after, in_phase(Phase::kSteer));
        case Phase::kRebuild:
            insert_all(vertex.after, in_phase(Phase::kRelease));
            [[fallthrough]];
        case Phase::kRelease:
            for (const auto phase :
                 {Phase::kFence, Phase::kPromote, Phase::kScale, Phase::kSteer, Phase::kVerify}) {
                insert_all(vertex.after, in_phase(phase));
            }
    }
}

void Graph::connect() {
    for (auto& vertex : vertices_) {
        add_own_needs(vertex);
        add_needed(vertex);
        add_barriers(vertex);
    }
}

bool Graph::is_ready(std::size_t index) const {
    return std::ranges::all_of(vertices_[index].after,
                               [this](std::size_t need) { return !before_[need].empty(); });
}

StepId Graph::full_id(const Vertex& vertex) const {
    return StepId(components_[vertex.component].component.str() + "." + vertex.step.id.str());
}

/// The step as a run carries it; needs that follow from others are left out.
plan::Step Graph::place(std::size_t index) {
    const Vertex& vertex = vertices_[index];
    auto& before = before_[index];
    before.resize(vertices_.size());
    std::set<std::size_t> needs;
    // The latest first: what follows from another need is known when its turn comes.
    for (const std::size_t need : std::views::reverse(placed_)) {
        if (before[need] || !vertex.after.contains(need)) {
            continue;
        }
        needs.insert(need);
        std::transform(before.begin(), before.end(), before_[need].begin(), before.begin(),
                       std::logical_or{});
        before[need] = true;
    }
    placed_.push_back(index);
    plan::Step step = vertex.step;
    step.id = full_id(vertex);
    step.phase = std::string(to_string(vertex.phase));
    step.needs.clear();
    for (const std::size_t need : needs) {
        step.needs.push_back(full_id(vertices_[need]));
    }
    return step;
}

std::vector<plan::Step> Graph::list() {
    std::vector<std::size_t> waiting(vertices_.size());
    std::iota(waiting.begin(), waiting.end(), 0U);
    std::ranges::sort(waiting, {},
                      [this](std::size_t i) { return std::pair(vertices_[i].phase, i); });
    std::vector<plan::Step> steps;
    while (!waiting.empty()) {
        const auto next =
            std::ranges::find_if(waiting, [this](std::size_t i) { return is_ready(i); });
        if (next == waiting.end()) {
            return {};  // A cycle: no kind makes one, and derive() reports it.
        }
        steps.push_back(place(*next));
        waiting.erase(next);
    }
    return steps;
}

}  // namespace

std::vector<plan::Step> order(const std::vector<ComponentSteps>& components) {
    Graph graph(components);
    graph.connect();
    return graph.list();
}

}  // namespace muster::component

#include "plan/cycles.h"

#include <algorithm>
#include <set>
#include <utility>

namespace muster::plan {
namespace {

// Depth first with three states. An explicit stack, so that a chain of a thousand names can't
// exhaust the call stack.
class Search {
  public:
    explicit Search(const Needs& needs) : needs_(needs) {}

    std::vector<std::vector<std::string>> run() {
        for (const auto& [name, needed] : needs_) {
            enter(name);
            while (!path_.empty()) {
                advance();
            }
        }
        return std::move(cycles_);
    }

  private:
    struct Visit {
        std::string name;
        std::size_t next = 0;
    };

    void enter(const std::string& name) {
        if (needs_.contains(name) && seen_.insert(name).second) {
            path_.push_back({name, 0});
            return;
        }
        const auto start = std::ranges::find(path_, name, &Visit::name);
        if (start != path_.end()) {
            std::vector<std::string> cycle;
            std::for_each(start, path_.end(),
                          [&cycle](const Visit& visit) { cycle.push_back(visit.name); });
            cycles_.push_back(std::move(cycle));
        }
    }

    void advance() {
        Visit& visit = path_.back();
        const auto& needed = needs_.at(visit.name);
        if (visit.next == needed.size()) {
            path_.pop_back();
            return;
        }
        enter(needed[visit.next++]);
    }

    const Needs& needs_;
    std::set<std::string> seen_;
    std::vector<Visit> path_;
    std::vector<std::vector<std::string>> cycles_;
};

}  // namespace

std::vector<std::vector<std::string>> find_cycles(const Needs& needs) {
    return Search(needs).run();
}

std::vector<std::string> all_needed(const Needs& needs, const std::string& name) {
    std::set<std::string> seen;
    std::vector<std::string> open{name};
    while (!open.empty()) {
        const auto known = needs.find(open.back());
        open.pop_back();
        if (known == needs.end()) {
            continue;
        }
        for (const auto& next : known->second) {
            if (seen.insert(next).second) {
                open.push_back(next);
            }
        }
    }
    return {seen.begin(), seen.end()};
}

}  // namespace muster::plan

#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "probe/probe.h"
#include "state/store.h"

namespace muster::agent {

/// What a target's probe is aimed at, as a number: its type, its settings and where they point,
/// without what changes with primacy and epoch.
std::uint64_t address_of(const probe::Settings& settings);

/// Which targets were seen up at the address that the plan gives them now; kept in the store, so
/// that a node which starts in the middle of an outage knows what was there before. What was never
/// up can't have gone down: a wrong address must not move a service.
class SeenUp {
  public:
    /// "seen/VANTAGE/" + target.
    static constexpr std::string_view kPrefix = "seen/";
    /// So many records go into one transaction.
    static constexpr std::size_t kBatch = 256;

    /// Takes up the records of all vantages.
    void load(const std::vector<state::KeyValue>& entries);
    /// The target is watched at this address from now on.
    void expect(const probe::TargetId& target, std::uint64_t address);
    /// It was seen up; true when that is news that is to be kept.
    bool note(const probe::TargetId& target);
    [[nodiscard]] bool has(const probe::TargetId& target) const;
    /// Where it is expected; 0 when it is not.
    [[nodiscard]] std::uint64_t address(const probe::TargetId& target) const;
    /// What is to be kept, at most kBatch; then `kept` once it is.
    [[nodiscard]] state::Transaction unkept(const SiteId& vantage) const;
    void kept(const state::Transaction& transaction);

  private:
    [[nodiscard]] static std::string value_of(std::uint64_t address);

    std::map<probe::TargetId, std::uint64_t> expected_;
    std::map<std::string, std::set<std::string>> seen_;  ///< By target: addresses, as `value_of`.
    std::set<std::string> unkept_;                       ///< Targets.
};

}  // namespace muster::agent

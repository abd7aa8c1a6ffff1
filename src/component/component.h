#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/units.h"
#include "component/replication.h"
#include "plan/model.h"
#include "plan/schema.h"
#include "postgres/server_control.h"
#include "probe/verdict.h"
#include "steer/steerer.h"
#include "workflow/action.h"
#include "workflow/command_runner.h"

namespace muster::component {

/// A move from one site to another, planned or forced; or making an old site a standby again: then
/// `from` is the site that serves now and `to` the one that becomes its standby.
struct Move {
    enum class Kind { kFailover, kSwitchover, kRebuild };
    Kind kind = Kind::kFailover;
    SiteId from;
    SiteId to;
};
std::string_view to_string(Move::Kind kind);

/// The order in which a move's steps come; within a component in this order, between components as
/// `needs` says (component/derive.h).
enum class Phase { kPrepare, kFence, kPromote, kScale, kSteer, kVerify, kRelease, kRebuild };
std::string_view to_string(Phase phase);

struct PhaseStep {
    Phase phase = Phase::kPrepare;
    /// Its id is unique within the component; `needs` may name steps of the same component; the
    /// derivation adds the rest.
    plan::Step step;
};

/// The newest verdict of this vantage on each target.
using Verdicts = std::map<probe::TargetId, probe::Verdict>;

/// What a kind makes of the verdicts at one site: pure.
struct SiteReport {
    SiteId site;
    probe::Health health = probe::Health::kUnknown;
    probe::Evidence evidence = probe::Evidence::kGood;
    Instant since{};     ///< First sample of the row that gave `health`.
    Instant sampled{};   ///< The newest sample.
    std::string role;    ///< "primary", "standby", "" where it has no meaning.
    std::string detail;  ///< One line for people.
    bool is_writable = false;
    std::optional<Duration> lag;  ///< RPO now, were this site promoted: age of what arrived.
    std::optional<ByteCount> lag_bytes;
    /// When the newest data that this site is proven to have was written at the primary.
    std::optional<Instant> data_as_of;
    /// Commits waited for this standby when the primary was last heard: its loss is zero.
    bool is_in_sync = false;
    std::string sync_detail;           ///< Why it is not, where it should be.
    std::optional<bool> sees_primary;  ///< A standby's own word of the primary.
    Instant sees_primary_at{};
    bool is_confirmed_stopped = false;  ///< The host says that the process is gone.
    int healthy = 0;                    ///< Instances.
    int wanted = 0;
    std::vector<std::string> warnings;  ///< What a person should mend though the site serves.
    std::string trouble;  ///< Why it protects nothing although it is up, and what to do; or "".
};

/// A technical part of a service. Stateless: all that it knows is its part of the plan.
class Component {
  public:
    virtual ~Component() = default;
    /// What to probe at each site: the plan's own probe, or the kind's default. `primary` is the
    /// site that has primacy now: it tells which role is expected where.
    [[nodiscard]] virtual std::vector<probe::Settings> probes(const SiteId& primary) const = 0;
    /// What the verdicts mean for one site.
    [[nodiscard]] virtual SiteReport assess(const SiteId& site, const SiteId& primary,
                                            const Verdicts& verdicts, Instant now) const = 0;
    /// Its steps of a move.
    [[nodiscard]] virtual std::vector<PhaseStep> steps(const Move& move) const = 0;
    /// A step that puts `site`, which a move has left with epoch `left`, out of service again. It
    /// acts only when the marks on both sides prove that the site was left and that `primary`
    /// serves; its output `found` says what it met: "fenced", "sealed", "stopped" or "standby".
    /// Nothing for kinds that can't tell.
    [[nodiscard]] virtual std::optional<plan::Step> refuse(const SiteId& site,
                                                           const SiteId& primary,
                                                           Epoch left) const {
        static_cast<void>(site);
        static_cast<void>(primary);
        static_cast<void>(left);
        return std::nullopt;
    }
    /// A step that only looks at what a site has, for people: `summary`, and `mend`, how to stop
    /// it.
    [[nodiscard]] virtual std::optional<plan::Step> examine(const SiteId& site) const {
        static_cast<void>(site);
        return std::nullopt;
    }
    /// How good a proof its fence gives; nothing when there is nothing to fence.
    [[nodiscard]] virtual std::optional<plan::FenceClass> fence_class() const = 0;
    /// How its standbys replicate; nothing for kinds that know no such thing.
    [[nodiscard]] virtual std::optional<ReplicationView> replication(
        const SiteId& primary, const Verdicts& verdicts) const {
        static_cast<void>(primary);
        static_cast<void>(verdicts);
        return std::nullopt;
    }
    /// Where traffic should go while `primary` serves: dead addresses left out, never an empty set,
    /// the short TTL while one is suspect. Empty for kinds that steer nothing.
    [[nodiscard]] virtual std::vector<steer::Wanted> wanted(const SiteId& primary,
                                                            const Verdicts& verdicts,
                                                            Epoch epoch) const {
        static_cast<void>(primary);
        static_cast<void>(verdicts);
        static_cast<void>(epoch);
        return {};
    }
    /// After so much silence a standby says that it has lost its primary; zero: none would tell.
    [[nodiscard]] virtual Duration witness_silence() const { return {}; }
    /// True when it holds data whose two writable copies would be a split brain.
    [[nodiscard]] virtual bool is_stateful() const = 0;
};

/// Ports that the kinds' own actions work through.
struct Deps {
    postgres::ServerControl& postgres;
    workflow::CommandRunner& commands;
    steer::Steerer& dns;
    const probe::Registry& probes;  ///< For `wait`: a probe run until it is good.
    probe::Deps probe_deps;         ///< Clock, random, log and executor are taken from here too.
};

/// A component kind: how its plan section looks, how to build one, which actions it brings.
struct Kind {
    std::string name;
    plan::Type settings;       ///< The keys of the component beyond the common ones.
    plan::Type site_settings;  ///< What stands under `sites: NAME:`.
    Result<std::unique_ptr<Component>> (*make)(const plan::Service&, const plan::Component&);
    /// Adds "postgres.promote" and the like.
    void (*add_actions)(workflow::Actions&, const Deps&);
    bool has_sites = true;           ///< It has a `sites:` map.
    bool has_default_probe = false;  ///< It knows what to probe when the plan does not say.
};

/// All kinds, sorted: the one place that lists them is `component/all_components.cpp`.
const std::vector<Kind>& all_kinds();
/// kInvalid for an unknown kind or settings that do not fit.
Result<std::unique_ptr<Component>> make_component(const plan::Service& service,
                                                  const plan::Component& component);

}  // namespace muster::component

#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/id.h"
#include "base/random.h"
#include "postgres/server_control.h"
#include "sim/trace.h"

namespace muster::sim {

/// A simulated PostgreSQL server and the host that it stands on.
struct SimServer {
    SiteId site;
    bool is_host_up = true;
    bool is_locked_off = false;  ///< Fenced by its power switch: comes back only by a rebuild.
    bool is_running = true;
    bool is_frozen = false;
    bool has_standby_signal = false;  ///< Whoever starts it gets a standby.
    bool is_divergence_kept = false;
    /// Somebody removed its signal and started it, after a move had left it: a second writer that
    /// muster is to refuse.
    bool is_intruder = false;
    postgres::Role role = postgres::Role::kStandby;
    int timeline = 1;
    std::uint64_t position = 1;
    std::uint64_t fork = 0;  ///< Where its timeline left the one before.
    Epoch epoch;
    Epoch canary;  ///< In its database: what a standby has of it comes from its primary.
    std::string heartbeat_writer;
    Instant heartbeat_at{};
    std::string sync_setting;  ///< Its synchronous_standby_names.
    Instant heard_at{};        ///< A standby: when the primary's stream last brought something.

    [[nodiscard]] bool answers() const { return is_host_up && is_running && !is_frozen; }
    [[nodiscard]] bool is_writable() const { return answers() && role == postgres::Role::kPrimary; }
};

/// How one site is reached from another, in one direction.
struct Link {
    bool is_cut = false;
    double loss = 0;
    Duration delay = std::chrono::milliseconds(2);
};

/// The outside of the simulation: two sites with a server each, an arbiter, the network between
/// them, the management path that fences use, and the rules that must hold at every moment.
class SiteWorld {
  public:
    SiteWorld(VirtualClock& clock, Random& random, Trace& trace);

    SimServer& server(const SiteId& site);
    /// One more site with a standby.
    void add_standby(const SiteId& site);
    [[nodiscard]] const std::vector<SimServer>& servers() const { return servers_; }
    Link& link(const SiteId& from, const SiteId& to);
    /// The path of power switches and ssh; nothing else uses it.
    Link& management(const SiteId& to);
    [[nodiscard]] VirtualClock& clock() { return clock_; }
    [[nodiscard]] Random& random() { return random_; }
    [[nodiscard]] Trace& trace() { return trace_; }

    /// Streams what the primary has to a standby that can follow it.
    void replicate();
    /// A client at each site writes where writes are taken.
    void write();
    static constexpr Duration kWriteInterval = std::chrono::milliseconds(500);
    /// Starts a former primary behind muster's back, when there is one; false when there is none.
    bool intrude();
    /// The primary's server has heard from this standby that it has everything up to `position`.
    [[nodiscard]] bool has_confirmed(const SiteId& primary, const std::string& standby,
                                     std::uint64_t position);
    /// From now on a promotion that loses an acknowledged row is a violation.
    void demand_no_loss() { is_loss_forbidden_ = true; }
    /// Two writable primaries are a violation, at any moment, unless one is an intruder.
    void check();
    /// The rules of a promotion: every other server is fenced, and the epoch is new.
    void check_promotion(const SiteId& site, Epoch epoch);
    /// A killed server's supervisor starts it again, as what its data directory says.
    void start(SimServer* server);
    void heal_network();

    Duration rebuild_takes = std::chrono::seconds(20);  ///< Give or take.
    bool is_rebuild_stubborn = false;                   ///< It does not end when it is told to.
    std::uint64_t acknowledged = 0;  ///< The highest position that a client was told of.
    std::uint64_t lost = 0;          ///< Acknowledged rows that a promotion left behind.
    std::uint64_t promotions = 0;
    std::uint64_t intrusions = 0;
    std::uint64_t refusals = 0;  ///< Intruders that were fenced.

  private:
    void stream(const SimServer& primary, SimServer* standby);
    VirtualClock& clock_;
    Random& random_;
    Trace& trace_;
    std::vector<SimServer> servers_;
    std::map<std::pair<SiteId, SiteId>, Link> links_;
    std::map<SiteId, Link> management_;
    Epoch highest_;
    bool is_split_ = false;
    bool is_loss_forbidden_ = false;
};

}  // namespace muster::sim

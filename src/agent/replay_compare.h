#pragma once

#include <map>
#include <vector>

#include "agent/replay.h"

namespace muster::agent {

/// Sets the decisions of a replay beside the recorded ones.
class Comparison {
  public:
    /// A process begins (`is_whole`), or a record whose beginning is lost.
    void restart(bool is_whole);
    /// The detectors have seen enough: services that are calm on both sides are compared from now
    /// on.
    void warm_up();
    void recorded(const Outcome& outcome, WallTime at);
    void replayed(const Outcome& outcome, WallTime at);
    /// What lies within the time, and how it differs.
    void finish(WallTime from, WallTime to, Replay* into);

  private:
    /// From the moment at which one of both is not calm until both are again.
    struct Episode {
        WallTime began{};
        WallTime ended{};
        Turn recorded;  ///< The strongest outcome, when it first was.
        Turn replayed;
    };
    struct Service {
        bool is_compared = false;
        Outcome recorded;
        Outcome replayed;
        bool is_open = false;
        Episode episode;
    };
    void advance(Service* service, WallTime at);
    static void keep(Turn* strongest, const Outcome& outcome, WallTime at);

    bool is_whole_ = true;
    std::map<ServiceId, Service> services_;
    std::vector<Turn> recorded_;
    std::vector<Turn> replayed_;
    std::vector<Episode> episodes_;
};

}  // namespace muster::agent

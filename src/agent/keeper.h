#pragma once

#include <map>
#include <string>
#include <vector>

#include "agent/reprotect.h"
#include "base/id.h"
#include "base/time.h"

namespace muster::agent {

/// A site that a move has left, as the keeper of this node knows it.
struct LeftSite {
    enum class Fence {
        kUnknown,  ///< Not looked at yet.
        kDurable,  ///< Its host says that whatever starts there is a standby.
        kPending,  ///< It could not be asked, or what runs there is none of ours to stop.
    };
    Fence fence = Fence::kUnknown;
    bool is_suspect = false;  ///< A sample said that something runs there that is no standby.
    Instant suspected{};
    bool is_reachable = false;
    Instant next_look{};
    Instant next_poke{};
    std::string obstacle;  ///< Why the fence is pending.
};

/// What the keeper carries of one service. Lives as long as the node, whatever plans come.
struct Keeping {
    bool is_busy = false;
    Epoch loaded_for;  ///< The epoch for which `reprotects` was read from the store.
    bool is_loaded = false;
    std::map<SiteId, LeftSite> sites;
    Reprotects reprotects;
    Instant writers_since{};  ///< Two sites take writes since then; zero: they don't.
    Instant next_examination{};
    std::vector<std::string> claims;  ///< What each of them has, one line each.
    std::string mend;                 ///< The commands that end it.
};

}  // namespace muster::agent

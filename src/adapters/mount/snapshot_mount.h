#pragma once

#include <functional>
#include <string>

#include "backup/host.h"
#include "backup/look/snapshot_view.h"

namespace muster::adapters {

struct MountSettings {
    std::string folder;                    ///< Where.
    bool is_for_others = false;            ///< Other accounts may look, too.
    bool are_permissions_ignored = false;  ///< Whatever the modes of the files say.
    bool is_owner_root = false;            ///< All belongs to root, not to its owners.
};

/// Mounts a view, read-only, and serves it until it is unmounted or `host.is_stopped()`; then
/// unmounts it. `on_ready` is called once when it can be seen. Needs FUSE: kNotFound when the
/// folder or /dev/fuse is missing, kInvalid when the folder is none, kDenied when the system does
/// not allow it. One mount per process at a time.
Result<> serve_mount(backup::SnapshotView& view, backup::Host& host, const MountSettings& settings,
                     const std::function<void()>& on_ready);

}  // namespace muster::adapters

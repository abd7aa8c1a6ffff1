#pragma once

#include <string>
#include <string_view>

#include "backup/format/go_json.h"

namespace muster::backup {

/// A time by a template of Go's (package time, "Constants"): the time "Mon Jan 2 15:04:05 -0700
/// MST 2006" as it shall look. A zone has no name here, but "UTC"; "MST" gives its offset.
std::string format_by_template(const GoTime& time, std::string_view layout);

}  // namespace muster::backup

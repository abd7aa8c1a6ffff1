#pragma once

#include <string>

#include "component/component.h"

namespace muster::component {

/// What a probe said under `name`, in the newest sample that had facts; empty when nothing.
std::string fact(const probe::Verdict& verdict, const std::string& name);
/// True when the newest sample had facts: older ones say what was, not what is.
bool has_current_facts(const probe::Verdict& verdict);
/// What is known of one instance: its health, and the facts `role`, `writable` and `process`.
SiteReport report_of(const probe::TargetId& target, const Verdicts& verdicts);

}  // namespace muster::component

#pragma once

#include "plan/protection.h"
#include "plan/schema.h"

namespace muster::plan {

// The language and the model of backups in a plan.

Type repository_type();
Type backup_type();
Repository build_repository(const Node::Entry& entry);
Backup build_backup(const Node& node);

}  // namespace muster::plan

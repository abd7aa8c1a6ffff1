#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "backup/format/tree.h"

namespace muster::adapters {

/// A node from what stat says; without name, link target and extended attributes.
backup::Node node_from(const struct stat& status);

/// All extended attributes (POSIX ACLs are among them) of an open file. What the file system does
/// not have is no error.
Result<std::vector<backup::ExtendedAttribute>> read_attributes(int fd, const std::string& name);
/// The same by path; a symbolic link's own.
Result<std::vector<backup::ExtendedAttribute>> read_attributes(const std::string& path);

}  // namespace muster::adapters

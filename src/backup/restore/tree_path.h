#pragma once

#include <string_view>

#include "backup/repository.h"

namespace muster::backup {

/// The node at a path within a tree ("/srv/www"; "" and "/" are the tree itself, as a directory
/// without a name). kNotFound, naming the part that is not there.
Result<Node> find_node(const Repository& repository, const ObjectId& tree, std::string_view path);

/// The same for what must be a directory: its tree.
Result<ObjectId> find_tree(const Repository& repository, const ObjectId& tree,
                           std::string_view path);

}  // namespace muster::backup

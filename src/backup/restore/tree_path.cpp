#include "backup/restore/tree_path.h"

#include <algorithm>
#include <string>

#include "backup/path_filter.h"

namespace muster::backup {

Result<Node> find_node(const Repository& repository, const ObjectId& tree, std::string_view path) {
    const std::string clean = clean_path("/" + std::string(path));
    std::string_view rest(clean);
    Node node;
    node.type = NodeType::kDirectory;
    node.subtree = tree;
    while (rest.size() > 1) {
        rest.remove_prefix(1);
        const auto name = rest.substr(0, rest.find('/'));
        rest.remove_prefix(name.size());
        const auto passed = clean.substr(0, clean.size() - rest.size());
        if (!node.is_directory() || !node.subtree) {
            return Error(Errc::kNotFound,
                         passed + " is not in the snapshot: what it would lie in is a " +
                             std::string(to_string(node.type)));
        }
        TRY(auto nodes, repository.load_tree(*node.subtree));
        const auto found = std::ranges::find(nodes, name, &Node::name);
        if (found == nodes.end()) {
            return Error(
                Errc::kNotFound,
                clean + " is not in the snapshot" + (rest.empty() ? "" : ": there is no " + passed),
                "see what is by `muster ls`");
        }
        node = std::move(*found);
    }
    return node;
}

Result<ObjectId> find_tree(const Repository& repository, const ObjectId& tree,
                           std::string_view path) {
    TRY(const auto node, find_node(repository, tree, path));
    if (!node.is_directory() || !node.subtree) {
        return Error(Errc::kInvalid, std::string(path) + " is no directory in the snapshot");
    }
    return *node.subtree;
}

}  // namespace muster::backup

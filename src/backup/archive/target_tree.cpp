#include "backup/archive/target_tree.h"

namespace muster::backup {

namespace {

std::vector<std::string> parts_of(const std::string& path) {
    std::vector<std::string> parts;
    std::size_t begin = 0;
    while (begin <= path.size()) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        const std::string part = path.substr(begin, end - begin);
        if (part == ".." && !parts.empty() && parts.back() != "..") {
            parts.pop_back();
        } else if (!part.empty() && part != ".") {
            parts.push_back(part);
        }
        begin = end + 1;
    }
    return parts;
}

void add_target(TargetTree& root, const std::string& base, const std::vector<std::string>& parts) {
    TargetTree* tree = &root;
    std::string path = base;
    bool is_new = root.children.empty() && root.path.empty();
    for (const auto& part : parts) {
        if (tree->is_leaf() && !is_new) {
            return;  // A target that stands above this one has it already.
        }
        path += path.empty() || path.ends_with('/') ? part : "/" + part;
        is_new = !tree->children.contains(part);
        tree = &tree->children[part];
        tree->path = path;
    }
    tree->children.clear();
}

}  // namespace

Result<TargetTree> make_target_tree(Source& source, const std::vector<std::string>& targets) {
    if (targets.empty()) {
        return Error(Errc::kInvalid, "nothing to back up was named", "name files or directories");
    }
    TargetTree root;
    if (targets.size() == 1 && !targets.front().starts_with('/') &&
        parts_of(targets.front()).empty()) {
        root.path = source.absolute(targets.front());
        return root;
    }
    for (const auto& target : targets) {
        const auto parts = parts_of(target);
        const bool is_absolute = target.starts_with('/');
        // What lies outside of the working directory has no name relative to it.
        if (is_absolute || parts.empty() || parts.front() == "..") {
            const auto whole = parts_of(source.absolute(target));
            if (whole.empty()) {
                root = TargetTree{{}, "/"};
                return root;
            }
            add_target(root, "/", whole);
        } else {
            add_target(root, source.absolute("."), parts);
        }
    }
    return root;
}

}  // namespace muster::backup

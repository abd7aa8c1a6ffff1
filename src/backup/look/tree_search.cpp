#include "backup/look/tree_search.h"

#include <algorithm>

namespace muster::backup {

Result<WalkStep> TreeSearch::enter(const WalkEntry& entry) {
    if (hooks_.check(entry)) {
        note_hit();
    }
    if (!entry.node.is_directory() || !entry.node.subtree || !hooks_.is_worthwhile(entry) ||
        barren_.contains({*entry.node.subtree, std::hash<std::string>()(entry.path)})) {
        return WalkStep::kOver;
    }
    has_hit_.push_back(false);
    return WalkStep::kInto;
}

Result<> TreeSearch::leave(const WalkEntry& entry) {
    const bool has_hit = has_hit_.back();
    has_hit_.pop_back();
    if (has_hit) {
        note_hit();
    } else if (barren_.size() < kRemembered) {
        barren_.insert({*entry.node.subtree, std::hash<std::string>()(entry.path)});
    }
    return {};
}

Result<> TreeSearch::on_unreadable(const std::string& path, const Error& error) {
    note_hit();  // Nobody knows what it has: it shall be told again in the next snapshot.
    hooks_.on_problem(path, error);
    return {};
}

void TreeSearch::note_hit() {
    if (!has_hit_.empty()) {
        has_hit_.back() = true;
    }
}

Result<> IdPrefixes::add(const std::string& prefix) {
    TRY_OK(ObjectId::check_prefix(prefix));
    if (prefix.size() == ObjectId::kHexSize) {
        TRY(const auto id, ObjectId::parse(prefix));
        whole_.insert(id);
    } else {
        prefixes_.push_back(prefix);
    }
    return {};
}

bool IdPrefixes::matches(const ObjectId& id) const {
    if (whole_.contains(id)) {
        return true;
    }
    const std::string hex = prefixes_.empty() ? "" : id.hex();
    return std::ranges::any_of(prefixes_,
                               [&](const auto& prefix) { return hex.starts_with(prefix); });
}

}  // namespace muster::backup

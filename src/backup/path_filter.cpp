#include "backup/path_filter.h"

#include <algorithm>

#include "backup/format/utf8.h"

// How a pattern with `**` matches. restic replaces the first `**` by 0, 1, 2 … components `*` as
// long as the pattern, in which each later `**` still counts as one component, is no longer than
// the path; then the next `**`; then it looks whether the result fits at any place (or at the
// root). Between two `**` the leftmost place where a segment fits is always the best one: it leaves
// the most room for what follows. So one pass from the left for each start finds what restic finds,
// in time that does not explode with the number of `**`. The limit on what all `**` up to the j-th
// may take, |path| - |pattern| + j components, is restic's, and is kept: an exclude must not match
// more here.

namespace muster::backup {
namespace {

/// The components of a clean path; the first is "/" when it is absolute.
void split_at_slashes(std::string_view path, PathPattern::Parts& parts) {
    parts.clear();
    for (;;) {
        const auto slash = path.find('/');
        parts.push_back(path.substr(0, slash));
        if (slash == std::string_view::npos) {
            break;
        }
        path.remove_prefix(slash + 1);
    }
    if (parts[0].empty()) {
        parts[0] = "/";
    }
}

}  // namespace

Result<PathPattern> PathPattern::make(std::string_view pattern) {
    PathPattern made;
    const std::string context = "in the pattern \"" + std::string(pattern) + "\"";
    if (pattern.starts_with('!')) {
        made.is_negated_ = true;
        pattern.remove_prefix(1);
    }
    const std::string clean = clean_path(pattern);
    Parts parts;
    split_at_slashes(clean, parts);
    made.size_ = parts.size();
    made.is_rooted_ = parts[0] == "/";
    made.segments_.emplace_back();
    for (const auto part : parts) {
        // The pattern "/" is a root and an empty component, which restic takes for `**`.
        if (part == "**" || part.empty()) {
            made.segments_.emplace_back();
            continue;
        }
        TRY(auto glob, Glob::make(part).with(context));
        made.segments_.back().globs.push_back(std::move(glob));
    }
    return made;
}

void PathPattern::split(std::string_view path, Parts& parts) {
    split_at_slashes(path, parts);
}

bool PathPattern::fits(const Segment& segment, const Parts& path, std::size_t at) {
    if (at + segment.globs.size() > path.size()) {
        return false;
    }
    for (std::size_t i = segment.globs.size(); i > 0; --i) {
        if (!segment.globs[i - 1].matches(path[at + i - 1])) {
            return false;
        }
    }
    return true;
}

bool PathPattern::matches_from(const Parts& path, std::size_t start) const {
    if (!fits(segments_[0], path, start)) {
        return false;
    }
    std::size_t at = start + segments_[0].globs.size();
    std::size_t taken = 0;
    for (std::size_t j = 1; j < segments_.size(); ++j) {
        while (taken + size_ <= path.size() + j && !fits(segments_[j], path, at)) {
            ++taken;
            ++at;
        }
        if (taken + size_ > path.size() + j) {
            return false;
        }
        at += segments_[j].globs.size();
    }
    return true;
}

bool PathPattern::matches(const Parts& path) const {
    if (is_rooted_) {
        return matches_from(path, 0);
    }
    // The last places first: what is looked for is the name at the end more often than not.
    for (std::size_t start = path.size(); start > 1; --start) {
        if (matches_from(path, start - 1)) {
            return true;
        }
    }
    return false;
}

bool PathPattern::may_match_below(const Parts& path) const {
    if (!is_rooted_) {
        return true;
    }
    const auto& front = segments_[0].globs;
    for (std::size_t i = 0; i < std::min(front.size(), path.size()); ++i) {
        // The root is "/" and an empty component. All lies below it, though restic, which never
        // asks about the root, would say no.
        if (!path[i].empty() && !front[i].matches(path[i])) {
            return false;
        }
    }
    return true;
}

Result<> PathFilter::compile(const std::vector<std::string>& patterns, bool is_exact, List& list) {
    for (const auto& pattern : patterns) {
        if (!pattern.empty()) {
            TRY(auto made, PathPattern::make(is_exact ? pattern : to_lower(pattern)));
            list.push_back(std::move(made));
        }
    }
    return {};
}

Result<PathFilter> PathFilter::make(const Patterns& patterns) {
    PathFilter filter;
    TRY_OK(compile(patterns.exact, true, filter.exact_));
    TRY_OK(compile(patterns.any_case, false, filter.any_case_));
    return filter;
}

namespace {

bool list_matches(const std::vector<PathPattern>& list, std::string_view path) {
    if (list.empty()) {
        return false;
    }
    PathPattern::Parts parts;
    PathPattern::split(path, parts);
    bool is_matched = false;
    for (const auto& pattern : list) {
        // A pattern can only change the answer to what it is not yet.
        if (pattern.is_negated() == is_matched && pattern.matches(parts)) {
            is_matched = !is_matched;
        }
    }
    return is_matched;
}

Selection list_selects(const std::vector<PathPattern>& list, std::string_view path) {
    Selection selection;
    if (list.empty()) {
        return selection;
    }
    PathPattern::Parts parts;
    PathPattern::split(path, parts);
    for (const auto& pattern : list) {
        const bool is_match = pattern.matches(parts);
        if (!pattern.is_negated()) {
            selection.is_selected = selection.is_selected || is_match;
            selection.children_may_be = selection.children_may_be || pattern.may_match_below(parts);
        } else if (is_match) {
            selection = {};
        }
    }
    return selection;
}

}  // namespace

bool PathFilter::matches(std::string_view path) const {
    return list_matches(exact_, path) ||
           (!any_case_.empty() && list_matches(any_case_, to_lower(path)));
}

Selection PathFilter::select(std::string_view path) const {
    auto selection = list_selects(exact_, path);
    if (!any_case_.empty()) {
        const auto other = list_selects(any_case_, to_lower(path));
        selection.is_selected = selection.is_selected || other.is_selected;
        selection.children_may_be = selection.children_may_be || other.children_may_be;
    }
    return selection;
}

Selection PathFilter::select_unmatched(std::string_view path) const {
    const bool is_selected = !matches(path);
    return {is_selected, is_selected};
}

std::string clean_path(std::string_view path) {
    const bool is_rooted = path.starts_with('/');
    std::vector<std::string_view> kept;
    PathPattern::Parts parts;
    PathPattern::split(path, parts);
    for (const auto part : parts) {
        const bool is_up = part == "..";
        if (part.empty() || part == "." || part == "/") {
            continue;
        }
        if (is_up && !kept.empty() && kept.back() != "..") {
            kept.pop_back();
        } else if (!is_up || !is_rooted) {
            kept.push_back(part);
        }
    }
    std::string clean(is_rooted ? "/" : "");
    for (std::size_t i = 0; i < kept.size(); ++i) {
        clean.append(i > 0 ? "/" : "").append(kept[i]);
    }
    return clean.empty() ? "." : clean;
}

}  // namespace muster::backup

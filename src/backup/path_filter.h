#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/format/glob.h"
#include "base/result.h"

namespace muster::backup {

/// Patterns as a user gives them: with --exclude or --include, and with --iexclude or --iinclude.
struct Patterns {
    std::vector<std::string> exact;
    std::vector<std::string> any_case;
};

/// What a filter says of a file or a directory when something is restored.
struct Selection {
    bool is_selected = false;
    bool children_may_be = false;  ///< Looking into it, if it is a directory, is worthwhile.
    auto operator<=>(const Selection&) const = default;
};

/// One pattern, compiled. restic's rules (its manual, "Excluding Files", and its internal/filter):
/// the pattern is cut at "/"; each component is a `Glob`; `**` stands for any number of components;
/// a pattern with a leading "/" begins at the root, another one anywhere; what lies below a match
/// matches as well; a trailing "/" means nothing.
class PathPattern {
  public:
    /// The components of an absolute path, the first is "/".
    using Parts = std::vector<std::string_view>;

    /// Not empty. kInvalid for a bad component.
    static Result<PathPattern> make(std::string_view pattern);
    /// Cuts an absolute path that is already clean ("/a/b").
    static void split(std::string_view path, Parts& parts);

    [[nodiscard]] bool matches(const Parts& path) const;
    /// Whether something below `path` could match.
    [[nodiscard]] bool may_match_below(const Parts& path) const;
    /// It began with "!": what earlier patterns of the list matched counts no longer.
    [[nodiscard]] bool is_negated() const { return is_negated_; }

  private:
    /// Components without `**` between them, after any number of components.
    struct Segment {
        std::vector<Glob> globs;
    };
    [[nodiscard]] bool matches_from(const Parts& path, std::size_t start) const;
    static bool fits(const Segment& segment, const Parts& path, std::size_t at);

    bool is_negated_ = false;
    bool is_rooted_ = false;
    std::size_t size_ = 0;  ///< Components, each `**` and the root included.
    std::vector<Segment> segments_;
};

/// Lists of patterns as restic's --exclude, --iexclude, --include and --iinclude take them. May be
/// used by many threads at once.
class PathFilter {
  public:
    /// Empty patterns are skipped. kInvalid names the pattern that is bad.
    static Result<PathFilter> make(const Patterns& patterns);

    [[nodiscard]] bool is_empty() const { return exact_.empty() && any_case_.empty(); }
    /// Whether the list matches a path, which is absolute and clean. As excludes: leave it out, and
    /// all below it, unless a later pattern with "!" names what lies below.
    [[nodiscard]] bool matches(std::string_view path) const;
    /// As patterns of what to restore.
    [[nodiscard]] Selection select(std::string_view path) const;
    /// As patterns of what not to restore: nothing below what matches is looked at.
    [[nodiscard]] Selection select_unmatched(std::string_view path) const;

  private:
    using List = std::vector<PathPattern>;
    static Result<> compile(const std::vector<std::string>& patterns, bool is_exact, List& list);

    List exact_;
    List any_case_;
};

/// "/a/../b//c/" becomes "/b/c", as Go's path.Clean; "" becomes ".".
std::string clean_path(std::string_view path);

}  // namespace muster::backup

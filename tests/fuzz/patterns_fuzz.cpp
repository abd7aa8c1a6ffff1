// What people write to choose files and snapshots. The lines before the first empty one are
// patterns, those behind it paths; all of it is also tried as the other things that are typed.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "backup/exclude_rules.h"
#include "backup/find_pattern.h"
#include "backup/forget_policy.h"
#include "backup/path_filter.h"
#include "backup/snapshot_filter.h"

namespace {

using namespace muster::backup;

void expect(bool is_so) {
    if (!is_so) {
        std::abort();
    }
}

std::string_view take_line(std::string_view& text) {
    const auto end = std::min(text.find('\n'), text.size());
    const auto line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return line;
}

/// Without "!", what is below a match matches, and above a match it is worthwhile to look.
void try_nesting(const PathFilter& filter, const std::string& path, bool is_selected) {
    std::string above = path;
    while (above.size() > 1) {
        above.resize(std::max<std::size_t>(above.rfind('/'), 1));
        const auto selection = filter.select(above);
        expect(is_selected || !selection.is_selected || above == "/");
        expect(!is_selected || selection.children_may_be);
    }
}

void try_path(const PathFilter& filter, std::string_view line, bool is_plain) {
    const std::string path = clean_path("/" + std::string(line));
    expect(clean_path(path) == path);
    const auto selection = filter.select(path);
    expect(selection.is_selected == filter.matches(path));
    if (is_plain) {
        try_nesting(filter, path, selection.is_selected);
    }
}

void try_filter(std::string_view text) {
    Patterns patterns;
    bool is_plain = true;
    for (auto line = take_line(text); !line.empty(); line = take_line(text)) {
        is_plain = is_plain && !line.starts_with('!');
        (patterns.exact.size() <= 3 ? patterns.exact : patterns.any_case).emplace_back(line);
    }
    const auto filter = PathFilter::make(patterns);
    for (int left = 20; filter && !text.empty() && left > 0; --left) {
        try_path(*filter, take_line(text), is_plain);
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try_filter(text);
    static_cast<void>(parse_pattern_file(text, [](std::string_view name) {
        return name == "X" ? std::optional<std::string>("$X") : std::nullopt;
    }));
    if (const auto span = parse_span(text); span && !span->is_zero()) {
        const auto again = parse_span(span->str());
        expect(again.has_value() && *again == *span);
    }
    static_cast<void>(parse_typed_time(text));
    static_cast<void>(parse_snapshot_name(text));
    static_cast<void>(parse_group_by(text));
    static_cast<void>(parse_size_limit(text));
    static_cast<void>(TagFile::parse(text));
    return 0;
}

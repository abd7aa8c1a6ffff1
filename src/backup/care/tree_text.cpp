#include <string_view>
#include <vector>

#include "backup/care/repair_snapshots.h"

namespace muster::backup {

namespace {

Error not_a_tree() {
    return Error(Errc::kCorrupt, "the tree has another form than any writer gives it");
}

/// Where the JSON object that begins the text ends; npos when it does not.
std::size_t object_end(std::string_view text) {
    int depth = 0;
    bool is_in_string = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (is_in_string) {
            i += c == '\\' ? 1 : 0;
            is_in_string = c != '"';
        } else if (c == '"') {
            is_in_string = true;
        } else if (c == '{' || c == '[') {
            ++depth;
        } else if ((c == '}' || c == ']') && --depth == 0) {
            return i + 1;
        }
    }
    return std::string_view::npos;
}

}  // namespace

Result<std::vector<std::string_view>> split_tree(std::string_view json) {
    constexpr std::string_view kHead = R"({"nodes":[)";
    std::vector<std::string_view> entries;
    if (!json.starts_with(kHead)) {
        return not_a_tree();
    }
    auto rest = json.substr(kHead.size());
    while (rest.starts_with('{')) {
        const auto end = object_end(rest);
        if (end == std::string_view::npos) {
            return not_a_tree();
        }
        entries.push_back(rest.substr(0, end));
        rest.remove_prefix(end);
        if (!rest.starts_with(',')) {
            break;
        }
        rest.remove_prefix(1);
    }
    return rest.starts_with(']') ? Result<std::vector<std::string_view>>(std::move(entries))
                                 : not_a_tree();
}

}  // namespace muster::backup

#include "backup/snapshot_filter.h"

#include <algorithm>
#include <charconv>
#include <map>

namespace muster::backup {
namespace {

bool contains(const std::vector<std::string>& list, std::string_view text) {
    return std::ranges::find(list, text) != list.end();
}

std::string joined(const std::vector<std::string>& texts, std::string_view separator) {
    std::string out;
    for (const auto& text : texts) {
        out.append(out.empty() ? "" : separator).append(text);
    }
    return out;
}

/// Calls `take` with each part between commas.
template <class Take>
void split_at_commas(std::string_view text, const Take& take) {
    for (;;) {
        const auto comma = text.find(',');
        take(text.substr(0, comma));
        if (comma == std::string_view::npos) {
            return;
        }
        text.remove_prefix(comma + 1);
    }
}

std::string_view trimmed(std::string_view text) {
    constexpr std::string_view kBlanks = " \t\r\n\v\f";
    const auto begin = std::min(text.find_first_not_of(kBlanks), text.size());
    text.remove_prefix(begin);
    return text.substr(0, text.find_last_not_of(kBlanks) + 1);
}

Error bad_name(std::string_view text) {
    return {Errc::kInvalid, "\"" + std::string(text) + "\" names no snapshot",
            "write the first digits of an id, latest, or latest~1 for the one before, "
            "and :/folder behind it for a part of it"};
}

}  // namespace

TagList parse_tag_list(std::string_view text) {
    TagList tags;
    split_at_commas(text, [&tags](std::string_view tag) { tags.emplace_back(trimmed(tag)); });
    return tags;
}

bool has_tags(const Snapshot& snapshot, const TagList& tags) {
    return std::ranges::all_of(tags, [&snapshot](const std::string& tag) {
        return tag.empty() && snapshot.tags.empty() ? true : contains(snapshot.tags, tag);
    });
}

bool SnapshotFilter::matches(const Snapshot& snapshot) const {
    const bool is_of_hosts = hosts.empty() || contains(hosts, snapshot.hostname);
    const bool is_tagged =
        tags.empty() || std::ranges::any_of(tags, [&snapshot](const TagList& list) {
            return has_tags(snapshot, list);
        });
    return is_of_hosts && is_tagged &&
           std::ranges::all_of(paths, [&snapshot](const std::string& path) {
               return contains(snapshot.paths, path);
           });
}

Chosen choose(Snapshots all, const SnapshotFilter& filter) {
    Chosen chosen;
    for (const auto& snapshot : all) {
        if (filter.matches(snapshot)) {
            chosen.push_back(&snapshot);
        }
    }
    std::ranges::sort(chosen, [](const Snapshot* left, const Snapshot* right) {
        return left->is_newer_than(*right);
    });
    return chosen;
}

Result<SnapshotName> parse_snapshot_name(std::string_view text) {
    constexpr std::string_view kLatest = "latest";
    SnapshotName name;
    const auto colon = std::min(text.find(':'), text.size());
    auto front = text.substr(0, colon);
    name.subfolder = text.substr(std::min(colon + 1, text.size()));
    if (!front.starts_with(kLatest)) {
        const bool is_hex = front.find_first_not_of("0123456789abcdef") == std::string_view::npos;
        if (front.empty() || !is_hex || front.size() > ObjectId::kHexSize) {
            return bad_name(text);
        }
        name.prefix = front;
        return name;
    }
    front.remove_prefix(kLatest.size());
    if (front.empty()) {
        return name;
    }
    const auto* const end = front.data() + front.size();
    const auto read = std::from_chars(front.data() + 1, end, name.steps_back);
    if (front[0] != '~' || read.ec != std::errc{} || read.ptr != end) {
        return bad_name(text);
    }
    return name;
}

namespace {

Result<const Snapshot*> find_latest(Snapshots all, std::size_t steps_back,
                                    const SnapshotFilter& filter) {
    const auto chosen = choose(all, filter);
    if (steps_back < chosen.size()) {
        return chosen[steps_back];
    }
    const std::string name = steps_back == 0 ? "latest" : "latest~" + std::to_string(steps_back);
    const std::string count = chosen.empty() ? "no" : "only " + std::to_string(chosen.size());
    const std::string noun = chosen.size() > 1 ? " snapshots" : " snapshot";
    return Error(Errc::kNotFound,
                 "there is no " + name + ": " +
                     (filter.is_empty() ? "the repository has " + count + noun
                                        : count + noun + " of that --host, --tag and --path"),
                 "list the snapshots to see which there are");
}

Result<const Snapshot*> find_by_prefix(Snapshots all, const std::string& prefix) {
    const Snapshot* found = nullptr;
    for (const auto& snapshot : all) {
        if (!snapshot.id.hex().starts_with(prefix)) {
            continue;
        }
        if (found != nullptr) {
            return Error(Errc::kConflict,
                         "more than one snapshot begins with " + prefix + ": " +
                             found->id.hex().substr(0, prefix.size() + 8) + " and " +
                             snapshot.id.hex().substr(0, prefix.size() + 8),
                         "write more digits of the id");
        }
        found = &snapshot;
    }
    if (found == nullptr) {
        return Error(Errc::kNotFound, "no snapshot begins with " + prefix,
                     "list the snapshots to see which there are");
    }
    return found;
}

}  // namespace

Result<const Snapshot*> find_snapshot(Snapshots all, const SnapshotName& name,
                                      const SnapshotFilter& filter) {
    return name.prefix.empty() ? find_latest(all, name.steps_back, filter)
                               : find_by_prefix(all, name.prefix);
}

Result<GroupBy> parse_group_by(std::string_view text) {
    GroupBy by;
    bool is_known = true;
    split_at_commas(text, [&by, &is_known](std::string_view part) {
        if (part == "host" || part == "hosts") {
            by.is_by_host = true;
        } else if (part == "path" || part == "paths") {
            by.is_by_paths = true;
        } else if (part == "tag" || part == "tags") {
            by.is_by_tags = true;
        } else {
            is_known = is_known && part.empty();
        }
    });
    if (!is_known) {
        return Error(Errc::kInvalid, "\"" + std::string(text) + "\" is not a way to group",
                     "write host, paths or tags with commas between them, or nothing at all");
    }
    return by;
}

std::string GroupKey::str() const {
    std::vector<std::string> parts;
    if (!hostname.empty()) {
        parts.push_back("host " + hostname);
    }
    if (!paths.empty()) {
        parts.push_back("paths " + joined(paths, ", "));
    }
    if (!tags.empty()) {
        parts.push_back("tags " + joined(tags, ", "));
    }
    return parts.empty() ? "all snapshots" : joined(parts, ", ");
}

std::vector<SnapshotGroup> group_snapshots(const Chosen& snapshots, const GroupBy& by) {
    std::map<GroupKey, Chosen> groups;
    for (const auto* const snapshot : snapshots) {
        GroupKey key;
        if (by.is_by_host) {
            key.hostname = snapshot->hostname;
        }
        if (by.is_by_paths) {
            key.paths = snapshot->paths;
            std::ranges::sort(key.paths);
        }
        if (by.is_by_tags) {
            key.tags = snapshot->tags;
            std::ranges::sort(key.tags);
        }
        groups[std::move(key)].push_back(snapshot);
    }
    std::vector<SnapshotGroup> sorted;
    for (auto& [key, members] : groups) {
        std::ranges::sort(members, [](const Snapshot* left, const Snapshot* right) {
            return left->is_newer_than(*right);
        });
        sorted.push_back({key, std::move(members)});
    }
    return sorted;
}

const Snapshot* find_parent(Snapshots all, const ParentQuery& query) {
    SnapshotFilter filter;
    if (query.by.is_by_host) {
        filter.hosts = {query.hostname};
    }
    if (query.by.is_by_paths) {
        filter.paths = query.paths;
    }
    if (query.by.is_by_tags) {
        filter.tags = {query.tags.empty() ? TagList{""} : query.tags};
    }
    const auto is_late = [&query](const Snapshot& snapshot) {
        return std::pair(snapshot.time.seconds, snapshot.time.nanoseconds) >
               std::pair(query.not_after.seconds, query.not_after.nanoseconds);
    };
    const Snapshot* parent = nullptr;
    for (const auto& snapshot : all) {
        const bool is_fit = !is_late(snapshot) && filter.matches(snapshot);
        if (is_fit && (parent == nullptr || snapshot.is_newer_than(*parent))) {
            parent = &snapshot;
        }
    }
    return parent;
}

}  // namespace muster::backup

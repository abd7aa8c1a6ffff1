#include "backup/look/snapshot_folders.h"

#include <algorithm>
#include <ranges>
#include <span>

#include "backup/look/time_template.h"

namespace muster::backup {

namespace {

constexpr std::string_view kLatest = "latest";

/// A value as the name of a file.
std::string name_of(std::string value) {
    std::ranges::replace_if(value, [](char c) { return c == '/' || c == '\0'; }, '_');
    if (value == "." || value == "..") {
        std::ranges::fill(value, '_');
    }
    return value;
}

std::string value_of(char verb, const Snapshot& snapshot, const std::string& time,
                     const std::string& tag) {
    switch (verb) {
        case 'i':
            return snapshot.id.brief();
        case 'I':
            return snapshot.id.hex();
        case 'h':
            return name_of(snapshot.hostname);
        case 'u':
            return name_of(snapshot.username);
        case 't':
            return name_of(tag);
        case 'T':
            return time;
        default:
            return {verb};
    }
}

std::string fill_in(std::string_view path, const Snapshot& snapshot, const std::string& time,
                    const std::string& tag) {
    std::string out;
    for (std::size_t i = 0; i < path.size(); ++i) {
        const bool is_verb = path[i] == '%' && i + 1 < path.size();
        out += is_verb ? value_of(path[++i], snapshot, time, tag) : std::string{path[i]};
    }
    return out;
}

std::vector<std::string> components_of(const std::string& path) {
    std::vector<std::string> parts;
    for (const auto part : std::views::split(path, '/')) {
        if (!part.empty()) {
            parts.push_back(name_of(std::string(part.begin(), part.end())));
        }
    }
    return parts;
}

class Arrangement {
  public:
    explicit Arrangement(const FolderTemplates& templates) : templates_(templates) {}

    Result<> add(const std::shared_ptr<const Snapshot>& snapshot) {
        const std::string time = format_by_template(snapshot->time, templates_.time);
        for (const auto& path : templates_.paths) {
            const bool is_by_tag = path.find("%t") != std::string::npos;
            const std::vector<std::string> tags =
                is_by_tag ? snapshot->tags : std::vector<std::string>{""};
            for (const auto& tag : tags) {
                TRY_OK(put(fill_in(path, *snapshot, time, tag), path.ends_with("%T"), snapshot));
            }
        }
        return {};
    }
    std::shared_ptr<SnapshotFolder> take() { return std::move(top_); }

  private:
    static Error is_taken(const std::string& path) {
        return {Errc::kInvalid,
                "the templates put a snapshot where a folder is, or a folder where "
                "a snapshot is: " +
                    path,
                "choose other --path-template"};
    }

    Result<> put(const std::string& path, bool has_latest,
                 const std::shared_ptr<const Snapshot>& snapshot) {
        const auto parts = components_of(path);
        if (parts.empty()) {
            return Error(Errc::kInvalid, "an empty path template", "choose other --path-template");
        }
        auto* folder = top_.get();
        folder->newest = std::max(folder->newest, snapshot->time);
        for (const auto& part : std::span(parts).first(parts.size() - 1)) {
            auto& entry = folder->entries[part];
            if (entry.snapshot) {
                return is_taken(path);
            }
            if (!entry.folder) {
                entry.folder = std::make_shared<SnapshotFolder>();
            }
            folder = entry.folder.get();
            folder->newest = std::max(folder->newest, snapshot->time);
        }
        std::string name = parts.back();
        for (int i = 1; folder->entries.contains(name); ++i) {
            if (folder->entries[name].folder) {
                return is_taken(path);
            }
            name = parts.back() + "-" + std::to_string(i);
        }
        folder->entries[name].snapshot = snapshot;
        if (has_latest) {  // They come from the oldest to the newest.
            folder->entries[std::string(kLatest)] = {nullptr, nullptr, name};
        }
        return {};
    }

    const FolderTemplates& templates_;
    std::shared_ptr<SnapshotFolder> top_ = std::make_shared<SnapshotFolder>();
};

}  // namespace

Result<std::shared_ptr<SnapshotFolder>> arrange_snapshots(Chosen newest_first,
                                                          const FolderTemplates& templates) {
    Arrangement arrangement(templates);
    for (const auto* snapshot : std::views::reverse(newest_first)) {
        TRY_OK(arrangement.add(std::make_shared<const Snapshot>(*snapshot)));
    }
    return arrangement.take();
}

}  // namespace muster::backup

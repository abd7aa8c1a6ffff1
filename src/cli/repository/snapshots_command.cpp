#include <algorithm>
#include <map>

#include "base/units.h"
#include "cli/repository/look_format.h"
#include "cli/repository/looking_commands.h"
#include "cli/table.h"
#include "cli/terminal_text.h"

namespace muster::cli {

using backup::Snapshot;

namespace {

/// Of each host and set of paths only the newest.
backup::Chosen keep_latest(const backup::Chosen& oldest_first, std::size_t count) {
    const auto groups = backup::group_snapshots({oldest_first.rbegin(), oldest_first.rend()},
                                                {.is_by_host = true, .is_by_paths = true});
    backup::Chosen kept;
    for (const auto& group : groups) {
        const auto end = std::min(count, group.snapshots.size());
        kept.insert(kept.end(), group.snapshots.begin(),
                    group.snapshots.begin() + static_cast<std::ptrdiff_t>(end));
    }
    std::ranges::sort(kept, [](const auto* a, const auto* b) { return b->is_newer_than(*a); });
    return kept;
}

/// Shows one list of snapshots.
class SnapshotTable {
  public:
    SnapshotTable(Session& session, bool is_compact, bool has_sizes)
        : session_(session), is_compact_(is_compact), has_sizes_(has_sizes) {}

    void print(const backup::Chosen& snapshots) {
        std::vector<std::string> headings{"ID", "Time", "Host", "Tags"};
        if (!is_compact_) {
            headings.emplace_back("Paths");
        }
        if (has_sizes_) {
            headings.emplace_back("Size");
        }
        Table table(headings);
        for (const auto* snapshot : snapshots) {
            add(table, *snapshot);
        }
        session_.streams().out << table.render(is_terminal(session_.streams())) << snapshots.size()
                               << " snapshots\n";
    }

  private:
    using Column = std::vector<std::string>;

    /// A snapshot takes as many rows as its longest column.
    void add(Table& table, const Snapshot& snapshot) const {
        std::vector<Column> columns{{snapshot.id.brief()},
                                    {local_time(session_.host(), snapshot.time.seconds)},
                                    {snapshot.hostname},
                                    is_compact_ ? snapshot.tags : Column{joined(snapshot.tags)}};
        if (!is_compact_) {
            columns.push_back(snapshot.paths);
        }
        if (has_sizes_) {
            columns.push_back({size_of(snapshot)});
        }
        std::size_t rows = 1;
        for (const auto& column : columns) {
            rows = std::max(rows, column.size());
        }
        for (std::size_t row = 0; row < rows; ++row) {
            std::vector<Cell> cells;
            cells.reserve(columns.size());
            for (const auto& column : columns) {
                cells.push_back(
                    {row < column.size() ? shown(column[row], session_.streams()) : ""});
            }
            table.add(std::move(cells));
        }
    }
    static std::string joined(const std::vector<std::string>& tags) {
        std::string text;
        for (const auto& tag : tags) {
            text += (text.empty() ? "" : ",") + tag;
        }
        return text;
    }
    static std::string size_of(const Snapshot& snapshot) {
        return snapshot.summary ? human_size(ByteCount{static_cast<std::int64_t>(
                                      snapshot.summary->total_bytes_processed)})
                                : "";
    }

    Session& session_;
    bool is_compact_;
    bool has_sizes_;
};

std::string json_of(const backup::Chosen& snapshots) {
    std::vector<std::string> items;
    items.reserve(snapshots.size());
    for (const auto* snapshot : snapshots) {
        items.push_back(snapshot_json_head(*snapshot) + "}");
    }
    return json_list(items);
}

std::string json_of(const std::vector<backup::SnapshotGroup>& groups) {
    std::vector<std::string> items;
    for (const auto& group : groups) {
        const std::string key = JsonLine()
                                    .text("hostname", group.key.hostname)
                                    .raw("paths", json_texts(group.key.paths))
                                    .raw("tags", json_texts(group.key.tags))
                                    .str();
        const backup::Chosen oldest_first(group.snapshots.rbegin(), group.snapshots.rend());
        items.push_back(
            JsonLine().raw("group_key", key).raw("snapshots", json_of(oldest_first)).str());
    }
    return json_list(items);
}

Result<int> show(Session& session, const SnapshotsOptions& options,
                 const backup::Repository& repository) {
    TRY(const auto by, backup::parse_group_by(options.group_by));
    TRY(const auto all, session.sound_snapshots(repository));
    const int status = session.has_left_out() ? kExitFailed : kExitDone;
    TRY(auto chosen, name_snapshots(all, options.names, options.which.filter()));
    if (options.latest > 0) {
        chosen = keep_latest(chosen, static_cast<std::size_t>(options.latest));
    }
    const bool is_grouped = by.is_by_host || by.is_by_paths || by.is_by_tags;
    const auto groups = is_grouped ? backup::group_snapshots({chosen.rbegin(), chosen.rend()}, by)
                                   : std::vector<backup::SnapshotGroup>();
    auto& out = session.streams().out;
    if (session.streams().is_json) {
        out << (is_grouped ? json_of(groups) : json_of(chosen)) << "\n";
        return status;
    }
    const bool has_sizes =
        std::ranges::any_of(chosen, [](const auto* one) { return one->summary.has_value(); });
    SnapshotTable table(session, options.is_compact, has_sizes);
    if (!is_grouped) {
        table.print(chosen);
    }
    for (const auto& group : groups) {
        out << (&group == groups.data() ? "" : "\n") << "snapshots for "
            << shown(group.key.str(), session.streams()) << ":\n";
        table.print({group.snapshots.rbegin(), group.snapshots.rend()});
    }
    return status;
}

}  // namespace

int run_snapshots(Session& session, const SnapshotsOptions& options) {
    return run_locked(session, Reads::kFiles, [&](const backup::Repository& repository) {
        return show(session, options, repository);
    });
}

}  // namespace muster::cli

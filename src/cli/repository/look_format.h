#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "backup/format/tree.h"
#include "backup/host.h"
#include "backup/snapshot.h"
#include "cli/streams.h"

namespace muster::cli {

/// One JSON object, field by field, as Go writes its texts.
class JsonLine {
  public:
    JsonLine& text(std::string_view name, std::string_view value);
    JsonLine& number(std::string_view name, std::uint64_t value);
    JsonLine& flag(std::string_view name, bool value);
    /// `json` is JSON already.
    JsonLine& raw(std::string_view name, std::string_view json);
    [[nodiscard]] std::string str() const { return out_ + "}"; }

  private:
    void begin(std::string_view name);
    std::string out_ = "{";
};

/// A JSON array of texts; Go's `null` when it is empty.
std::string json_texts(std::span<const std::string> texts);
/// An array of what is JSON already.
std::string json_list(std::span<const std::string> items);
/// The same JSON with line breaks and two spaces for each level, as Go's json.Indent.
std::string indent_json(std::string_view json);

/// The JSON of a snapshot with its `id` and `short_id`, without the closing brace.
std::string snapshot_json_head(const backup::Snapshot& snapshot);

/// "[/etc /srv/shop]"
std::string spaced(std::span<const std::string> texts);
/// "snapshot 39fc2732 of [/srv/shop] at 2026-11-21 15:04:05 by root@db1", for people.
std::string snapshot_line(const backup::Snapshot& snapshot, const backup::Host& host,
                          const Streams& streams);

/// "2026-11-21 15:04:05" in the machine's zone.
std::string local_time(const backup::Host& host, std::int64_t unix_seconds);
/// RFC 3339 in the machine's zone.
std::string local_rfc3339(const backup::Host& host, const backup::NodeTime& time);
/// Go's text of a FileMode: "drwxr-xr-x", "Lrwxrwxrwx".
std::string mode_text(std::uint32_t go_mode);

/// A line of a long listing, as restic's, without the line's end; `path` is shown as it is.
std::string long_line(const backup::Host& host, const backup::Node& node, const std::string& path,
                      bool is_human_readable);

}  // namespace muster::cli

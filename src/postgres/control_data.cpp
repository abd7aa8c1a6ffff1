#include "postgres/control_data.h"

#include <map>

#include "postgres/lines.h"

namespace muster::postgres {
namespace {

using Lines = std::map<std::string_view, std::string_view>;

Result<std::string_view> line(const Lines& lines, std::string_view name) {
    const auto found = lines.find(name);
    if (found == lines.end()) {
        return Error(Errc::kCorrupt, "pg_controldata printed no \"" + std::string(name) + "\"",
                     "run pg_controldata on the data directory by hand");
    }
    return found->second;
}

Result<Lsn> position(const Lines& lines, std::string_view name) {
    TRY(const auto text, line(lines, name));
    auto lsn = parse_lsn(text);
    if (!lsn) {
        return Error(Errc::kCorrupt, "pg_controldata: " + lsn.error().message());
    }
    return lsn;
}

template <class Number>
Result<Number> number(const Lines& lines, std::string_view name) {
    TRY(const auto text, line(lines, name));
    const auto value = number_in<Number>(text);
    if (!value) {
        return Error(Errc::kCorrupt, "pg_controldata: \"" + std::string(name) + "\" is no number");
    }
    return *value;
}

}  // namespace

Result<ControlData> parse_control_data(std::string_view text) {
    Lines lines;
    for (const auto whole : lines_of(text)) {
        const auto colon = whole.find(':');
        if (colon != std::string_view::npos) {
            lines.emplace(trimmed(whole.substr(0, colon)), trimmed(whole.substr(colon + 1)));
        }
    }
    ControlData data;
    TRY(const auto identifier, line(lines, "Database system identifier"));
    TRY(const auto state, line(lines, "Database cluster state"));
    data.system_identifier = identifier;
    data.state = state;
    TRY(data.checkpoint, position(lines, "Latest checkpoint location"));
    TRY(data.redo, position(lines, "Latest checkpoint's REDO location"));
    TRY(data.timeline, number<int>(lines, "Latest checkpoint's TimeLineID"));
    TRY(data.min_recovery_end, position(lines, "Minimum recovery ending location"));
    TRY(data.segment_bytes, number<std::uint64_t>(lines, "Bytes per WAL segment"));
    TRY(const auto hints, line(lines, "wal_log_hints setting"));
    TRY(const auto checksums, number<int>(lines, "Data page checksum version"));
    data.can_rewind = hints == "on" || checksums != 0;
    return data;
}

}  // namespace muster::postgres

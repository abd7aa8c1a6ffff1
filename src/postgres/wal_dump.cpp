#include "postgres/wal_dump.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string>

#include "postgres/lines.h"

namespace muster::postgres {
namespace {

// "Transaction/COMMIT      7 ( 46.67) …": the type and its number.
struct Row {
    std::string_view type;
    std::uint64_t count = 0;
};

std::optional<Row> row_of(std::string_view line) {
    line = trimmed(line);
    const auto space = line.find(' ');
    if (space == std::string_view::npos) {
        return std::nullopt;
    }
    const auto rest = trimmed(line.substr(space));
    const auto count = number_in<std::uint64_t>(rest.substr(0, rest.find_first_of(" (")));
    if (!count) {
        return std::nullopt;
    }
    return Row{line.substr(0, space), *count};
}

std::optional<Lsn> leading_lsn(std::string_view text) {
    const auto lsn = parse_lsn(text.substr(0, text.find_first_not_of("0123456789ABCDEFabcdef/")));
    return lsn ? std::optional(*lsn) : std::nullopt;
}

}  // namespace

// The last "… at X/Y" or "… after X/Y" of the message: where no valid record follows.
std::optional<Lsn> wal_end(std::string_view error) {
    for (const std::string_view mark : {"valid record after ", " at "}) {
        for (auto where = error.rfind(mark); where != std::string_view::npos && where > 0;
             where = error.rfind(mark, where - 1)) {
            if (const auto lsn = leading_lsn(error.substr(where + mark.size()))) {
                return lsn;
            }
        }
    }
    return std::nullopt;
}

Result<WalSummary> parse_wal_stats(std::string_view output, std::string_view error) {
    WalSummary summary;
    for (const auto line : lines_of(output)) {
        const auto row = row_of(line);
        if (!row) {
            continue;
        }
        if (row->type == "Transaction/COMMIT" || row->type == "Transaction/COMMIT_PREPARED") {
            summary.commits += row->count;
        } else if (row->type == "Total") {
            summary.records = row->count;
        }
    }
    summary.end = wal_end(error);
    // A segment that was made in advance and never written has a header of zeros.
    constexpr std::array<std::string_view, 5> kNothingThere{
        "could not find file", "could not locate WAL file", "could not open file",
        "header specifies 0 bytes", "(0 bytes)"};
    summary.is_missing =
        summary.records == 0 && std::ranges::any_of(kNothingThere, [error](std::string_view part) {
            return error.find(part) != std::string_view::npos;
        });
    if (summary.records == 0 && !summary.end && !summary.is_missing) {
        return Error(Errc::kCorrupt,
                     "pg_waldump told nothing: " + std::string(trimmed(error.substr(0, 200))),
                     "run pg_waldump on the data directory's pg_wal by hand");
    }
    return summary;
}

Result<Commits> parse_commits(std::string_view told) {
    std::optional<std::uint64_t> count;
    std::string first;
    std::string last;
    bool is_missing = false;
    for (const auto line : lines_of(told)) {
        const auto equals = line.find('=');
        const auto key = line.substr(0, equals);
        const auto value = equals == line.npos ? std::string_view() : line.substr(equals + 1);
        if (key == "commits") {
            count = number_in<std::uint64_t>(value);
        } else if (key == "first") {
            first = value;
        } else if (key == "last") {
            last = value;
        }
        is_missing = is_missing || line == "missing=yes";
    }
    if (!count || is_missing) {
        return Error(Errc::kCorrupt, "what it has committed since can't be read from its WAL",
                     "run pg_waldump on the data directory's pg_wal by hand");
    }
    Commits commits{*count, {}};
    if (commits.count > 0) {
        for (auto* text : {&first, &last}) {
            std::ranges::replace(*text, ' ', 'T');
            *text += 'Z';
        }
        TRY(const auto from, parse_wall(first));
        TRY(const auto to, parse_wall(last));
        commits.span = std::max(Duration(0), Duration(to - from));
    }
    return commits;
}

std::string wal_file_name(int timeline, Lsn lsn, std::uint64_t segment_bytes) {
    const std::uint64_t bytes = segment_bytes == 0 ? 16U << 20U : segment_bytes;
    const std::uint64_t segment = lsn.value / bytes;
    const std::uint64_t per_file = 0x100000000ULL / bytes;
    std::array<char, 32> name{};
    const int length = std::snprintf(
        name.data(), name.size(), "%08X%08X%08X", static_cast<unsigned>(timeline),
        static_cast<unsigned>(segment / per_file), static_cast<unsigned>(segment % per_file));
    return {name.data(), static_cast<std::size_t>(length)};
}

}  // namespace muster::postgres

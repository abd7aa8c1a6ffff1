#include "adapters/repo_server/range.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace muster::adapters::repo_server {

namespace {

std::optional<std::uint64_t> number(std::string_view text) {
    std::uint64_t value = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool is_whole = read.ec == std::errc{} && read.ptr == text.data() + text.size();
    return is_whole ? std::optional(value) : std::nullopt;
}

}  // namespace

ByteRange read_range(std::string_view header, std::uint64_t file_size) {
    constexpr std::string_view kUnit = "bytes=";
    const ByteRange whole{ByteRange::Kind::kWhole, 0, file_size};
    const ByteRange unusable{ByteRange::Kind::kUnusable, 0, 0};
    if (!header.starts_with(kUnit) || header.contains(',') || file_size == 0) {
        return whole;
    }
    header.remove_prefix(kUnit.size());
    const auto dash = header.find('-');
    if (dash == std::string_view::npos) {
        return unusable;
    }
    const auto from = number(header.substr(0, dash));
    const auto to = number(header.substr(dash + 1));
    const bool has_from = dash > 0;
    const bool has_to = dash + 1 < header.size();
    if ((has_from && !from) || (has_to && !to) || (!has_from && !has_to)) {
        return unusable;
    }
    if (!has_from) {  // The last so many bytes.
        const auto size = std::min(*to, file_size);
        return size == 0 ? unusable : ByteRange{ByteRange::Kind::kPart, file_size - size, size};
    }
    if (*from >= file_size || (has_to && *to < *from)) {
        return unusable;
    }
    const auto last = has_to ? std::min(*to, file_size - 1) : file_size - 1;
    return {ByteRange::Kind::kPart, *from, last - *from + 1};
}

}  // namespace muster::adapters::repo_server

#pragma once

#include <cstdint>
#include <string_view>

namespace muster::adapters::repo_server {

/// Which bytes of a file a request wants.
struct ByteRange {
    enum class Kind {
        kWhole,     ///< 200
        kPart,      ///< 206
        kUnusable,  ///< 416: beyond the end, or no range at all.
    };
    Kind kind = Kind::kWhole;
    std::uint64_t first = 0;
    std::uint64_t size = 0;
};

/// Reads a Range header (RFC 9110 section 14.2) for a file of that size. Empty, of another unit, or
/// of several ranges: the whole file, which the RFC leaves free. An empty file is given whole.
ByteRange read_range(std::string_view header, std::uint64_t file_size);

}  // namespace muster::adapters::repo_server

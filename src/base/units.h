#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace muster {

/// A number of bytes.
struct ByteCount {
    std::int64_t bytes = 0;
    auto operator<=>(const ByteCount&) const = default;
};

/// Reads "512", "64KiB", "16MB", "2GiB". kInvalid with a hint otherwise.
Result<ByteCount> parse_size(std::string_view text);
/// For people, binary units, three digits: "812 B", "1.50 MiB".
std::string human_size(ByteCount size);

}  // namespace muster

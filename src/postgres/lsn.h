#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace muster::postgres {

/// A position in the write-ahead log, as PostgreSQL prints it: "0/3000148".
struct Lsn {
    std::uint64_t value = 0;
    auto operator<=>(const Lsn&) const = default;
};

Result<Lsn> parse_lsn(std::string_view text);
std::string to_string(Lsn lsn);

}  // namespace muster::postgres

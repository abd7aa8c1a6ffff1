#pragma once

#include <cstdint>
#include <string>

#include "api/route.h"

namespace muster::api {

/// The most events that one answer carries.
inline constexpr std::int64_t kMaxEvents = 1000;

struct NumberRange {
    std::int64_t fallback = 0;
    std::int64_t min = 0;
    std::int64_t max = 0;
};
/// A number of the query, or its fallback. kInvalid when it is none or out of range.
Result<std::int64_t> query_number(const Call& call, const std::string& name, NumberRange range);

/// The body of a request that changes something. kInvalid names what is wrong with it.
struct ChangeBody {
    std::string to;
    std::string by;
    bool is_dry_run = false;
    bool is_forced = false;
    bool is_fence_vouched = false;
    bool is_tried = false;  ///< "verify"
    Fields parameters;
};
/// Reads the keys that the call's route names; any other is kInvalid.
Result<ChangeBody> read_body(const Call& call);

}  // namespace muster::api

#include "base/result.h"

#include <array>

namespace muster {
namespace {

struct Name {
    Errc code;
    std::string_view name;
};
constexpr std::array kNames{
    Name{Errc::kInvalid, "invalid"},         Name{Errc::kNotFound, "not_found"},
    Name{Errc::kConflict, "conflict"},       Name{Errc::kDenied, "denied"},
    Name{Errc::kUnavailable, "unavailable"}, Name{Errc::kTimedOut, "timed_out"},
    Name{Errc::kOutcomeUnknown, "unknown"},  Name{Errc::kCorrupt, "corrupt"},
    Name{Errc::kCancelled, "cancelled"},
};

}  // namespace

std::string_view to_string(Errc code) {
    for (const auto& entry : kNames) {
        if (entry.code == code) {
            return entry.name;
        }
    }
    return "corrupt";
}

Errc errc_from(std::string_view name) {
    for (const auto& entry : kNames) {
        if (entry.name == name) {
            return entry.code;
        }
    }
    return Errc::kCorrupt;
}

Error Error::with(std::string_view context) && {
    message_ = std::string(context) + ": " + message_;
    return std::move(*this);
}

Error Error::hinting(std::string hint) && {
    hint_ = std::move(hint);
    return std::move(*this);
}

}  // namespace muster

#pragma once

#include <string_view>

#include "base/result.h"

namespace muster::adapters {

// What the network adapters' messages say, word for word, when a connection fails. An Errc tells a
// caller what to do next; these tell a probe what kind of evidence the failure is.
inline constexpr std::string_view kRefused = "connection refused";
inline constexpr std::string_view kReset = "connection reset";
inline constexpr std::string_view kTlsFailed = "tls handshake failed";
inline constexpr std::string_view kUnreachable = "unreachable";
inline constexpr std::string_view kNameNotFound = "name not found";

/// True when the peer's own machine said no (refused, reset, broke the handshake): lost packets
/// cannot forge that. False for what silence looks like: no route, no name, no answer in time.
bool is_refusal(const Error& error);

/// The phrase above that fits a system error number; the system's own words for any other.
std::string_view phrase_for(int error_number);

}  // namespace muster::adapters

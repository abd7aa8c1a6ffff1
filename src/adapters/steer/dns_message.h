#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "adapters/steer/dns_table.h"

namespace muster::adapters {

/// The largest UDP answer that is sent whole (the value that DNS Flag Day 2020 settled on).
inline constexpr std::size_t kMaxUdpAnswer = 1232;
/// The same without EDNS: RFC 1035 section 4.2.1.
inline constexpr std::size_t kPlainUdpAnswer = 512;

/// The answer to one query, ready to be sent; empty when it deserves none (an answer, or less than
/// a header). Never fails: what can't be read gets FORMERR. Over UDP an answer that does not fit
/// what the asker allows is cut and marked as truncated. Answers queries of any form, at its
/// leisure: `DnsAnswers` is the quick way for those of the common form.
std::vector<std::uint8_t> answer_query(std::span<const std::uint8_t> query, const DnsTable& table,
                                       bool is_udp);

}  // namespace muster::adapters

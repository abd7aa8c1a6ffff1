#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "evidence/report.h"

namespace muster::evidence {

/// `text` as valid UTF-8 without control characters but line feeds and tabs; what is not becomes
/// U+FFFD.
std::string clean(std::string_view text);
/// For the text and the attribute values of HTML and SVG.
std::string escape_markup(std::string_view text);
/// For one line of Markdown, table cells included: nothing in it is taken as mark-up.
std::string escape_markdown(std::string_view text);
/// "1.83 s", or "not measured".
std::string or_unmeasured(std::optional<Duration> duration);

/// The six parts by name, in order.
std::vector<std::pair<std::string, std::optional<Duration>>> named_parts(const Parts& parts);
/// "failover of shop, east → west".
std::string title(const Report& report);
/// The measured time to recover; "not over yet" when it is already longer than the objective.
std::string rto_value(const Report& report);
/// "4.10 s of 2m: met".
std::string rto_line(const Report& report);
std::string rpo_line(const Report& report);
/// "3 transactions, 4.00 KiB, kept in …", "nothing", or "not measured".
std::string loss_line(const Report& report);
/// "of 10,000 sampled acknowledged ids 0 are missing"; empty when none were asked for.
std::string sample_line(const Report& report);

}  // namespace muster::evidence

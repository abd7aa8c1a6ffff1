#pragma once

#include <string>
#include <string_view>

namespace muster::adapters {

/// What a program or a server said, fit for the journal and for people: valid UTF-8 (what is not
/// becomes U+FFFD, so that a journal can always be read back), no NUL or other control characters
/// but tab and line ends, no white space at the end.
std::string journal_text(std::string_view raw);

/// The last line that says something, at most 300 bytes of it: for an error's message.
std::string last_line(std::string_view raw);

}  // namespace muster::adapters

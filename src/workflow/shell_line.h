#pragma once

#include <string>
#include <vector>

namespace muster::workflow {

/// One word for a POSIX shell: quoted when it has anything but letters, digits and `_@%+=:,./-`.
std::string shell_quote(const std::string& word);
/// Words as a line that a POSIX shell reads back as the same words.
std::string shell_line(const std::vector<std::string>& words);

}  // namespace muster::workflow

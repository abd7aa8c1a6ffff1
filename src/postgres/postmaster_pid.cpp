#include "postgres/postmaster_pid.h"

#include <cstdlib>

#include "postgres/lines.h"

namespace muster::postgres {

Result<PostmasterPid> parse_postmaster_pid(std::string_view text) {
    const auto lines = lines_of(text);
    const auto line = [&lines](std::size_t index) {
        return index < lines.size() ? trimmed(lines[index]) : std::string_view{};
    };
    // A negative number is a single-user server's.
    const auto pid = number_in<std::int64_t>(line(0));
    if (!pid || *pid == 0 || line(1).empty()) {
        return Error(Errc::kCorrupt, "postmaster.pid is not what a postmaster writes");
    }
    PostmasterPid found;
    found.pid = std::abs(*pid);
    found.data = line(1);
    found.port = number_in<int>(line(3)).value_or(0);
    found.socket = line(4);
    found.status = line(7);
    return found;
}

}  // namespace muster::postgres

#include "adapters/os/process_safety.h"

#include <sys/prctl.h>
#include <sys/resource.h>

#include <csignal>
#include <cstring>
#include <string>

namespace muster::adapters {

Result<> disable_core_dumps() {
    const rlimit none{0, 0};
    if (setrlimit(RLIMIT_CORE, &none) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        return Error{Errc::kDenied, std::string("can't disable core dumps: ") + strerror(errno)};
    }
    return {};
}

void ignore_broken_pipes() {
    std::signal(SIGPIPE, SIG_IGN);
    std::signal(SIGXFSZ, SIG_IGN);
}

}  // namespace muster::adapters

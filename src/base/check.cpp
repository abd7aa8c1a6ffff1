#include "base/check.h"

#include <cstdio>
#include <cstdlib>

namespace muster {

void check_failed(const char* condition, const char* file, int line) {
    std::fprintf(stderr, "muster: bug: %s does not hold at %s:%d; restart is safe, please report\n",
                 condition, file, line);
    std::abort();
}

}  // namespace muster

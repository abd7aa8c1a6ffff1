#pragma once

namespace muster {

/// Ends the process, naming the broken condition. The journal makes a restart safe.
[[noreturn]] void check_failed(const char* condition, const char* file, int line);

}  // namespace muster

/// A condition that only a bug of ours can break; it stays on in release builds. Never for input.
#define CHECK(condition)                                            \
    do {                                                            \
        if (!(condition)) {                                         \
            ::muster::check_failed(#condition, __FILE__, __LINE__); \
        }                                                           \
    } while (false)

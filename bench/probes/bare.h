#pragma once

#include <chrono>
#include <cstddef>
#include <string>

namespace muster::bench {

struct BareLoop {
    bool is_kept = false;
    int in_flight = 0;
    std::chrono::seconds time{};
    std::string port;
};

/// The floor: the same request over so many sockets of one epoll loop, without deadlines, schedule,
/// parser or verdicts. How many were answered.
std::size_t bare_loop(const BareLoop& wanted);

}  // namespace muster::bench

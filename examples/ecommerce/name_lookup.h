#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/task.h"

namespace shop {

/// What a name server answered.
struct Answer {
    std::vector<std::string> addresses;
    muster::Duration ttl{};
};

/// One A query over UDP, straight to `server` ("127.0.0.1:5353"), as a stub resolver would send it.
muster::Task<Answer> look_up(std::string server, std::string name, std::uint16_t query_id,
                             muster::Clock* clock);

}  // namespace shop

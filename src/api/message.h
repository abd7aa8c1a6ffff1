#pragma once

#include <functional>
#include <string>

#include "base/fields.h"
#include "base/task.h"

namespace muster::api {

/// A request as the API reads it; what carried it does not matter.
struct Request {
    std::string method;
    std::string path;  ///< Decoded, without the query.
    Fields query;
    Fields headers;  ///< Lower-case names.
    std::string body;
    bool is_local = false;  ///< From this machine.
};

/// Where a streamed answer goes. kUnavailable when its reader is gone or too slow.
class Sink {
  public:
    virtual ~Sink() = default;
    virtual Task<> send(std::string piece) = 0;
};

struct Response {
    int status = 200;
    std::string content_type = "application/json";
    Fields headers;
    std::string body;
    /// When set, `body` is sent first and then whatever this writes, until it returns.
    std::function<Task<>(Sink&)> stream;
};

}  // namespace muster::api

#pragma once

#include "adapters/net/http_server.h"
#include "api/api.h"

namespace muster::daemon {

/// Lets the HTTP server be answered by the API. `api` outlives the server. Until `is_ready` is
/// true, everything is answered with 503.
adapters::HttpServer::Handler serve_api(api::Api& api, const bool& is_ready);

}  // namespace muster::daemon

#pragma once

#include "api/message.h"
#include "api/node_view.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/secret.h"

namespace muster::api {

/// The node's HTTP API and status page: finds the route, checks who asks, calls its handler. It
/// always answers: failures are responses. What it serves is in `api/routes.cpp`.
class Api {
  public:
    /// `token` is what a request that changes something must carry: "Authorization: Bearer TOKEN".
    Api(NodeView& node, Clock& clock, Log& log, Secret token);
    Task<Response> handle(Request request);

  private:
    NodeView& node_;
    Clock& clock_;
    Log& log_;
    Secret token_;
};

}  // namespace muster::api

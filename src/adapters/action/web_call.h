#pragma once

#include <string>
#include <vector>

#include "adapters/net/http_client.h"
#include "plan/schema.h"
#include "workflow/action.h"

namespace muster::adapters {

/// One request that a step declares, and which answers are good.
struct WebCall {
    HttpRequest request;
    std::vector<int> expect;  ///< Good statuses; empty: 200 to 299.
    std::string contains;     ///< The body must have this; empty: anything.

    [[nodiscard]] bool is_good(const HttpResponse& response) const;
    /// Repeating it is as good as sending it once (RFC 9110, section 9.2.2).
    [[nodiscard]] bool is_repeatable() const;
};

/// The keys of a request: method, url, headers, body, expect, contains.
std::vector<plan::Field> web_call_fields();
/// The keys of a step, not of each of its requests: token_file, token_env, ca_file.
std::vector<plan::Field> token_fields();

/// Reads those keys of `node`. The step's identity goes along as Idempotency-Key.
Result<WebCall> read_web_call(const plan::Node& node, const workflow::Call& call);
/// Reads the token that the step names, if any, and adds it as Authorization: Bearer.
Result<> add_token(HttpRequest& request, const plan::Node& with);

/// What an answer that is not good means to the engine; names method, host and status, never the
/// path or the token.
Error bad_answer(const WebCall& call, const HttpResponse& response);

}  // namespace muster::adapters

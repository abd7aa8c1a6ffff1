#pragma once

#include <string>

namespace muster::api {

/// The OpenAPI 3.1 document of all routes, generated from the route table.
std::string openapi_document();

}  // namespace muster::api

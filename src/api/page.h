#pragma once

#include <string_view>

namespace muster::api {

/// The live status page: one self-contained document, made at build time from `api/page/`.
std::string_view status_page();

}  // namespace muster::api

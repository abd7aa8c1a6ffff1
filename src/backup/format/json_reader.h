#pragma once

#include <simdjson.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "backup/bytes.h"
#include "backup/object_id.h"
#include "base/result.h"

// For sources only: simdjson's header is heavy. Its DOM chooses the processor's best code when the
// program runs, which its other interface can't.

namespace muster::backup {

namespace dom = simdjson::dom;

/// Parses text that lies in a Buffer, which has the slack that simdjson wants. The element lives
/// until this thread parses again. kCorrupt, naming `what`.
Result<dom::element> parse_json(const Buffer& text, std::string_view what);
/// The same for text that lies anywhere.
Result<dom::element> parse_json(std::string_view text, std::string_view what);

Result<dom::object> json_object(dom::element element, std::string_view what);
Result<dom::array> json_array(dom::element element, std::string_view what);
Result<std::string_view> json_text(dom::element element, std::string_view what);
Result<std::uint64_t> json_number(dom::element element, std::string_view what);
Result<std::uint32_t> json_number32(dom::element element, std::string_view what);
Result<ObjectId> json_id(dom::element element, std::string_view what);

}  // namespace muster::backup

#pragma once

#include <string>
#include <string_view>

#include "backup/bytes.h"
#include "base/result.h"

namespace muster::backup {

/// RFC 4648 section 4, with padding, as Go's encoding/json writes bytes.
void append_base64(std::string& out, ByteView bytes);
/// kCorrupt for anything that `append_base64` would not write.
Result<std::string> decode_base64(std::string_view text);

}  // namespace muster::backup

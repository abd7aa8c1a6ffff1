#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "adapters/blob/store_options.h"

namespace muster::adapters {

/// Opens the store of a repository by restic's word for where it lies: "/path", "local:path",
/// "rest:https://…", "s3:https://…", "sftp:user@host:/path" (docs/reference/repositories.md).
/// Nothing is asked of it yet. It retries, and keeps to the limits of the options. kInvalid.
Result<std::unique_ptr<backup::BlobStore>> open_store(const std::string& location,
                                                      const StoreOptions& options,
                                                      backup::Host& host);

/// What stands before the colon of a location, sorted: "local", "rest" …
std::vector<std::string_view> store_kinds();

}  // namespace muster::adapters

#pragma once

#include <cstdint>
#include <string>

#include "backup/bytes.h"
#include "base/result.h"

namespace muster::adapters {

/// What a failed call of the system was about: "can't open FILE: No space left on device", with the
/// code that fits `number` (an errno).
Error file_error(const std::string& what, const std::string& path, int number);

/// Writes a new file durably but for its name: the content is on the disk when it returns. Content
/// of a MiB and more that begins at a page goes around the page cache. The file is 0400 unless
/// `mode` says else.
Result<> write_synced(const std::string& path, backup::ByteView content, unsigned mode = 0400);

/// The same, but the file has no name before it is whole, so that nothing is left when the process
/// is killed. `path` lies in `folder`; kConflict when it is there already; kInvalid where the file
/// system has no such files.
Result<> write_synced_in(const std::string& folder, const std::string& path,
                         backup::ByteView content, unsigned mode = 0400);

/// Writes all of it into an open file from `offset` on; errno, or 0.
int write_at(int fd, backup::ByteView content, std::uint64_t offset);

/// Makes what was renamed into or removed from the folder durable.
Result<> sync_folder(const std::string& path);

}  // namespace muster::adapters

#pragma once

#include <functional>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "backup/repository.h"
#include "backup/restore/blob_reader.h"

namespace muster::backup {

/// Where a dump goes, in order.
using DumpSink = std::function<Result<>(ByteView content)>;

/// Gives out what a snapshot has as one stream of bytes. One thread. The first byte that can't be
/// had ends it with an error: what was given out until then is right, but it is not all.
class Dumper {
  public:
    Dumper(const Repository& repository, DumpSink sink);

    /// The content of a regular file.
    Result<> write_file(const Node& file);
    /// A directory with all that is below it as a tar archive. `path` is where it stands in the
    /// archive, without a leading slash; "": only what is below stands there. Sockets are left out.
    Result<> write_tar(const ObjectId& tree, const std::string& path);

  private:
    Result<> add_folder(const ObjectId& tree, const std::string& path);
    Result<> add_entry(const Node& node, const std::string& path);

    const Repository& repository_;
    DumpSink sink_;
    BlobReader reader_;
    Buffer plain_;
    std::map<std::pair<std::uint64_t, std::uint64_t>, std::string> first_names_;  // By inode.
};

}  // namespace muster::backup

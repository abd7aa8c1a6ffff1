#pragma once

#include <memory>
#include <string>
#include <vector>

#include "backup/look/shared_cache.h"
#include "backup/repository.h"

namespace muster::backup {

using BlobCache = SharedCache<ObjectId, Buffer>;

/// A file of a snapshot, to read from any place. Many threads may read at once.
class FileView {
  public:
    /// Learns where each blob begins. kNotFound when the index lacks one.
    static Result<std::unique_ptr<FileView>> open(const Repository& repository, BlobCache& blobs,
                                                  std::shared_ptr<const Node> node);

    /// Fills `into` from `offset` on; how many bytes there were.
    Result<std::size_t> read(std::uint64_t offset, ByteSpan into) const;
    /// Of its blobs together.
    [[nodiscard]] std::uint64_t size() const { return starts_.back(); }

  private:
    FileView(const Repository& repository, BlobCache& blobs, std::shared_ptr<const Node> node)
        : repository_(repository), blobs_(blobs), node_(std::move(node)) {}

    const Repository& repository_;
    BlobCache& blobs_;
    std::shared_ptr<const Node> node_;   // Lives as long as the tree that it is of.
    std::vector<std::uint64_t> starts_;  // Of each blob, and the end of the last.
};

}  // namespace muster::backup

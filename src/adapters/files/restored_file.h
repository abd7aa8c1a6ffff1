#pragma once

#include <atomic>
#include <mutex>
#include <string>

#include "adapters/files/node_metadata.h"
#include "adapters/os/unique_fd.h"
#include "backup/restore/restore_target.h"

namespace muster::adapters {

/// What all that is restored to one place has in common.
struct RestoredPlace {
    bool is_sparse = false;
    NodeMetadata metadata;
    std::atomic<bool> is_full{false};

    /// `file_error`, which notes when no room is left.
    Error fail(const std::string& what, const std::string& path, int number);
};

/// A file that is written, or compared. Big pieces go around the page cache: on a machine whose
/// cache is cold or full, filling it costs more than all the rest.
class RestoredFile final : public backup::TargetFile {
  public:
    RestoredFile(RestoredPlace& place, UniqueFd fd, std::string path, MetadataState state)
        : place_(place), fd_(std::move(fd)), path_(std::move(path)), state_(state) {}

    Result<> write(std::uint64_t offset, backup::ByteView content) override;
    Result<std::size_t> read(std::uint64_t offset, backup::ByteSpan into) override;
    Result<> resize(std::uint64_t size) override;
    Result<> finish(const backup::Node& node, bool is_damaged) override;

    /// Takes the room for so many bytes, where the file system does that.
    Result<> reserve(std::uint64_t size);

  private:
    Result<> write_run(std::uint64_t offset, backup::ByteView content);
    Result<> write_cached(std::uint64_t offset, backup::ByteView content);
    int direct();

    RestoredPlace& place_;
    UniqueFd fd_;
    std::string path_;
    MetadataState state_;
    std::once_flag direct_once_;
    UniqueFd direct_;
    std::atomic<bool> is_direct_{false};
};

}  // namespace muster::adapters

#pragma once

#include <memory>
#include <string>

#include "backup/restore/restore_target.h"

namespace muster::adapters {

struct FolderTargetSettings {
    bool is_sparse = false;     ///< Long runs of zeros become holes.
    std::string kept_folder{};  ///< Nothing is written to it or removed from it: the repository.
};

/// A directory of this machine that a restore writes to. Everything below it is reached by way of
/// open directories, and symbolic links on the way are refused: even a target that somebody else
/// prepares or changes meanwhile leads nowhere else.
class FolderTarget final : public backup::RestoreTarget {
  public:
    FolderTarget(std::string path, FolderTargetSettings settings);
    ~FolderTarget() override;

    Result<std::shared_ptr<backup::TargetFolder>> open_root(bool is_made) override;
    [[nodiscard]] bool is_full() const override;
    [[nodiscard]] std::uint64_t reserved_failures() const override;

  private:
    struct Shared;
    std::string path_;
    std::unique_ptr<Shared> shared_;
    class Folder;
};

}  // namespace muster::adapters

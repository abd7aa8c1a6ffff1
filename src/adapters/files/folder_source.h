#pragma once

#include "backup/source.h"

namespace muster::adapters {

/// The files of this machine. Symbolic links are never followed but on the way to a target; fifos
/// are never opened; reading leaves no trace in atimes where the system allows that.
class FolderSource final : public backup::Source {
  public:
    /// `are_devices_followed`: a symbolic link to a block device, as device mappers make them,
    /// counts as the device.
    explicit FolderSource(bool are_devices_followed = false)
        : are_devices_followed_(are_devices_followed) {}

    Result<backup::Node> status(const std::string& path) override;
    Result<std::unique_ptr<backup::SourceFolder>> open_folder(const std::string& path) override;
    std::string absolute(const std::string& path) override;

  private:
    bool are_devices_followed_;
};

}  // namespace muster::adapters

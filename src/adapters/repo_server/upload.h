#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "adapters/repo_server/repo_folder.h"

namespace muster::adapters::repo_server {

/// An object on its way into a repository: a temporary file that becomes the object only when it
/// is whole, is what its name says, and is on disk. Without `commit`, nothing of it stays.
class Upload {
  public:
    /// kConflict when the object is there already; else as `RepoFolder`.
    static Result<std::unique_ptr<Upload>> begin(const RepoFolder& repository, ObjectType type,
                                                 const std::string& name);
    Upload(const Upload&) = delete;
    Upload& operator=(const Upload&) = delete;
    ~Upload();

    Result<> append(std::span<const char> bytes);
    /// Whether it is new: of two uploads of one object at a time both succeed, since they are the
    /// same. kInvalid when the content's SHA-256 is not the name (a config has no such name),
    /// kConflict when another config came first.
    Result<bool> commit();

  private:
    class Hash;

    Upload(const RepoFolder& repository, ObjectType type, std::string name);
    Result<> open(const std::string& folder);

    const ObjectType type_;
    const std::string name_;
    const std::string holder_;
    const std::string path_;
    std::string temporary_;
    UniqueFd file_;
    std::unique_ptr<Hash> hash_;
};

}  // namespace muster::adapters::repo_server

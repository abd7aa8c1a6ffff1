#pragma once

#include <string>

#include "backup/blob_store.h"

namespace muster::adapters {

/// A repository in a directory of this machine, laid out as restic does it: `config`, `keys/`,
/// `index/`, `snapshots/`, `locks/` and `data/xx/`. A file is written without a name (where the
/// file system knows that, else beside its place), synced, given its name, and its directory
/// synced; big ones go around the page cache where the file system takes that.
class LocalStore final : public backup::BlobStore {
  public:
    explicit LocalStore(std::string path) : path_(std::move(path)) {}

    Result<> create() override;
    Result<std::vector<backup::Listed>> list(backup::FileKind kind) override;
    Result<std::uint64_t> size(const backup::StoredName& name) override;
    Result<> read(const backup::StoredName& name, std::uint64_t offset,
                  backup::ByteSpan into) override;
    Result<backup::Buffer> load(const backup::StoredName& name) override;
    Result<> write(const backup::StoredName& name, backup::ByteView content) override;
    Result<> remove(const backup::StoredName& name) override;
    [[nodiscard]] backup::StoreTraits traits() const override;

  private:
    Result<> write_once(const backup::StoredName& name, backup::ByteView content);
    Result<> write_beside(const backup::StoredName& name, backup::ByteView content);
    [[nodiscard]] std::string folder_of(const backup::StoredName& name) const;
    [[nodiscard]] std::string path_of(const backup::StoredName& name) const;

    std::string path_;
};

}  // namespace muster::adapters

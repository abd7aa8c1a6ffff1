#pragma once

#include <string>

#include "backup/cache.h"

namespace muster::adapters {

/// A cache in a directory of its own, which is made when it is first written to. Files are written
/// beside their place and renamed; nothing is synced, since losing any of it costs time only.
class FolderCache final : public backup::Cache {
  public:
    explicit FolderCache(std::string path) : path_(std::move(path)) {}
    Result<backup::Buffer> load(const std::string& name) override;
    void store(const std::string& name, backup::ByteView content) override;
    Result<> read(const std::string& name, std::uint64_t offset, backup::ByteSpan into) override;
    void keep_only(const std::string& prefix, const std::vector<std::string>& names) override;

  private:
    std::string path_;
};

/// $XDG_CACHE_HOME/muster, else ~/.cache/muster; empty when there is no home.
std::string default_cache_folder();

}  // namespace muster::adapters

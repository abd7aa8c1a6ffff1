#pragma once

#include <algorithm>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "backup/blob_store.h"

namespace muster::backup::testing {

/// A repository's place in memory.
class MemoryStore final : public BlobStore {
  public:
    Result<> create() override { return {}; }
    Result<std::vector<Listed>> list(FileKind kind) override {
        const std::scoped_lock lock(mutex_);
        std::vector<Listed> listed;
        for (const auto& [name, content] : files_) {
            if (name.kind == kind && kind != FileKind::kConfig) {
                listed.push_back({name.name, content.size()});
            }
        }
        return listed;
    }
    Result<std::uint64_t> size(const StoredName& name) override {
        const std::scoped_lock lock(mutex_);
        TRY(const auto* content, find(name));
        return std::uint64_t{content->size()};
    }
    Result<> read(const StoredName& name, std::uint64_t offset, ByteSpan into) override {
        const std::scoped_lock lock(mutex_);
        TRY(const auto* content, find(name));
        if (offset > content->size() || into.size() > content->size() - offset) {
            return Error{Errc::kCorrupt, name.str() + " ends before"};
        }
        std::copy_n(content->begin() + static_cast<std::ptrdiff_t>(offset), into.size(),
                    into.begin());
        return {};
    }
    Result<Buffer> load(const StoredName& name) override {
        const std::scoped_lock lock(mutex_);
        TRY(const auto* content, find(name));
        return Buffer(ByteView(*content));
    }
    Result<> write(const StoredName& name, ByteView content) override {
        const std::scoped_lock lock(mutex_);
        const bool is_there = files_.contains(name);
        if (is_there && name.kind == FileKind::kConfig) {
            return Error{Errc::kConflict, "there is a config already"};
        }
        files_[name].assign(content.begin(), content.end());
        return {};
    }
    Result<> remove(const StoredName& name) override {
        const std::scoped_lock lock(mutex_);
        return files_.erase(name) == 0 ? Result<>(missing(name)) : Result<>();
    }
    [[nodiscard]] StoreTraits traits() const override { return {"memory", 4, true}; }

    /// Every file that is there, for tests that damage or compare them; not while others write.
    std::map<StoredName, std::vector<std::uint8_t>>& files() { return files_; }

  private:
    static Error missing(const StoredName& name) {
        return Error{Errc::kNotFound, "there is no " + name.str()};
    }
    Result<const std::vector<std::uint8_t>*> find(const StoredName& name) const {
        const auto found = files_.find(name);
        if (found == files_.end()) {
            return missing(name);
        }
        return &found->second;
    }

    std::mutex mutex_;
    std::map<StoredName, std::vector<std::uint8_t>> files_;
};

}  // namespace muster::backup::testing

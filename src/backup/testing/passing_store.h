#pragma once

#include <cstdint>
#include <vector>

#include "backup/blob_store.h"

namespace muster::backup::testing {

/// Passes every call on; a test's store overrides those that it is about.
class PassingStore : public BlobStore {
  public:
    explicit PassingStore(BlobStore& inner) : inner_(inner) {}

    Result<> create() override { return inner_.create(); }
    Result<std::vector<Listed>> list(FileKind kind) override { return inner_.list(kind); }
    Result<std::uint64_t> size(const StoredName& name) override { return inner_.size(name); }
    Result<> read(const StoredName& name, std::uint64_t offset, ByteSpan into) override {
        return inner_.read(name, offset, into);
    }
    Result<Buffer> load(const StoredName& name) override { return inner_.load(name); }
    Result<> write(const StoredName& name, ByteView content) override {
        return inner_.write(name, content);
    }
    Result<> remove(const StoredName& name) override { return inner_.remove(name); }
    [[nodiscard]] StoreTraits traits() const override { return inner_.traits(); }

  private:
    BlobStore& inner_;
};

}  // namespace muster::backup::testing

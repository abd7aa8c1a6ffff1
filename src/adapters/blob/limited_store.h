#pragma once

#include <memory>
#include <mutex>

#include "adapters/blob/store_options.h"
#include "backup/retaining_store.h"

namespace muster::adapters {

/// Lets so many bytes pass in a second, over all threads: each call waits until what passed before
/// it has been paid for in time, so that the mean is kept however large the files are.
class Throttle {
  public:
    /// 0: no limit.
    Throttle(std::uint64_t bytes_per_second, backup::Host& host);
    /// Waits for its turn, then books `bytes`.
    void pass(std::uint64_t bytes);
    /// Books without waiting: for what has passed already.
    void book(std::uint64_t bytes);

  private:
    Duration book_turn(std::uint64_t bytes);

    std::uint64_t rate_;
    backup::Host& host_;
    std::mutex mutex_;
    Instant free_at_{};  // When all that was booked has passed.
};

/// Bounds what goes up and what comes down. Names and lists do not count.
class LimitedStore final : public backup::BlobStore, public backup::RetainingStore {
  public:
    struct Rates {
        std::uint64_t upload_kib_s = 0;    ///< 0: no limit.
        std::uint64_t download_kib_s = 0;  ///< 0: no limit.
    };
    LimitedStore(std::unique_ptr<backup::BlobStore> inner, backup::Host& host, Rates rates);

    Result<> create() override { return inner_->create(); }
    Result<std::vector<backup::Listed>> list(backup::FileKind kind) override {
        return inner_->list(kind);
    }
    Result<std::uint64_t> size(const backup::StoredName& name) override {
        return inner_->size(name);
    }
    Result<> read(const backup::StoredName& name, std::uint64_t offset,
                  backup::ByteSpan into) override;
    Result<backup::Buffer> load(const backup::StoredName& name) override;
    Result<> write(const backup::StoredName& name, backup::ByteView content) override;
    Result<> remove(const backup::StoredName& name) override { return inner_->remove(name); }
    Result<std::optional<WallTime>> retained_until(const backup::StoredName& name) override {
        return backup::retained_until(*inner_, name);
    }
    Result<> retain(const backup::StoredName& name, WallTime until) override {
        return backup::retain(*inner_, name, until);
    }
    [[nodiscard]] backup::StoreTraits traits() const override { return inner_->traits(); }

  private:
    std::unique_ptr<backup::BlobStore> inner_;
    Throttle upload_;
    Throttle download_;
};

}  // namespace muster::adapters

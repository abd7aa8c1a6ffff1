#pragma once

#include <functional>
#include <memory>
#include <string>

#include "adapters/blob/store_options.h"
#include "backup/retaining_store.h"

namespace muster::adapters {

/// How long to try: pauses grow from `first` by `factor` to `longest`, each moved by up to a
/// quarter by chance, until `limit` has gone by since the first attempt or `attempts` were made.
struct RetryPolicy {
    Duration first = std::chrono::milliseconds(500);
    double factor = 2;
    Duration longest = std::chrono::seconds(30);
    Duration limit = std::chrono::minutes(15);
    unsigned attempts = 100;
};

/// Tries again what failed for now (kUnavailable, kTimedOut, kOutcomeUnknown), which for a write is
/// safe: names are hashes. A config that is there with the same bytes after an attempt of unknown
/// outcome was written by it; a file that is gone then was removed by it. When it gives up after
/// such an attempt, the outcome is unknown.
class RetryingStore final : public backup::BlobStore, public backup::RetainingStore {
  public:
    RetryingStore(std::unique_ptr<backup::BlobStore> inner, backup::Host& host, RetryPolicy policy,
                  RetryNote note = {});

    Result<> create() override;
    Result<std::vector<backup::Listed>> list(backup::FileKind kind) override;
    Result<std::uint64_t> size(const backup::StoredName& name) override;
    Result<> read(const backup::StoredName& name, std::uint64_t offset,
                  backup::ByteSpan into) override;
    Result<backup::Buffer> load(const backup::StoredName& name) override;
    Result<> write(const backup::StoredName& name, backup::ByteView content) override;
    Result<> remove(const backup::StoredName& name) override;
    Result<std::optional<WallTime>> retained_until(const backup::StoredName& name) override;
    Result<> retain(const backup::StoredName& name, WallTime until) override;
    [[nodiscard]] backup::StoreTraits traits() const override { return inner_->traits(); }

  private:
    /// How the attempts of one call go.
    struct Course {
        std::string what;
        Instant began;
        unsigned attempts = 0;
        bool may_be_done = false;  ///< An attempt had an unknown outcome.
    };
    template <class T>
    Result<T> persist(Course& course, const std::function<Result<T>()>& attempt);
    [[nodiscard]] Course start(std::string what) const;
    [[nodiscard]] bool wait_for_next(Course& course, const Error& error);
    [[nodiscard]] Duration pause_after(unsigned attempts);
    Result<> compare_config(backup::ByteView content, Error conflict);

    std::unique_ptr<backup::BlobStore> inner_;
    backup::Host& host_;
    RetryPolicy policy_;
    RetryNote note_;
};

}  // namespace muster::adapters

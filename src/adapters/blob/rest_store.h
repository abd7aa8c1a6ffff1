#pragma once

#include <memory>
#include <string>

#include "adapters/blob/http_calls.h"
#include "adapters/blob/store_options.h"

namespace muster::adapters {

/// A client of restic's REST server protocol, version 2 (restic's manual, "REST Backend"), as
/// rest-server, rclone and `muster serve-repo` speak it.
class RestStore final : public backup::BlobStore {
  public:
    static constexpr std::string_view kKind = "rest";  ///< Its name in locations.

    /// `address` is what follows "rest:": http[s]://[user[:password]@]host[:port]/path/. Without a
    /// user there, RESTIC_REST_USERNAME and RESTIC_REST_PASSWORD are taken. kInvalid.
    static Result<std::unique_ptr<backup::BlobStore>> make(const std::string& address,
                                                           const StoreDeps& deps);

    Result<> create() override;
    Result<std::vector<backup::Listed>> list(backup::FileKind kind) override;
    Result<std::uint64_t> size(const backup::StoredName& name) override;
    Result<> read(const backup::StoredName& name, std::uint64_t offset,
                  backup::ByteSpan into) override;
    Result<backup::Buffer> load(const backup::StoredName& name) override;
    Result<> write(const backup::StoredName& name, backup::ByteView content) override;
    Result<> remove(const backup::StoredName& name) override;
    [[nodiscard]] backup::StoreTraits traits() const override { return traits_; }

  private:
    struct Target {
        std::string base;  ///< Ends in a slash.
        HttpLogin login;
    };
    RestStore(Target target, HttpSettings settings, backup::StoreTraits traits);
    [[nodiscard]] HttpCall request(std::string method, const backup::StoredName& name) const;
    Result<HttpAnswer> good(const HttpCall& call);
    Result<> settle_refused(const backup::StoredName& name, std::uint64_t size, Error refusal);

    Target target_;
    backup::StoreTraits traits_;
    HttpCalls http_;
};

}  // namespace muster::adapters

#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "adapters/blob/aws_credentials.h"
#include "adapters/blob/http_calls.h"
#include "adapters/blob/s3_xml.h"
#include "adapters/blob/store_options.h"
#include "backup/retaining_store.h"

namespace muster::adapters {

/// Where and how objects lie.
struct S3Settings {
    std::string scheme = "https";
    std::string host;  ///< With its port.
    std::string bucket;
    std::string prefix;            ///< Empty, or ends in a slash.
    bool is_virtual_host = false;  ///< BUCKET.HOST/KEY; else HOST/BUCKET/KEY.
    std::string region;
    std::string storage_class;  ///< For packs only: all else is read each time.
    unsigned object_lock_days = 0;
    unsigned connections = 5;
    std::uint64_t part_size = 64U << 20U;  ///< Bigger files go up in parts of it; 5 MiB at least.
    unsigned page_size = 1000;             ///< Of a list.
    HttpSettings http;
    Fields environment;  ///< For the credentials.

    /// Reads what follows "s3:" in a location: [http[s]://]host[:port]/bucket[/prefix]. kInvalid.
    static Result<S3Settings> read(const std::string& address, const StoreOptions& options);
};

/// Files as objects of a bucket of Amazon's S3 or of what speaks its protocol: requests are signed
/// with version 4, and every body is sent with its SHA-256. A bucket that can't lock is kInvalid
/// where locks are wanted.
class S3Store final : public backup::BlobStore, public backup::RetainingStore {
  public:
    static constexpr std::string_view kKind = "s3";  ///< Its name in locations.

    static Result<std::unique_ptr<backup::BlobStore>> make(const std::string& address,
                                                           const StoreDeps& deps);
    S3Store(S3Settings settings, backup::Host& host);

    /// Makes the bucket when it is not there.
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
    [[nodiscard]] backup::StoreTraits traits() const override;

  private:
    using Query = std::map<std::string, std::string>;
    [[nodiscard]] HttpCall request(std::string method, const std::string& key,
                                   const Query& query = {}) const;
    [[nodiscard]] std::string key_of(const backup::StoredName& name) const;
    Result<HttpAnswer> send(HttpCall call, const std::string& body_hash = {});
    Result<HttpAnswer> send_signed(HttpCall call, const std::string& region);
    Result<HttpAnswer> good(const HttpCall& call, const std::string& body_hash = {});
    Error failure(const HttpCall& call, const HttpAnswer& answer);
    S3Problem problem_of(const HttpCall& call, const HttpAnswer& answer);
    [[nodiscard]] std::string denied_hint(const S3Problem& problem, const HttpAnswer& answer) const;
    Result<> check_lockable();
    Result<> put(const backup::StoredName& name, backup::ByteView content);
    Result<> put_config(HttpCall call, const std::string& hash);
    Result<> put_parts(const backup::StoredName& name, backup::ByteView content);
    Result<std::string> send_parts(const std::string& key, const Query& upload,
                                   backup::ByteView content);
    Result<> keep_locked(const backup::StoredName& name);
    [[nodiscard]] bool is_to_lock(const backup::StoredName& name) const;
    [[nodiscard]] WallTime lock_from_now() const;
    [[nodiscard]] std::vector<std::string> headers_for(const backup::StoredName& name) const;
    [[nodiscard]] std::string region();

    S3Settings settings_;
    backup::Host& host_;
    AwsCredentialSource credentials_;
    HttpCalls http_;
    std::mutex mutex_;
    std::string region_;
    bool is_lockable_ = false;  ///< The bucket was asked, and has object lock.
};

}  // namespace muster::adapters

#pragma once

#include <functional>
#include <memory>
#include <string>

#include "backup/blob_store.h"
#include "backup/host.h"
#include "base/fields.h"

namespace muster::adapters {

/// Before a retry: what failed ("read data/4f6d…"), why, and how long it will pause.
using RetryNote = std::function<void(const std::string& what, const Error& error, Duration pause)>;

/// How a repository's place is reached, as restic's options say it.
struct StoreOptions {
    /// The variables that stores look at (RESTIC_REST_*, AWS_*, HOME, PATH …):
    /// `store_environment()` in a program, anything in a test. No store reads the process's own.
    Fields environment;
    Fields extended;               ///< "s3.region" → "eu-west-1": restic's -o NAME=VALUE.
    std::string ca_file;           ///< --cacert: PEM, trusted in place of the system's.
    std::string client_cert_file;  ///< --tls-client-cert: PEM, certificate and key.
    bool verify_tls = true;
    unsigned object_lock_days = 0;     ///< S3: nothing written can be removed for so long.
    std::uint64_t upload_kib_s = 0;    ///< --limit-upload; 0: no limit.
    std::uint64_t download_kib_s = 0;  ///< --limit-download; 0: no limit.
    RetryNote on_retry;
};

/// What a kind of store is made from; all but the host may go afterwards.
struct StoreDeps {
    const StoreOptions& options;
    backup::Host& host;
};

/// `options.environment[name]`; empty when it is not set.
std::string variable(const StoreOptions& options, const std::string& name);
/// "s3.connections" and the like: 1 to 1,000, or `otherwise` when it is not given. kInvalid.
Result<unsigned> connections_option(const StoreOptions& options, const std::string& kind,
                                    unsigned otherwise);
/// Every -o NAME=VALUE begins with one of these kinds and is one of the names that it knows.
/// kInvalid when it is a name that this kind does not know.
Result<> check_extended(const StoreOptions& options, const std::string& kind,
                        std::initializer_list<std::string_view> names);
/// The variables of this process that stores look at.
Fields store_environment();

}  // namespace muster::adapters

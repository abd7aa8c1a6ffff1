#pragma once

#include <mutex>
#include <optional>
#include <string>

#include "adapters/blob/http_calls.h"
#include "adapters/blob/store_options.h"

namespace muster::adapters {

struct AwsCredentials {
    std::string access_key;
    Secret secret_key;
    Secret session_token;             ///< May be empty.
    std::optional<WallTime> expires;  ///< Only those of an instance do.
};

/// Where an S3 store has its credentials from, the first of these: AWS_ACCESS_KEY_ID and
/// AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN); the shared credentials file
/// (AWS_SHARED_CREDENTIALS_FILE or ~/.aws/credentials; AWS_PROFILE or "default"); the profile of
/// the EC2 instance (metadata service, version 2). Many threads may ask.
class AwsCredentialSource {
  public:
    AwsCredentialSource(const Fields& environment, backup::Host& host);
    /// Those of an instance are asked for anew five minutes before they expire. kDenied when there
    /// are none, with what was tried; kInvalid when a file makes no sense; kUnavailable when the
    /// instance can't say for now.
    Result<AwsCredentials> current();
    /// The server called them expired: asks anew the next time.
    void forget();

  private:
    Result<AwsCredentials> find();
    Result<std::optional<AwsCredentials>> from_file() const;
    Result<AwsCredentials> from_instance();
    Result<std::string> ask_instance(const std::string& path, const std::string& token);
    [[nodiscard]] std::string variable(const std::string& name) const;

    Fields environment_;
    backup::Host& host_;
    HttpCalls http_;
    std::mutex mutex_;
    std::optional<AwsCredentials> known_;
    bool is_on_instance_ = false;  ///< It had credentials once, so that a failure is one for now.
};

}  // namespace muster::adapters

#include "adapters/blob/aws_credentials.h"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace muster::adapters {

namespace json = boost::json;

namespace {

constexpr Duration kRenewBefore = std::chrono::minutes(5);
constexpr std::size_t kMaxFile = 1U << 20U;

std::string trimmed(const std::string& text) {
    const auto first = text.find_first_not_of(" \t\r");
    return first == std::string::npos
               ? std::string()
               : text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
}

// The lines "name = value" of one [profile]; nullopt when there is no such profile.
std::optional<Fields> profile_of(const std::string& text, const std::string& profile) {
    std::optional<Fields> found;
    bool is_inside = false;
    std::istringstream lines(text);
    for (std::string raw; std::getline(lines, raw);) {
        const auto line = trimmed(raw);
        if (line.starts_with('[')) {
            is_inside = trimmed(line.substr(1, line.find(']') - 1)) == profile;
            if (is_inside && !found) {
                found.emplace();
            }
            continue;
        }
        const auto equals = line.find('=');
        if (is_inside && equals != std::string::npos && !line.starts_with('#') &&
            !line.starts_with(';')) {
            (*found)[trimmed(line.substr(0, equals))] = trimmed(line.substr(equals + 1));
        }
    }
    return found;
}

std::string text_at(const json::object& object, std::string_view name) {
    const auto* const value = object.if_contains(name);
    return value != nullptr && value->is_string() ? std::string(value->get_string())
                                                  : std::string();
}

HttpSettings instance_settings() {
    HttpSettings settings;
    settings.use_proxy = false;
    settings.connect_timeout = std::chrono::seconds(2);
    settings.stall_timeout = std::chrono::seconds(5);
    return settings;
}

}  // namespace

AwsCredentialSource::AwsCredentialSource(const Fields& environment, backup::Host& host)
    : environment_(environment), host_(host), http_(instance_settings()) {
}

std::string AwsCredentialSource::variable(const std::string& name) const {
    const auto found = environment_.find(name);
    return found == environment_.end() ? std::string() : found->second;
}

void AwsCredentialSource::forget() {
    const std::scoped_lock lock(mutex_);
    known_.reset();
}

Result<AwsCredentials> AwsCredentialSource::current() {
    const std::scoped_lock lock(mutex_);
    const bool is_fresh =
        known_ &&
        (!known_->expires ||
         host_.wall() + std::chrono::duration_cast<std::chrono::microseconds>(kRenewBefore) <
             *known_->expires);
    if (!is_fresh) {
        TRY(known_, find());
    }
    return *known_;
}

Result<AwsCredentials> AwsCredentialSource::find() {
    AwsCredentials found{.access_key = variable("AWS_ACCESS_KEY_ID"),
                         .secret_key = Secret(variable("AWS_SECRET_ACCESS_KEY")),
                         .session_token = Secret(variable("AWS_SESSION_TOKEN")),
                         .expires = {}};
    if (found.access_key.empty() != found.secret_key.empty()) {
        return Error{Errc::kInvalid,
                     "of AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY only one is set",
                     "set both or none"};
    }
    if (!found.access_key.empty()) {
        return found;
    }
    TRY(auto in_file, from_file());
    if (in_file) {
        return std::move(*in_file);
    }
    if (variable("AWS_EC2_METADATA_DISABLED") != "true") {
        auto of_instance = from_instance();
        if (of_instance || is_on_instance_) {
            return of_instance;
        }
    }
    return Error{Errc::kDenied,
                 "there are no credentials for S3: none in AWS_ACCESS_KEY_ID, in a credentials "
                 "file or from an instance profile",
                 "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"};
}

Result<std::optional<AwsCredentials>> AwsCredentialSource::from_file() const {
    const auto named_file = variable("AWS_SHARED_CREDENTIALS_FILE");
    const auto named_profile = variable("AWS_PROFILE");
    const auto home = variable("HOME");
    const auto path = named_file.empty() && !home.empty() ? home + "/.aws/credentials" : named_file;
    const auto profile = named_profile.empty() ? "default" : named_profile;
    std::ifstream file(path);
    if (path.empty() || !file) {
        if (named_file.empty() && named_profile.empty()) {
            return std::optional<AwsCredentials>{};
        }
        return Error{Errc::kInvalid,
                     "can't read the credentials file " + path + ": " + strerror(errno),
                     "correct AWS_SHARED_CREDENTIALS_FILE and AWS_PROFILE, or unset them"};
    }
    std::string text(kMaxFile, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<std::size_t>(file.gcount()));
    auto lines = profile_of(text, profile);
    if (!lines && named_profile.empty()) {
        return std::optional<AwsCredentials>{};
    }
    const bool is_whole = lines && !(*lines)["aws_access_key_id"].empty() &&
                          !(*lines)["aws_secret_access_key"].empty();
    if (!is_whole) {
        return Error{Errc::kInvalid, "the profile \"" + profile + "\" in " + path +
                                         " has no aws_access_key_id and aws_secret_access_key"};
    }
    return std::optional<AwsCredentials>({.access_key = (*lines)["aws_access_key_id"],
                                          .secret_key = Secret((*lines)["aws_secret_access_key"]),
                                          .session_token = Secret((*lines)["aws_session_token"]),
                                          .expires = {}});
}

Result<std::string> AwsCredentialSource::ask_instance(const std::string& path,
                                                      const std::string& token) {
    const auto named = variable("AWS_EC2_METADATA_SERVICE_ENDPOINT");
    HttpCall call;
    call.url = (named.empty() ? "http://169.254.169.254" : named) + path;
    call.max_answer = 64U << 10U;
    if (token.empty()) {
        call.method = "PUT";
        call.body.emplace();
        call.headers.emplace_back("X-aws-ec2-metadata-token-ttl-seconds: 300");
    } else {
        call.headers.push_back("X-aws-ec2-metadata-token: " + token);
    }
    call.name = call.method + " " + call.url;
    auto answer = http_.call(call, {});
    if (!answer || !answer->is_good()) {
        const auto why =
            answer ? "status " + std::to_string(answer->status) : answer.error().message();
        return Error{Errc::kUnavailable, "the instance gives no credentials: " + why};
    }
    return std::string(answer->body.text());
}

// The protocol of the instance metadata service, version 2 (EC2 user guide, "Use IMDSv2").
Result<AwsCredentials> AwsCredentialSource::from_instance() {
    const std::string folder = "/latest/meta-data/iam/security-credentials/";
    TRY(const auto token, ask_instance("/latest/api/token", ""));
    TRY(const auto roles, ask_instance(folder, token));
    TRY(const auto text, ask_instance(folder + trimmed(roles.substr(0, roles.find('\n'))), token));
    boost::system::error_code problem;
    const auto value = json::parse(text, problem);
    const auto* const object = problem ? nullptr : value.if_object();
    if (object == nullptr || text_at(*object, "Code") != "Success") {
        return Error{Errc::kUnavailable, "the instance gives no credentials"};
    }
    TRY(const auto expires, parse_wall(text_at(*object, "Expiration")));
    is_on_instance_ = true;
    return AwsCredentials{.access_key = text_at(*object, "AccessKeyId"),
                          .secret_key = Secret(text_at(*object, "SecretAccessKey")),
                          .session_token = Secret(text_at(*object, "Token")),
                          .expires = expires};
}

}  // namespace muster::adapters

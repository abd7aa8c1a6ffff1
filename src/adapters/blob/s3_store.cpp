#include "adapters/blob/s3_store.h"

#include <curl/curl.h>

#include "adapters/blob/content_hash.h"
#include "adapters/blob/stored_names.h"
#include "adapters/blob/url_parts.h"

namespace muster::adapters {

using backup::FileKind;
using backup::Listed;
using backup::StoredName;

namespace {

constexpr std::uint64_t kMaxPage = 16U << 20U;
constexpr int kMaxPages = 1'000'000;
constexpr std::uint64_t kMaxReason = 64U << 10U;
// Amazon refuses requests from a clock that is a quarter of an hour off.
constexpr auto kMaxClockError = std::chrono::minutes(15);

// The server's own clock, by which it judges a lock; ours when it does not tell.
WallTime server_time(const HttpAnswer& answer, const backup::Host& host) {
    const auto seconds = curl_getdate(answer.header("date").c_str(), nullptr);
    return seconds > 0 ? WallTime(std::chrono::seconds(seconds)) : host.wall();
}

Result<std::optional<WallTime>> lock_end(const HttpAnswer& answer) {
    const auto until = answer.header("x-amz-object-lock-retain-until-date");
    if (until.empty()) {
        return std::optional<WallTime>{};
    }
    TRY(const auto end, parse_wall(until));
    return std::optional<WallTime>(end);
}

}  // namespace

Result<std::unique_ptr<backup::BlobStore>> S3Store::make(const std::string& address,
                                                         const StoreDeps& deps) {
    TRY(auto settings, S3Settings::read(address, deps.options));
    return std::make_unique<S3Store>(std::move(settings), deps.host);
}

S3Store::S3Store(S3Settings settings, backup::Host& host)
    : settings_(std::move(settings)),
      host_(host),
      credentials_(settings_.environment, host),
      http_(settings_.http),
      region_(settings_.region) {
}

backup::StoreTraits S3Store::traits() const {
    return {"s3:" + settings_.scheme + "://" + settings_.host + "/" + settings_.bucket + "/" +
                settings_.prefix,
            settings_.connections, false};
}

std::string S3Store::key_of(const StoredName& name) const {
    return settings_.prefix + path_of(name);
}

// Canonical, since libcurl signs what stands there: strict codes, sorted, each parameter with "=".
HttpCall S3Store::request(std::string method, const std::string& key, const Query& query) const {
    std::string url = settings_.scheme + "://";
    if (settings_.is_virtual_host) {
        url += settings_.bucket + "." + settings_.host;
    } else {
        url += settings_.host + "/" + settings_.bucket;
    }
    if (!key.empty() || settings_.is_virtual_host) {
        url += "/" + percent_encode(key, true);
    }
    HttpCall call{.method = std::move(method), .url = url, .name = {}, .headers = {}, .body = {}};
    call.name = call.method + " " + url;
    char separator = '?';
    for (const auto& [name, value] : query) {
        call.url += separator + percent_encode(name) + "=" + percent_encode(value);
        separator = '&';
    }
    return call;
}

std::string S3Store::region() {
    const std::scoped_lock lock(mutex_);
    return region_;
}

Result<HttpAnswer> S3Store::send_signed(HttpCall call, const std::string& region) {
    TRY(const auto credentials, credentials_.current());
    if (!credentials.session_token.empty()) {
        call.headers.push_back("x-amz-security-token: " + credentials.session_token.reveal());
    }
    return http_.call(call, {.user = credentials.access_key,
                             .password = credentials.secret_key,
                             .sigv4 = "aws:amz:" + region + ":s3"});
}

// Amazon names the region of a bucket to those who signed for another one.
Result<HttpAnswer> S3Store::send(HttpCall call, const std::string& body_hash) {
    call.headers.push_back("x-amz-content-sha256: " +
                           (body_hash.empty() ? sha256_hex({}) : body_hash));
    const auto used = region();
    TRY(auto answer, send_signed(call, used));
    const auto told = answer.header("x-amz-bucket-region");
    if (answer.is_good() || answer.status == 404 || told.empty() || told == used) {
        return answer;
    }
    {
        const std::scoped_lock lock(mutex_);
        region_ = told;
    }
    return send_signed(std::move(call), told);
}

// The answer to a HEAD has no body: why it was refused is told to the same question by GET.
S3Problem S3Store::problem_of(const HttpCall& call, const HttpAnswer& answer) {
    if (call.method != "HEAD" || (answer.status != 400 && answer.status != 403)) {
        return read_problem(answer.body.text());
    }
    auto again = call;
    again.method = "GET";
    again.max_answer = kMaxReason;
    const auto told = send(std::move(again));
    return told && told->status == answer.status ? read_problem(told->body.text()) : S3Problem{};
}

std::string S3Store::denied_hint(const S3Problem& problem, const HttpAnswer& answer) const {
    const auto ahead = host_.wall() - server_time(answer, host_);
    const auto minutes = std::chrono::floor<std::chrono::minutes>(std::chrono::abs(ahead)).count();
    if (problem.code == "RequestTimeTooSkewed" || std::chrono::abs(ahead) > kMaxClockError) {
        return "set this machine's clock: it is " + std::to_string(minutes) + " minutes " +
               (ahead.count() < 0 ? "behind" : "ahead of") + " the server's";
    }
    if (problem.code == "InvalidAccessKeyId") {
        return "the server knows no such key: check AWS_ACCESS_KEY_ID, or the credentials file";
    }
    if (problem.code == "SignatureDoesNotMatch") {
        return "the secret does not fit the key: check AWS_SECRET_ACCESS_KEY, or the credentials "
               "file";
    }
    return "check which key this is, and what the policies of the key and of the bucket \"" +
           settings_.bucket +
           "\" let it do; without s3:ListBucket this is also said of what is not there";
}

Error S3Store::failure(const HttpCall& call, const HttpAnswer& answer) {
    const auto problem = problem_of(call, answer);
    const auto detail =
        problem.message.empty() ? problem.code : problem.code + ": " + problem.message;
    auto error = status_error(call, answer.status, detail);
    const auto as = [&error](Errc code, std::string hint) {
        return Error{code, error.message(), std::move(hint)};
    };
    if (problem.code == "ExpiredToken") {
        credentials_.forget();
        return as(Errc::kUnavailable, "the credentials have expired");
    }
    if (problem.code == "RequestTimeout" || problem.code == "ConditionalRequestConflict" ||
        problem.code == "OperationAborted") {
        return as(Errc::kUnavailable, "");
    }
    if (problem.code == "XAmzContentSHA256Mismatch" || problem.code == "BadDigest") {
        return as(Errc::kCorrupt, "what arrived is not what its name says");
    }
    if (problem.code == "NoSuchBucket") {
        return as(Errc::kNotFound, "there is no bucket \"" + settings_.bucket + "\"");
    }
    if (answer.status == 403 || problem.code == "RequestTimeTooSkewed") {
        return as(Errc::kDenied, denied_hint(problem, answer));
    }
    if (answer.status == 301 || problem.code == "AuthorizationHeaderMalformed") {
        return as(Errc::kInvalid, "the bucket is in another region: set AWS_REGION" +
                                      (problem.region.empty() ? "" : "=" + problem.region));
    }
    return error;
}

Result<HttpAnswer> S3Store::good(const HttpCall& call, const std::string& body_hash) {
    TRY(auto answer, send(call, body_hash));
    if (!answer.is_good()) {
        return failure(call, answer);
    }
    return answer;
}

Result<> S3Store::create() {
    const auto lockable = [this] {
        return settings_.object_lock_days > 0 ? check_lockable() : Result<>();
    };
    const auto look = request("HEAD", "");
    TRY(const auto found, send(look));
    // Who may not look at the bucket may still use what is in it.
    if (found.is_good() || found.status == 403) {
        return lockable();
    }
    if (found.status != 404) {
        return failure(look, found);
    }
    auto make = request("PUT", "");
    const auto place = region();
    const std::string body =
        place == "us-east-1"
            ? ""
            : "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">"
              "<LocationConstraint>" +
                  place + "</LocationConstraint></CreateBucketConfiguration>";
    make.body = backup::bytes_of(body);
    if (settings_.object_lock_days > 0) {
        make.headers.emplace_back("x-amz-bucket-object-lock-enabled: true");
    }
    TRY(const auto made, send(make, sha256_hex(*make.body)));
    const auto code = read_problem(made.body.text()).code;
    if (made.is_good() || code == "BucketAlreadyOwnedByYou") {
        return lockable();
    }
    return failure(make, made);
}

// A server that knows no object lock takes the headers that ask for one and keeps nothing, and a
// lock on a file it takes for the file's new content: therefore the bucket is asked first.
Result<> S3Store::check_lockable() {
    {
        const std::scoped_lock lock(mutex_);
        if (is_lockable_) {
            return {};
        }
    }
    const auto call = request("GET", "", {{"object-lock", ""}});
    TRY(const auto answer, send(call));
    if (answer.is_good()) {
        TRY(const auto told, parse_xml(answer.body.text()).with(call.name));
        const std::scoped_lock lock(mutex_);
        is_lockable_ = told.name == "ObjectLockConfiguration" &&
                       told.text_of("ObjectLockEnabled") == "Enabled";
        if (is_lockable_) {
            return {};
        }
    } else if (auto error = failure(call, answer);
               (error.code() != Errc::kInvalid && error.code() != Errc::kNotFound) ||
               read_problem(answer.body.text()).code == "NoSuchBucket") {
        return error;
    }
    return Error{
        Errc::kInvalid,
        "the bucket \"" + settings_.bucket + "\" has no object lock: nothing would be kept",
        "use a new bucket, which `muster repo init --object-lock-days` makes with object "
        "lock where the server has it, or leave --object-lock-days away"};
}

Result<std::vector<Listed>> S3Store::list(FileKind kind) {
    std::vector<Listed> listed;
    if (kind == FileKind::kConfig) {
        return listed;
    }
    const auto folder = settings_.prefix + std::string(place_of(kind)) + "/";
    Query query = {
        {"list-type", "2"}, {"max-keys", std::to_string(settings_.page_size)}, {"prefix", folder}};
    for (int pages = 0; pages < kMaxPages; ++pages) {
        auto call = request("GET", "", query);
        call.max_answer = kMaxPage;
        TRY(const auto answer, good(call));
        TRY(const auto page, read_list_page(answer.body.text()).with(call.name));
        for (const auto& object : page.objects) {
            if (!object.key.starts_with(folder)) {
                return Error{Errc::kUnavailable, call.name + ": lists what was not asked for"};
            }
            const auto name = object.key.substr(object.key.rfind('/') + 1);
            if (is_stored_name(name) && object.key == key_of({kind, name})) {
                listed.push_back({name, object.size});
            }
        }
        if (page.next.empty()) {
            return listed;
        }
        if (page.next == query["continuation-token"]) {
            break;
        }
        query["continuation-token"] = page.next;
    }
    return Error{Errc::kUnavailable, "the list of " + folder + " has no end"};
}

Result<std::uint64_t> S3Store::size(const StoredName& name) {
    const auto call = request("HEAD", key_of(name));
    TRY(const auto answer, good(call));
    return answer.length().with(call.name);
}

Result<> S3Store::read(const StoredName& name, std::uint64_t offset, backup::ByteSpan into) {
    if (into.empty()) {
        TRY_OK(size(name));
        return {};
    }
    auto call = request("GET", key_of(name));
    call.headers.push_back(range_header(offset, into.size()));
    call.max_answer = kMaxStoredFile;
    TRY(const auto answer, send(call));
    if (answer.status == 416) {
        TRY(const auto whole, size(name));
        return ends_before(name, whole, offset);
    }
    if (!answer.is_good()) {
        return failure(call, answer);
    }
    return copy_range(call, answer, offset, into);
}

Result<backup::Buffer> S3Store::load(const StoredName& name) {
    auto call = request("GET", key_of(name));
    call.max_answer = kMaxStoredFile;
    TRY(auto answer, good(call));
    return std::move(answer.body);
}

// S3 calls the removal of what is not there a success, and hides a locked object behind a marker
// when it is removed without its version: both are looked up first.
Result<> S3Store::remove(const StoredName& name) {
    const auto look = request("HEAD", key_of(name));
    TRY(const auto found, good(look));
    TRY(const auto until, lock_end(found));
    const bool is_held = found.header("x-amz-object-lock-legal-hold") == "ON";
    if (is_held || (until && *until > server_time(found, host_))) {
        return Error{Errc::kDenied,
                     name.str() + " is locked " +
                         (is_held ? "by a legal hold" : "until " + format_wall(*until)),
                     "remove it when the lock has ended"};
    }
    TRY_OK(good(request("DELETE", key_of(name))));
    return {};
}

Result<std::optional<WallTime>> S3Store::retained_until(const StoredName& name) {
    TRY(const auto found, good(request("HEAD", key_of(name))));
    return lock_end(found);
}

}  // namespace muster::adapters

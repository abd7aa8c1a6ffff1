#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "backup/bytes.h"
#include "base/fields.h"
#include "base/result.h"
#include "base/secret.h"
#include "base/time.h"

namespace muster::adapters {

/// Who calls. With a `sigv4` the request is signed (libcurl's "aws:amz:REGION:s3"), else the
/// password goes along as HTTP Basic.
struct HttpLogin {
    std::string user;
    Secret password;
    std::string sigv4;
};

/// How the connections are made; each time is a bound on silence, so that every call ends.
struct HttpSettings {
    std::string ca_file;           ///< PEM; trusted in place of the system's.
    std::string client_cert_file;  ///< PEM with a certificate and its key, shown to the server.
    bool verify_tls = true;
    bool use_proxy = true;  ///< What http_proxy, https_proxy and no_proxy say.
    Duration connect_timeout = std::chrono::seconds(15);
    Duration stall_timeout = std::chrono::seconds(60);  ///< With less than 256 B/s for so long.
};

/// One request. It refers to its body, which outlives the call.
struct HttpCall {
    std::string method = "GET";
    std::string url;
    std::string name;  ///< For messages: what it is about, without secrets.
    std::vector<std::string> headers;
    std::optional<backup::ByteView> body;
    std::uint64_t max_answer = 16U << 20U;  ///< Bytes; a longer answer is kUnavailable.
    bool is_fresh = false;  ///< On a connection of its own, so that libcurl never sends it twice.
};

struct HttpAnswer {
    int status = 0;
    Fields headers;  ///< Names in lower case.
    backup::Buffer body;

    [[nodiscard]] bool is_good() const { return status >= 200 && status < 300; }
    /// The header's value; empty when it is not there.
    [[nodiscard]] std::string header(const std::string& name) const;
    /// What Content-Length says; kUnavailable when it says nothing.
    [[nodiscard]] Result<std::uint64_t> length() const;
};

/// Blocking HTTP over libcurl, for many threads at once: each call takes a handle with its kept
/// connection from the pool, or makes one.
class HttpCalls {
  public:
    explicit HttpCalls(HttpSettings settings);
    HttpCalls(const HttpCalls&) = delete;
    HttpCalls& operator=(const HttpCalls&) = delete;
    ~HttpCalls();

    /// The whole answer, whatever its status. kUnavailable and kTimedOut: nothing was done;
    /// kOutcomeUnknown: the connection was lost after a request that changes something was sent;
    /// kDenied: the certificate; kInvalid: the address, or a host that nobody knows: a name that
    /// never led anywhere is unavailable four times, for a resolver that is not up yet.
    Result<HttpAnswer> call(const HttpCall& call, const HttpLogin& login);

  private:
    struct Handle;
    struct Transfer;
    std::unique_ptr<Handle> take();
    void give_back(std::unique_ptr<Handle> handle);
    Error unknown_host(Error error);

    HttpSettings settings_;
    std::mutex mutex_;
    std::vector<std::unique_ptr<Handle>> idle_;
    std::atomic<bool> has_answered_{false};
    std::atomic<unsigned> unknown_hosts_{0};  ///< Before the first answer.
};

/// What a status that is not good means: 404 kNotFound, 401 and 403 kDenied, 409 and 412 kConflict,
/// 429 and 503 kUnavailable, 501 kInvalid, other 5xx kOutcomeUnknown for a call that changes
/// something and kUnavailable for others, the rest kInvalid. `detail` is the server's own word, may
/// be empty.
Error status_error(const HttpCall& call, int status, std::string_view detail);

/// Where a byte range lies in an answer to a request for it (RFC 9110, section 14): copies it into
/// `into`. kCorrupt when the file ends before; kUnavailable when less arrived than was promised.
Result<> copy_range(const HttpCall& call, const HttpAnswer& answer, std::uint64_t offset,
                    backup::ByteSpan into);
/// "Range: bytes=5-9".
std::string range_header(std::uint64_t offset, std::uint64_t size);

}  // namespace muster::adapters

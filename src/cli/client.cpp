#include "cli/client.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/json.hpp>
#include <boost/url/encode.hpp>
#include <boost/url/rfc/unreserved_chars.hpp>
#include <cstdlib>
#include <optional>
#include <utility>

#include "adapters/net/http_client.h"
#include "adapters/os/secret_source.h"
#include "adapters/os/system.h"
#include "cli/json_view.h"

namespace muster::cli {

namespace asio = boost::asio;

namespace {

constexpr Duration kPatience = std::chrono::seconds(60);
constexpr Duration kPause = std::chrono::milliseconds(250);
constexpr std::size_t kMaxAnswer = 64U << 20U;

std::string from_environment(const char* name) {
    const char* value = std::getenv(name);  // NOLINT(concurrency-mt-unsafe): one thread
    return value == nullptr ? std::string() : std::string(value);
}

class HttpApiClient final : public Client {
  public:
    explicit HttpApiClient(Endpoint endpoint)
        : endpoint_(std::move(endpoint)), http_(loop_.get_executor(), clock_) {}

    Result<Answer> get(const std::string& path) override { return send(request("GET", path)); }

    Result<Answer> post(const std::string& path, const std::string& body) override {
        auto change = request("POST", path);
        change.body = body;
        change.headers["Content-Type"] = "application/json";
        TRY(const auto token, find_token());
        change.headers["Authorization"] = "Bearer " + token.reveal();
        return send(std::move(change));
    }

    void pause() override { static_cast<void>(await(clock_.sleep_for(kPause))); }

  private:
    template <class T>
    Result<T> await(Task<T> task) {
        std::optional<Result<T>> result;
        asio::co_spawn(loop_, std::move(task), [&](const std::exception_ptr&, Result<T> value) {
            result = std::move(value);
        });
        loop_.restart();
        while (!result && loop_.run_one() > 0) {
        }
        return result ? std::move(*result) : Error{Errc::kUnavailable, "the request did not end"};
    }

    [[nodiscard]] std::string socket_path() const { return endpoint_.data + "/muster.sock"; }

    [[nodiscard]] adapters::HttpRequest request(std::string method, const std::string& path) const {
        adapters::HttpRequest request;
        request.method = std::move(method);
        request.max_body = kMaxAnswer;
        request.ca_file = endpoint_.ca_file;
        if (endpoint_.url.empty()) {
            request.unix_socket = socket_path();
            request.url = "http://localhost" + path;
        } else {
            request.url = endpoint_.url + path;
        }
        return request;
    }

    [[nodiscard]] Result<Secret> find_token() const {
        if (!endpoint_.token.empty()) {
            return endpoint_.token;
        }
        if (!endpoint_.url.empty()) {
            return Error{Errc::kDenied, "this changes something and needs the node's token",
                         "set MUSTER_TOKEN to the content of the file token in the node's data "
                         "directory"};
        }
        adapters::SecretSource source;
        source.file = endpoint_.data + "/token";
        auto token = adapters::read_secret(source);
        if (!token && token.error().code() == Errc::kNotFound) {
            return nobody_there();
        }
        return token;
    }

    [[nodiscard]] Error nobody_there() const {
        if (endpoint_.url.empty()) {
            return {Errc::kUnavailable, "no muster is serving at " + socket_path(),
                    "start one: muster serve PLAN --data " + endpoint_.data};
        }
        return {Errc::kUnavailable, "no muster answers at " + endpoint_.url,
                "check the address, and that the node runs"};
    }

    Result<Answer> send(adapters::HttpRequest request) {
        auto response = await(http_.send(std::move(request), clock_.now() + kPatience));
        if (!response) {
            if (response.error().code() == Errc::kUnavailable) {
                return nobody_there();
            }
            return response.error();
        }
        if (response->status < 400) {
            return Answer{response->status, std::move(response->body)};
        }
        const JsonText document(response->body);
        const auto error = document.root()["error"];
        const auto message = error.text("message");
        return Error{
            error.text("code").empty() ? Errc::kUnavailable : errc_from(error.text("code")),
            message.empty() ? "the node answered " + std::to_string(response->status) : message,
            error.text("hint")};
    }

    Endpoint endpoint_;
    asio::io_context loop_{1};
    adapters::SystemClock clock_;
    adapters::HttpClient http_;
};

}  // namespace

Endpoint resolve_endpoint(std::string url, std::string data) {
    Endpoint endpoint;
    while (url.ends_with('/')) {
        url.pop_back();
    }
    endpoint.url = std::move(url);
    endpoint.data = std::move(data);
    if (endpoint.data.empty()) {
        endpoint.data = from_environment("MUSTER_DATA");
    }
    if (endpoint.data.empty()) {
        endpoint.data = "muster-data";
    }
    endpoint.ca_file = from_environment("MUSTER_CA");
    endpoint.token = Secret(from_environment("MUSTER_TOKEN"));
    return endpoint;
}

std::unique_ptr<Client> connect(Endpoint endpoint) {
    return std::make_unique<HttpApiClient>(std::move(endpoint));
}

std::string encode_part(std::string_view text) {
    return boost::urls::encode(boost::core::string_view(text.data(), text.size()),
                               boost::urls::unreserved_chars);
}

}  // namespace muster::cli

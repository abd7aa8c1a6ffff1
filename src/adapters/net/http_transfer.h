#pragma once

#include <curl/curl.h>

#include <array>
#include <memory>
#include <string>

#include "adapters/net/http_client.h"

namespace muster::adapters {

/// One request on a libcurl easy handle: its options, what has arrived, and what its end means.
/// Knows nothing of how it is driven.
class HttpTransfer {
  public:
    /// `wall` judges how long the server's certificate is still good.
    HttpTransfer(HttpRequest request, WallTime wall);
    HttpTransfer(const HttpTransfer&) = delete;
    HttpTransfer& operator=(const HttpTransfer&) = delete;

    /// Puts the request on the handle. kInvalid when the request makes no sense.
    Result<> prepare();
    [[nodiscard]] CURL* handle() const { return easy_.get(); }
    /// What libcurl's verdict on the finished transfer means.
    Result<HttpResponse> finish(CURLcode code);
    /// What giving up at the deadline means: kTimedOut before the request was sent, else
    /// kOutcomeUnknown.
    [[nodiscard]] Error expired() const;

  private:
    struct FreeEasy {
        void operator()(CURL* easy) const { curl_easy_cleanup(easy); }
    };
    struct FreeList {
        void operator()(curl_slist* list) const { curl_slist_free_all(list); }
    };
    using List = std::unique_ptr<curl_slist, FreeList>;

    static std::size_t take_header(char* data, std::size_t size, std::size_t count, void* self);
    static std::size_t take_body(char* data, std::size_t size, std::size_t count, void* self);
    Result<> set_headers();
    Result<> set_route();
    void set_method();
    void set_tls();
    void read_certificate();
    [[nodiscard]] bool is_sent() const;
    [[nodiscard]] std::string name() const;
    [[nodiscard]] Error failure(CURLcode code) const;
    [[nodiscard]] Error connect_failure() const;
    [[nodiscard]] Error broken(std::string_view what) const;

    HttpRequest request_;
    WallTime wall_;
    // The lists go after the handle that refers to them.
    List headers_;
    List route_;
    std::unique_ptr<CURL, FreeEasy> easy_;
    HttpResponse response_;
    bool is_cut_ = false;
    std::array<char, CURL_ERROR_SIZE> detail_{};
};

}  // namespace muster::adapters

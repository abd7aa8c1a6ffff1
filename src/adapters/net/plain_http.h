#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <optional>
#include <string>

#include "adapters/net/http_client.h"

namespace muster::adapters {

/// A request that is sent over and over to one address: made once.
struct PlainHttpRequest {
    boost::asio::ip::tcp::endpoint peer;
    std::string text;  ///< Request line, headers, empty line.
    std::string name;  ///< "GET http://host:port", for messages.
    bool is_head = false;
    bool keeps_body = true;  ///< Otherwise the answer's body is read, and forgotten.
    std::size_t max_body = 0;
};

/// The address, when the URL is plain HTTP and names it by number: nothing needs to be looked up.
std::optional<boost::asio::ip::tcp::endpoint> numeric_peer(const std::string& url);
/// `request` for `peer`; `is_kept`: the connection is to stay open after it. kInvalid when its URL
/// or a header makes no sense. It must have no body, no user in the URL, and no Unix socket.
Result<PlainHttpRequest> plain_request(const HttpRequest& request,
                                       const boost::asio::ip::tcp::endpoint& peer, bool is_kept);

/// A connection between two requests.
struct KeptHttpConnection {
    std::optional<boost::asio::ip::tcp::socket> socket;
    boost::asio::ip::tcp::endpoint peer{};
    Instant made{};
};

struct PlainHttpLoop;

/// Plain HTTP/1.1 to numeric addresses for thousands of small requests a second: one socket, one
/// coroutine, a shared buffer and a shared timer, where HttpClient needs ten times the work. Errors
/// as HttpClient's, and kCorrupt for an answer that is not HTTP.
class PlainHttpClient {
  public:
    /// A kept connection is renewed after this: one that is open hides a listener that is gone.
    static constexpr Duration kRenewal = std::chrono::seconds(30);

    PlainHttpClient(Executor executor, Clock& clock);
    ~PlainHttpClient();
    /// With `kept`, on its connection, which is made anew when it is missing, old, in use by
    /// another request, to another address, or was closed by the server meanwhile. It must live
    /// until then; the request is shared, because whoever sends it may learn another address while
    /// it is under way.
    Task<HttpResponse> send(std::shared_ptr<const PlainHttpRequest> request,
                            KeptHttpConnection* kept, Instant deadline);

  private:
    // Shared with the timer's handler and requests under way when the client goes.
    std::shared_ptr<PlainHttpLoop> loop_;
};

}  // namespace muster::adapters

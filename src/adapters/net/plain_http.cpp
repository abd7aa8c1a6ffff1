// Plain HTTP for a prober: few system calls for each request. A fresh connection takes socket,
// connect, send, one wait and receive. The send is tried before the connection is known to be open,
// which on a near network it mostly is; the answer to a wait goes into one buffer that all requests
// of the client share, because none holds it across a wait. Deadlines are a tree with one timer,
// which is set anew only when the first of them moves forward.

#include "adapters/net/plain_http.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/intrusive/set.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url_view.hpp>
#include <cerrno>
#include <cstring>
#include <map>

#include "adapters/net/failure.h"
#include "adapters/net/http_message.h"
#include "adapters/net/http_response_reader.h"

namespace muster::adapters {

namespace asio = boost::asio;
namespace intrusive = boost::intrusive;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr std::size_t kReadSize = 16U << 10U;
constexpr std::uint16_t kHttpPort = 80;

struct Expiry : intrusive::set_base_hook<> {
    Instant deadline{};
    bool is_expired = false;
    tcp::socket* socket = nullptr;  // What is to be woken.
    bool operator<(const Expiry& other) const { return deadline < other.deadline; }
};

std::uint16_t port_of(const boost::urls::url_view& url) {
    return url.has_port() && url.port_number() != 0 ? url.port_number() : kHttpPort;
}

}  // namespace

// What the requests of one client share.
struct PlainHttpLoop : std::enable_shared_from_this<PlainHttpLoop> {
    PlainHttpLoop(Executor the_executor, Clock& the_clock)
        : executor(std::move(the_executor)), clock(the_clock), timer(executor) {}

    void add(Expiry& expiry);
    void set_timer();
    void expire();

    Executor executor;
    Clock& clock;
    asio::steady_timer timer;
    Instant timer_at = Instant::max();
    intrusive::multiset<Expiry> expiries;
    std::array<char, kReadSize> buffer{};
};

void PlainHttpLoop::add(Expiry& expiry) {
    expiries.insert(expiry);
    if (expiry.deadline < timer_at) {
        set_timer();
    }
}

void PlainHttpLoop::set_timer() {
    if (expiries.empty()) {
        timer_at = Instant::max();
        return;
    }
    timer_at = expiries.begin()->deadline;
    timer.expires_after(std::max(Duration::zero(), timer_at - clock.now()));
    timer.async_wait([weak = weak_from_this()](const error_code& error) {
        if (const auto living = weak.lock(); living != nullptr && !error) {
            living->expire();
        }
    });
}

void PlainHttpLoop::expire() {
    const Instant now = clock.now();
    while (!expiries.empty() && expiries.begin()->deadline <= now) {
        auto& expiry = *expiries.begin();
        expiries.erase(expiries.begin());
        expiry.is_expired = true;
        if (expiry.socket != nullptr) {
            error_code ignored;
            expiry.socket->cancel(ignored);
        }
    }
    set_timer();
}

namespace {

// With a reset, once the answer is whole: otherwise each check would leave its two ports in
// TIME_WAIT for a minute, and the farewell costs a tenth of the check. HAProxy's checks end so as
// well. Not by Asio's option, which its destructor takes back.
void close_abruptly(tcp::socket& socket) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    ::setsockopt(socket.native_handle(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
    error_code ignored;
    socket.close(ignored);
}

// One request and its answer, as a machine that never waits itself: it does what it can and says
// what it has to wait for. One coroutine drives it, because each further one would cost as much as
// the machine. A kept connection that turns out to be closed is made anew on the way.
class Exchange {
  public:
    enum class Next { kWaitRead, kWaitWrite, kDone };
    Exchange(std::shared_ptr<PlainHttpLoop> loop, std::shared_ptr<const PlainHttpRequest> request,
             KeptHttpConnection* kept)
        : loop_(std::move(loop)), request_(std::move(request)), kept_(kept) {}
    Exchange(const Exchange&) = delete;
    Exchange& operator=(const Exchange&) = delete;
    ~Exchange() {
        if (expiry_.is_linked()) {
            loop_->expiries.erase(loop_->expiries.iterator_to(expiry_));
        }
    }

    Next begin(Instant deadline);
    /// What was waited for has come.
    Next go_on();
    /// The wait has ended otherwise.
    Next give_up();
    [[nodiscard]] bool is_expired() const { return expiry_.is_expired; }
    tcp::socket& socket() { return *socket_; }
    Result<HttpResponse> finish();

  private:
    Next open();
    Next send();
    Next receive();
    Next fail(Error error);
    Next break_off(std::string_view what);

    std::shared_ptr<PlainHttpLoop> loop_;
    std::shared_ptr<const PlainHttpRequest> request_;
    KeptHttpConnection* kept_;
    std::optional<tcp::socket> socket_;
    std::optional<HttpResponseReader> reader_;  // Once the request is sent.
    std::optional<Error> error_;
    Instant made_{};
    Expiry expiry_;
    std::size_t sent_ = 0;
    bool is_reused_ = false;  // The connection was kept, and nothing has come on it this time.
};

Exchange::Next Exchange::begin(Instant deadline) {
    expiry_.deadline = deadline;
    loop_->add(expiry_);
    const Instant now = loop_->clock.now();
    made_ = now;
    if (kept_ == nullptr || !kept_->socket) {
        return open();
    }
    if (now - kept_->made >= PlainHttpClient::kRenewal || kept_->peer != request_->peer) {
        kept_->socket.reset();
        return open();
    }
    made_ = kept_->made;
    socket_ = std::exchange(kept_->socket, std::nullopt);
    expiry_.socket = &*socket_;
    is_reused_ = true;
    return send();
}

Exchange::Next Exchange::open() {
    const auto& peer = request_->peer;
    const int number =
        ::socket(peer.protocol().family(), SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
    if (number < 0) {
        return break_off("no socket: " + std::string(std::strerror(errno)));
    }
    error_code failure;
    socket_.emplace(loop_->executor);
    socket_->assign(peer.protocol(), number, failure);
    if (failure) {
        ::close(number);
        return break_off("no socket: " + failure.message());
    }
    expiry_.socket = &*socket_;
    if (::connect(number, peer.data(), static_cast<socklen_t>(peer.size())) != 0 &&
        errno != EINPROGRESS) {
        return break_off(phrase_for(errno));
    }
    return send();
}

Exchange::Next Exchange::send() {
    const std::string_view text = request_->text;
    while (sent_ < text.size()) {
        const auto length = ::send(socket_->native_handle(), text.data() + sent_,
                                   text.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (length >= 0) {
            sent_ += static_cast<std::size_t>(length);
        } else if (errno == EAGAIN) {
            return Next::kWaitWrite;  // Not connected yet, or no room.
        } else if (errno != EINTR) {
            return break_off(phrase_for(errno));
        }
    }
    reader_.emplace(
        HttpResponseReader::Wanted{request_->is_head, request_->keeps_body, request_->max_body});
    return Next::kWaitRead;
}

Exchange::Next Exchange::receive() {
    auto& buffer = loop_->buffer;
    const auto length =
        ::recv(socket_->native_handle(), buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (length < 0 && (errno == EAGAIN || errno == EINTR)) {
        return Next::kWaitRead;
    }
    if (length < 0) {
        return break_off(phrase_for(errno));
    }
    if (length == 0) {
        return reader_->finish() ? Next::kDone : break_off(kReset);
    }
    is_reused_ = false;
    if (const auto read = reader_->take({buffer.data(), static_cast<std::size_t>(length)}); !read) {
        return fail(Error{Errc::kCorrupt, request_->name + ": " + read.error().message()});
    }
    return reader_->is_done() ? Next::kDone : Next::kWaitRead;
}

Exchange::Next Exchange::go_on() {
    return reader_ ? receive() : send();
}

Exchange::Next Exchange::give_up() {
    if (!is_expired()) {
        return fail(Error{Errc::kCancelled, "the request was cancelled"});
    }
    return fail(sent_ > 0
                    ? Error{Errc::kOutcomeUnknown, request_->name + ": no whole answer in time"}
                    : Error{Errc::kTimedOut, request_->name + ": no connection in time"});
}

Exchange::Next Exchange::fail(Error error) {
    error_ = std::move(error);
    return Next::kDone;
}

Exchange::Next Exchange::break_off(std::string_view what) {
    if (is_reused_) {
        // The server closed the connection between two requests; that says nothing of it.
        is_reused_ = false;
        reader_.reset();
        sent_ = 0;
        made_ = loop_->clock.now();
        return open();
    }
    return fail(Error{sent_ > 0 ? Errc::kOutcomeUnknown : Errc::kUnavailable,
                      request_->name + ": " + std::string(what)});
}

Result<HttpResponse> Exchange::finish() {
    if (error_) {
        return std::move(*error_);
    }
    HttpResponse response;
    response.status = reader_->status();
    response.body = reader_->take_body();
    expiry_.socket = nullptr;
    if (kept_ != nullptr && reader_->keeps_alive()) {
        kept_->made = made_;
        kept_->peer = request_->peer;
        kept_->socket = std::move(socket_);
    } else {
        close_abruptly(*socket_);
    }
    return response;
}

// "host" or "host:port", as the Host header wants it.
std::string host_of(const boost::urls::url_view& url) {
    std::string host(url.encoded_host());
    return port_of(url) == kHttpPort ? host : host + ":" + std::to_string(port_of(url));
}

Result<std::string> headers_of(const HttpRequest& request, const std::string& host, bool is_kept) {
    std::map<std::string, std::string> defaults = {
        {"host", "Host: " + host},
        {"user-agent", "User-Agent: muster"},
        {"accept", "Accept: */*"},
        {"connection", is_kept ? "" : "Connection: close"},
        {"content-length", request.method == "POST" ? "Content-Length: 0" : ""}};
    std::string text;
    for (const auto& [name, value] : request.headers) {
        if (name.empty() || name.find_first_of("\r\n: \t") != std::string::npos ||
            value.find_first_of("\r\n") != std::string::npos) {
            return Error{
                Errc::kInvalid,
                "an http header's name is empty or no name, or its value has a line break"};
        }
        defaults.erase(lower_case(name));
        text.append(name).append(": ").append(value).append("\r\n");
    }
    for (const auto& [name, line] : defaults) {
        text += line.empty() ? "" : line + "\r\n";
    }
    return text;
}

}  // namespace

std::optional<tcp::endpoint> numeric_peer(const std::string& url) {
    const auto parsed = boost::urls::parse_uri(url);
    if (!parsed || parsed->scheme_id() != boost::urls::scheme::http || parsed->has_userinfo()) {
        return std::nullopt;
    }
    error_code failure;
    const auto address = asio::ip::make_address(std::string(parsed->host_address()), failure);
    if (failure) {
        return std::nullopt;
    }
    return tcp::endpoint(address, port_of(*parsed));
}

Result<PlainHttpRequest> plain_request(const HttpRequest& request, const tcp::endpoint& peer,
                                       bool is_kept) {
    const auto url = boost::urls::parse_uri(request.url);
    if (!url) {
        return Error{Errc::kInvalid, "\"" + request.url + "\" is not an http address",
                     "write http://host:port/path"};
    }
    PlainHttpRequest plain;
    plain.peer = peer;
    plain.is_head = request.method == "HEAD";
    plain.max_body = request.max_body;
    plain.name = request.method + " http://" + host_of(*url);
    std::string target(url->encoded_path().empty() ? "/" : url->encoded_path());
    if (url->has_query()) {
        target.append("?").append(url->encoded_query());
    }
    TRY(const auto headers, headers_of(request, host_of(*url), is_kept));
    plain.text = request.method + " " + target + " HTTP/1.1\r\n" + headers + "\r\n";
    return plain;
}

PlainHttpClient::PlainHttpClient(Executor executor, Clock& clock)
    : loop_(std::make_shared<PlainHttpLoop>(std::move(executor), clock)) {
}

PlainHttpClient::~PlainHttpClient() = default;

Task<HttpResponse> PlainHttpClient::send(std::shared_ptr<const PlainHttpRequest> request,
                                         KeptHttpConnection* kept, Instant deadline) {
    Exchange exchange(loop_, std::move(request), kept);
    auto next = exchange.begin(deadline);
    while (next != Exchange::Next::kDone) {
        const auto what =
            next == Exchange::Next::kWaitRead ? tcp::socket::wait_read : tcp::socket::wait_write;
        const auto [failure] =
            co_await exchange.socket().async_wait(what, asio::as_tuple(asio::use_awaitable));
        const auto cancellation = co_await asio::this_coro::cancellation_state;
        const bool is_cancelled =
            failure || cancellation.cancelled() != asio::cancellation_type::none;
        next = is_cancelled || exchange.is_expired() ? exchange.give_up() : exchange.go_on();
    }
    co_return exchange.finish();
}

}  // namespace muster::adapters

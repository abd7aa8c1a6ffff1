// libcurl's multi interface under Asio. libcurl says which sockets and which timer it waits for;
// the handlers here tell it when they are ready. The loop lives as long as any handler or request
// refers to it, so a client may go while handlers are still queued.

#include "adapters/net/http_client.h"

#include <curl/curl.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>

#include "adapters/net/http_transfer.h"
#include "base/check.h"

namespace muster::adapters {

namespace asio = boost::asio;
using asio::posix::stream_descriptor;
using boost::system::error_code;

namespace {

struct Socket {
    explicit Socket(const Executor& executor) : descriptor(executor) {}
    // The number belongs to libcurl, which closes it itself.
    ~Socket() {
        if (descriptor.is_open()) {
            descriptor.release();
        }
    }
    Socket(const Socket&) = delete;
    Socket& operator=(const Socket&) = delete;

    stream_descriptor descriptor;
    int wanted = CURL_POLL_NONE;
    bool is_reading = false;
    bool is_writing = false;
};

// A request under way: libcurl's part and the timer that wakes its task, at the end or at the
// deadline, whichever comes first.
struct Pending {
    Pending(const Executor& executor, HttpRequest request, WallTime wall)
        : transfer(std::move(request), wall), woken(executor) {}
    HttpTransfer transfer;
    asio::steady_timer woken;
    bool is_done = false;
    bool is_abandoned = false;
    CURLcode code = CURLE_OK;
};

void initialise_curl() {
    static const CURLcode kOutcome = curl_global_init(CURL_GLOBAL_ALL);
    CHECK(kOutcome == CURLE_OK);
}

}  // namespace

struct HttpClient::Impl : std::enable_shared_from_this<HttpClient::Impl> {
    Impl(Executor the_executor, Clock& the_clock);
    Impl(const Impl&) = delete;
    Impl& operator=(const Impl&) = delete;
    ~Impl();

    static int on_socket(CURL* easy, curl_socket_t number, int what, void* self, void* known);
    static int on_timer(CURLM* multi, long delay_ms, void* self);
    void act(curl_socket_t number, int events);
    void wait_for(curl_socket_t number, const std::shared_ptr<Socket>& socket);
    void wait_one(curl_socket_t number, const std::shared_ptr<Socket>& socket, bool is_read);
    void collect();
    Result<> start(Pending& pending);
    void forget(Pending& pending);
    void shut_down();

    Executor executor;
    Clock& clock;
    asio::steady_timer timer;
    CURLM* multi;
    // Shared with the waits under way on them.
    std::map<curl_socket_t, std::shared_ptr<Socket>> sockets;
    std::map<CURL*, Pending*> pending;
};

HttpClient::Impl::Impl(Executor the_executor, Clock& the_clock)
    : executor(std::move(the_executor)), clock(the_clock), timer(executor) {
    initialise_curl();
    multi = curl_multi_init();
    CHECK(multi != nullptr);
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, &Impl::on_socket);
    curl_multi_setopt(multi, CURLMOPT_SOCKETDATA, this);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, &Impl::on_timer);
    curl_multi_setopt(multi, CURLMOPT_TIMERDATA, this);
}

HttpClient::Impl::~Impl() {
    // No more handlers: shared_from_this() is gone.
    curl_multi_setopt(multi, CURLMOPT_SOCKETFUNCTION, nullptr);
    curl_multi_setopt(multi, CURLMOPT_TIMERFUNCTION, nullptr);
    sockets.clear();
    curl_multi_cleanup(multi);
}

int HttpClient::Impl::on_socket(CURL* /*easy*/, curl_socket_t number, int what, void* self,
                                void* /*known*/) {
    auto& loop = *static_cast<Impl*>(self);
    if (what == CURL_POLL_REMOVE) {
        if (const auto found = loop.sockets.find(number); found != loop.sockets.end()) {
            found->second->wanted = CURL_POLL_NONE;
            // Now, not when the last wait lets go: libcurl may close the number next.
            found->second->descriptor.release();
            loop.sockets.erase(found);
        }
        return 0;
    }
    auto& socket = loop.sockets[number];
    if (socket == nullptr) {
        socket = std::make_shared<Socket>(loop.executor);
        error_code error;
        socket->descriptor.assign(number, error);
        if (error) {
            loop.sockets.erase(number);
            return -1;
        }
    }
    socket->wanted = what;
    loop.wait_for(number, socket);
    return 0;
}

int HttpClient::Impl::on_timer(CURLM* /*multi*/, long delay_ms, void* self) {
    auto& loop = *static_cast<Impl*>(self);
    if (delay_ms < 0) {
        loop.timer.cancel();
        return 0;
    }
    loop.timer.expires_after(std::chrono::milliseconds(delay_ms));
    loop.timer.async_wait([weak = loop.weak_from_this()](const error_code& error) {
        if (const auto living = weak.lock(); living != nullptr && !error) {
            living->act(CURL_SOCKET_TIMEOUT, 0);
        }
    });
    return 0;
}

void HttpClient::Impl::act(curl_socket_t number, int events) {
    int running = 0;
    curl_multi_socket_action(multi, number, events, &running);
    collect();
}

void HttpClient::Impl::wait_for(curl_socket_t number, const std::shared_ptr<Socket>& socket) {
    if ((socket->wanted & CURL_POLL_IN) != 0 && !socket->is_reading) {
        wait_one(number, socket, true);
    }
    if ((socket->wanted & CURL_POLL_OUT) != 0 && !socket->is_writing) {
        wait_one(number, socket, false);
    }
}

void HttpClient::Impl::wait_one(curl_socket_t number, const std::shared_ptr<Socket>& socket,
                                bool is_read) {
    (is_read ? socket->is_reading : socket->is_writing) = true;
    socket->descriptor.async_wait(
        is_read ? stream_descriptor::wait_read : stream_descriptor::wait_write,
        [weak = weak_from_this(), number, socket, is_read](const error_code& error) {
            (is_read ? socket->is_reading : socket->is_writing) = false;
            const int event = is_read ? CURL_CSELECT_IN : CURL_CSELECT_OUT;
            const int needed = is_read ? CURL_POLL_IN : CURL_POLL_OUT;
            const auto living = weak.lock();
            if (living == nullptr || error) {
                return;
            }
            if ((socket->wanted & needed) == 0) {
                return;  // No longer wanted: it is waited for again when libcurl says so.
            }
            living->act(number, event);
            const auto found = living->sockets.find(number);
            if (found != living->sockets.end() && found->second == socket) {
                living->wait_for(number, socket);
            }
        });
}

void HttpClient::Impl::collect() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        if (const auto found = pending.find(message->easy_handle); found != pending.end()) {
            found->second->is_done = true;
            found->second->code = message->data.result;
            found->second->woken.cancel();
        }
    }
}

Result<> HttpClient::Impl::start(Pending& one) {
    TRY_OK(one.transfer.prepare());
    pending.emplace(one.transfer.handle(), &one);
    if (const auto code = curl_multi_add_handle(multi, one.transfer.handle()); code != CURLM_OK) {
        pending.erase(one.transfer.handle());
        return Error{Errc::kUnavailable,
                     std::string("cannot start an http request: ") + curl_multi_strerror(code)};
    }
    return {};
}

void HttpClient::Impl::forget(Pending& one) {
    if (pending.erase(one.transfer.handle()) != 0) {
        curl_multi_remove_handle(multi, one.transfer.handle());
    }
}

void HttpClient::Impl::shut_down() {
    timer.cancel();
    while (!pending.empty()) {
        auto* one = pending.begin()->second;
        one->is_abandoned = true;
        forget(*one);
        one->woken.cancel();
    }
}

HttpClient::HttpClient(Executor executor, Clock& clock)
    : impl_(std::make_shared<Impl>(std::move(executor), clock)) {
}

HttpClient::~HttpClient() {
    impl_->shut_down();
}

Task<HttpResponse> HttpClient::send(HttpRequest request, Instant deadline) {
    struct Guard {
        // Shared: the loop must be there when a request is torn down with its executor.
        std::shared_ptr<Impl> loop;
        Pending pending;
        ~Guard() { loop->forget(pending); }
    };
    const auto loop = impl_;
    const auto began = loop->clock.now();
    Guard guard{loop, {loop->executor, std::move(request), loop->clock.wall()}};
    auto& pending = guard.pending;
    CO_TRY_OK(loop->start(pending));

    pending.woken.expires_after(std::max(Duration::zero(), deadline - began));
    if (!pending.is_done) {
        const auto woken = co_await pending.woken.async_wait(asio::as_tuple(asio::use_awaitable));
        static_cast<void>(woken);
    }
    if (pending.is_done) {
        CO_TRY(auto response, pending.transfer.finish(pending.code));
        response.took = loop->clock.now() - began;
        co_return response;
    }
    const auto cancellation = co_await asio::this_coro::cancellation_state;
    if (pending.is_abandoned || cancellation.cancelled() != asio::cancellation_type::none) {
        co_return Error{Errc::kCancelled, "the request was cancelled"};
    }
    co_return pending.transfer.expired();
}

}  // namespace muster::adapters

#pragma once

// An HTTP server that answers what a test says, byte for byte, or not at all.

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <charconv>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace muster::test {

/// "HTTP/1.1 200 OK" with headers ("A: b\r\n") and a body of the length it says.
inline std::string http_reply(int status, const std::string& body,
                              const std::string& headers = {}) {
    return "HTTP/1.1 " + std::to_string(status) + " X\r\n" + headers +
           "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

/// Takes one request per connection, gives it whole to the script, sends what that returns, and
/// closes the connection; "" is no answer at all.
class ScriptedServer {
  public:
    using Script = std::function<std::string(const std::string& request)>;

    explicit ScriptedServer(Script script) : script_(std::move(script)) {
        listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof(address);
        ::bind(listener_, reinterpret_cast<sockaddr*>(&address), length);
        ::listen(listener_, 16);
        ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &length);
        port_ = ntohs(address.sin_port);
        thread_ = std::thread([this] { serve(); });
    }
    ScriptedServer(const ScriptedServer&) = delete;
    ScriptedServer& operator=(const ScriptedServer&) = delete;
    ~ScriptedServer() {
        ::shutdown(listener_, SHUT_RDWR);
        thread_.join();
        ::close(listener_);
    }
    [[nodiscard]] std::string address() const { return "127.0.0.1:" + std::to_string(port_); }
    /// Every request so far.
    [[nodiscard]] std::vector<std::string> requests() const {
        const std::scoped_lock lock(mutex_);
        return requests_;
    }

  private:
    void serve() {
        for (;;) {
            const int peer = ::accept(listener_, nullptr, nullptr);
            if (peer < 0) {
                return;
            }
            answer(peer);
            ::close(peer);
        }
    }
    void answer(int peer) {
        const auto request = take(peer);
        {
            const std::scoped_lock lock(mutex_);
            requests_.push_back(request);
        }
        const auto reply = script_(request);
        for (std::size_t sent = 0; sent < reply.size();) {
            const auto count = ::send(peer, reply.data() + sent, reply.size() - sent, MSG_NOSIGNAL);
            if (count <= 0) {
                return;
            }
            sent += static_cast<std::size_t>(count);
        }
    }
    static std::string take(int peer) {
        std::string request;
        char piece[65536];
        for (;;) {
            const auto end = request.find("\r\n\r\n");
            if (end != std::string::npos && request.size() >= end + 4 + body_size(request)) {
                return request;
            }
            if (end != std::string::npos && request.size() == end + 4 &&
                request.contains("Expect: 100")) {
                ::send(peer, "HTTP/1.1 100 Continue\r\n\r\n", 25, MSG_NOSIGNAL);
            }
            const auto count = ::recv(peer, piece, sizeof piece, 0);
            if (count <= 0) {
                return request;
            }
            request.append(piece, static_cast<std::size_t>(count));
        }
    }
    static std::size_t body_size(const std::string& request) {
        constexpr std::string_view kName = "Content-Length: ";
        const auto head = std::string_view(request).substr(0, request.find("\r\n\r\n"));
        const auto found = head.find(kName);
        std::size_t size = 0;
        if (found != std::string_view::npos) {
            std::from_chars(request.data() + found + kName.size(), request.data() + request.size(),
                            size);
        }
        return size;
    }

    Script script_;
    int listener_ = -1;
    int port_ = 0;
    mutable std::mutex mutex_;
    std::vector<std::string> requests_;
    std::thread thread_;
};

}  // namespace muster::test

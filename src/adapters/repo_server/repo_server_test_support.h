#pragma once

// A repository server on a port of its own, and a client that sends whatever a test wants.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/evp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <filesystem>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "adapters/os/folder_test_support.h"
#include "adapters/os/system.h"
#include "adapters/os/unique_fd.h"
#include "adapters/repo_server/repo_server.h"

namespace muster::adapters::repo_server {

inline std::string sha256_of(const std::string& text) {
    std::array<unsigned char, 32> digest{};
    EVP_Digest(text.data(), text.size(), digest.data(), nullptr, EVP_sha256(), nullptr);
    std::string hex;
    for (const unsigned char byte : digest) {
        constexpr std::string_view kDigits = "0123456789abcdef";
        hex += kDigits[byte >> 4U];
        hex += kDigits[byte & 0xfU];
    }
    return hex;
}

/// Keeps all events as text.
class KeptLog final : public Log {
  public:
    void write(Level /*level*/, std::string_view event, std::span<const LogField> fields) override {
        const std::lock_guard lock(mutex_);
        text_ += event;
        for (const auto& field : fields) {
            text_ += " " + std::string(field.key) + "=" + field.value;
        }
        text_ += "\n";
    }
    [[nodiscard]] std::string text() const {
        const std::lock_guard lock(mutex_);
        return text_;
    }

  private:
    mutable std::mutex mutex_;
    std::string text_;
};

struct Answer {
    int status = 0;
    std::map<std::string, std::string> headers;  ///< Names as they were sent.
    std::string body;
};

/// One connection to a server on this machine. A wait that never ends fails the test after 20 s.
class Client {
  public:
    explicit Client(std::uint16_t port) {
        socket_.reset(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        const timeval patience{20, 0};
        ::setsockopt(socket_.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
        sockaddr_in to{};
        to.sin_family = AF_INET;
        to.sin_port = htons(port);
        to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::connect(socket_.get(), reinterpret_cast<sockaddr*>(&to), sizeof to), 0);
    }

    void send(std::string_view text) const {
        while (!text.empty()) {
            const auto sent = ::send(socket_.get(), text.data(), text.size(), MSG_NOSIGNAL);
            if (sent <= 0) {
                return;  // The server has left; the answer tells why.
            }
            text.remove_prefix(static_cast<std::size_t>(sent));
        }
    }
    void finish() const { ::shutdown(socket_.get(), SHUT_WR); }
    void close() { socket_.reset(); }
    /// True when the server closes the connection without another byte.
    bool is_closed() { return unread_.empty() && !receive(); }

    /// `is_head`: the answer has no body.
    Answer receive_answer(bool is_head = false) {
        Answer answer;
        const auto head = take_until("\r\n\r\n");
        if (head.size() < 12) {
            return answer;
        }
        answer.status = std::stoi(head.substr(9, 3));
        for (auto at = head.find("\r\n"); at + 4 < head.size(); at = head.find("\r\n", at + 2)) {
            const auto colon = head.find(": ", at);
            const auto end = head.find("\r\n", colon);
            answer.headers[head.substr(at + 2, colon - at - 2)] =
                head.substr(colon + 2, end - colon - 2);
        }
        if (answer.headers.contains("Content-Length") && !is_head) {
            answer.body = take(std::stoul(answer.headers["Content-Length"]));
        }
        if (answer.headers.contains("Transfer-Encoding")) {
            answer.body = take_chunks();
        }
        return answer;
    }

    Answer ask(const std::string& method, const std::string& target,
               const std::string& headers = "", const std::string& body = "") {
        std::string text = method + " " + target + " HTTP/1.1\r\nHost: x\r\n" + headers;
        if (method == "POST") {
            text += "Content-Length: " + std::to_string(body.size()) + "\r\n";
        }
        send(text + "\r\n" + body);
        return receive_answer(method == "HEAD");
    }

  private:
    bool receive() {
        std::array<char, 65536> piece{};
        const auto size = ::recv(socket_.get(), piece.data(), piece.size(), 0);
        if (size > 0) {
            unread_.append(piece.data(), static_cast<std::size_t>(size));
        }
        return size > 0;
    }
    std::string take_until(const std::string& end) {
        while (!unread_.contains(end)) {
            if (!receive()) {
                return {};
            }
        }
        return take(unread_.find(end) + end.size());
    }
    std::string take(std::size_t size) {
        while (unread_.size() < size && receive()) {
        }
        std::string taken = unread_.substr(0, size);
        unread_.erase(0, size);
        return taken;
    }
    std::string take_chunks() {
        std::string body;
        while (true) {
            const auto line = take_until("\r\n");
            const auto size = line.empty() ? 0 : std::stoul(line, nullptr, 16);
            body += take(size);
            take(2);
            if (size == 0) {
                return body;
            }
        }
    }

    UniqueFd socket_;
    std::string unread_;
};

/// A server of a folder that goes with the test. Options are changed before `start()`.
class RepoServerTest : public ::testing::Test {
  protected:
    RepoServerTest() {
        options_.folder = folder_.path();
        options_.listen = "127.0.0.1:0";
    }

    void start() {
        auto started = RepoServer::start(options_, clock_, log_);
        ASSERT_TRUE(started) << started.error().message();
        server_ = std::move(*started);
    }
    /// With an account "anna" whose password is "secret", and "bert" with "other".
    void use_accounts() {
        options_.accounts_file = accounts_.write(
            "accounts",
            "anna:{SHA}5en6G6MezRroT3XKqkdPOmY/BfQ=\nbert:{SHA}0JQeaNqPOBUf+Gph/Fn3xc+fyqI=\n");
    }
    Answer ask(const std::string& method, const std::string& target,
               const std::string& headers = "", const std::string& body = "") {
        return Client(server_->port()).ask(method, target, headers, body);
    }
    int status(const std::string& method, const std::string& target,
               const std::string& headers = "", const std::string& body = "") {
        return ask(method, target, headers, body).status;
    }
    /// Saves a text under its name; where it was put.
    std::string save(const std::string& type, const std::string& text) {
        std::string target = "/" + type + "/" + sha256_of(text);
        EXPECT_EQ(status("POST", target, "", text), 200);
        return target;
    }
    [[nodiscard]] std::string path(const std::string& below) const { return folder_.file(below); }
    /// Every file below the served folder.
    [[nodiscard]] std::vector<std::string> files() const {
        std::vector<std::string> found;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(folder_.path())) {
            if (entry.is_regular_file()) {
                found.push_back(entry.path().lexically_relative(folder_.path()).string());
            }
        }
        return found;
    }
    /// Waits for what another thread does; fails the test when it does not within 20 s.
    template <class Condition>
    void eventually(Condition is_so) {
        const Instant end = clock_.now() + std::chrono::seconds(20);
        while (!is_so()) {
            ASSERT_LT(clock_.now(), end) << "waited in vain";
            ::usleep(2000);
        }
    }

    test::Folder folder_;
    test::Folder accounts_;
    SystemClock clock_;
    KeptLog log_;
    Options options_;
    std::unique_ptr<RepoServer> server_;
};

// "anna:secret", "anna:other", "bert:other", "carl:secret"
inline constexpr const char* kAnna = "Authorization: Basic YW5uYTpzZWNyZXQ=\r\n";
inline constexpr const char* kAnnaWrong = "Authorization: Basic YW5uYTpvdGhlcg==\r\n";
inline constexpr const char* kBert = "Authorization: Basic YmVydDpvdGhlcg==\r\n";
inline constexpr const char* kCarl = "Authorization: Basic Y2FybDpzZWNyZXQ=\r\n";

}  // namespace muster::adapters::repo_server

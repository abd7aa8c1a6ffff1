#include "adapters/net/http_server.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <filesystem>
#include <fstream>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "adapters/os/folder_test_support.h"
#include "base/event.h"

namespace muster::adapters {
namespace {

namespace asio = boost::asio;
using testing::HasSubstr;
using testing::StartsWith;
using namespace std::chrono_literals;

/// Time that only the test moves.
class ManualClock final : public Clock {
  public:
    explicit ManualClock(asio::io_context& loop) : loop_(loop), moved_(loop.get_executor()) {}
    [[nodiscard]] Instant now() const override { return Instant(Duration(now_.load())); }
    [[nodiscard]] WallTime wall() const override { return WallTime{}; }
    Task<> sleep_until(Instant when) override {
        while (now() < when) {
            CO_TRY_OK(co_await moved_.wait());
        }
        co_return Result<>{};
    }
    void advance(Duration by) {
        std::promise<void> done;
        asio::post(loop_, [&] {
            now_ += by.count();
            moved_.notify();
            done.set_value();
        });
        done.get_future().wait();
    }

  private:
    asio::io_context& loop_;
    Event moved_;
    std::atomic<std::int64_t> now_ = 0;
};

/// A blocking socket of the test's own; closed with it.
class Peer {
  public:
    explicit Peer(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        connect(reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
    explicit Peer(const std::string& path) : socket_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
        connect(reinterpret_cast<sockaddr*>(&address), sizeof address);
    }
    Peer(Peer&& other) noexcept : socket_(std::exchange(other.socket_, -1)) {}
    Peer(const Peer&) = delete;
    ~Peer() {
        if (socket_ >= 0) {
            ::close(socket_);
        }
    }

    void send(const std::string& bytes) const {
        std::size_t sent = 0;
        while (sent < bytes.size()) {
            const auto size =
                ::send(socket_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
            if (size <= 0) {
                return;
            }
            sent += static_cast<std::size_t>(size);
        }
    }
    /// Reads until the text has come, or the end of the stream.
    [[nodiscard]] std::string read_until(const std::string& wanted) const {
        std::string text;
        std::array<char, 4096> piece{};
        while (wanted.empty() || !text.contains(wanted)) {
            const auto size = ::recv(socket_, piece.data(), piece.size(), 0);
            if (size <= 0) {
                break;
            }
            text.append(piece.data(), static_cast<std::size_t>(size));
        }
        return text;
    }
    [[nodiscard]] std::string read_all() const { return read_until({}); }

    [[nodiscard]] std::string take_what_came() const {
        std::array<char, 4096> piece{};
        const auto size = ::recv(socket_, piece.data(), piece.size(), MSG_DONTWAIT);
        return {piece.data(), size > 0 ? static_cast<std::size_t>(size) : 0};
    }
    [[nodiscard]] bool has_ended() const {
        char byte = 0;
        return ::recv(socket_, &byte, 1, MSG_DONTWAIT | MSG_PEEK) == 0;
    }

  private:
    void connect(const sockaddr* address, socklen_t size) const {
        const timeval limit{20, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        ASSERT_EQ(::connect(socket_, address, size), 0);
    }
    int socket_;
};

/// Counts events by name.
class CountingLog final : public Log {
  public:
    void write(Level /*level*/, std::string_view event,
               std::span<const LogField> /*fields*/) override {
        const std::lock_guard guard(lock_);
        ++counts_[std::string(event)];
    }
    int count(const std::string& event) {
        const std::lock_guard guard(lock_);
        return counts_[event];
    }

  private:
    std::mutex lock_;
    std::map<std::string, int> counts_;
};

void raise_file_limit() {
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    ASSERT_EQ(::setrlimit(RLIMIT_NOFILE, &limit), 0);
}

rlim_t file_limit() {
    rlimit limit{};
    ::getrlimit(RLIMIT_NOFILE, &limit);
    return limit.rlim_cur;
}

class HttpServerTest : public testing::Test {
  protected:
    HttpServerTest() : work_(loop_.get_executor()), clock_(loop_) {
        raise_file_limit();  // The server's own limit goes by it.
        server_ = std::make_unique<HttpServer>(
            loop_.get_executor(), clock_, log_,
            [this](HttpServerRequest request) { return answer(std::move(request)); });
        thread_ = std::thread([this] { loop_.run(); });
    }

    ~HttpServerTest() override {
        stop();
        asio::post(loop_, [this] { work_.reset(); });
        thread_.join();
        server_.reset();
    }

    void stop() {
        auto ended = asio::co_spawn(loop_, server_->stop(), asio::use_future);
        while (ended.wait_for(1ms) != std::future_status::ready) {
            clock_.advance(100ms);
        }
    }

    template <class F>
    auto on_loop(F call) {
        std::promise<decltype(call())> result;
        asio::post(loop_, [&] { result.set_value(call()); });
        return result.get_future().get();
    }
    std::uint16_t listen() {
        return on_loop([this] { return server_->listen_tcp("127.0.0.1:0", {}); }).value();
    }

    Task<HttpServerResponse> answer(HttpServerRequest request) {
        ++requests_;
        HttpServerResponse response;
        response.content_type = "text/plain";
        if (request.path == "/throw") {
            throw std::runtime_error("a bug");
        }
        if (request.path == "/stream") {
            response.body = "first ";
            response.stream = [this](HttpStream& stream) { return produce(stream); };
            co_return response;
        }
        response.body = request.method + " " + request.path + " q=" + request.query["q"] +
                        " body=" + std::to_string(request.body.size()) + ":" +
                        request.body.substr(0, 40) + " host=" + request.headers["host"] +
                        (request.is_local ? " local" : "");
        co_return response;
    }

    Task<> produce(HttpStream& stream) {
        if (flood_) {
            while (true) {
                CO_TRY_OK(co_await stream.send(std::string(1000, 'x')));
            }
        }
        CO_TRY_OK(co_await stream.send("second "));
        while (holds_) {
            CO_TRY_OK(co_await released_.wait());
        }
        CO_TRY_OK(co_await stream.send("third"));
        co_return Result<>{};
    }

    asio::io_context loop_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_;
    ManualClock clock_;
    CountingLog log_;
    test::Folder folder_;
    std::unique_ptr<HttpServer> server_;
    std::thread thread_;
    std::atomic<int> requests_ = 0;
    std::atomic<bool> flood_ = false;
    std::atomic<bool> holds_ = false;
    Event released_{loop_.get_executor()};
};

TEST_F(HttpServerTest, AnswersWithDecodedPathAndQuery) {
    const Peer peer(listen());
    peer.send("GET /a%20b?q=x%26y HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    const auto answer = peer.read_all();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_THAT(answer, HasSubstr("GET /a b q=x&y body=0: host=localhost local"));
    EXPECT_THAT(answer, HasSubstr("Connection: close\r\n"));
}

TEST_F(HttpServerTest, KeepsTheConnectionAndServesPipelinedRequestsInOrder) {
    const Peer peer(listen());
    std::string burst;
    for (int i = 0; i < 50; ++i) {
        burst += "GET /" + std::to_string(i) + "; HTTP/1.1\r\nHost: localhost\r\n\r\n";
    }
    peer.send(burst + "GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    const auto answers = peer.read_all();
    std::size_t place = 0;
    for (int i = 0; i < 50; ++i) {
        place = answers.find("GET /" + std::to_string(i) + "; ", place);
        ASSERT_NE(place, std::string::npos) << i;
    }
    EXPECT_EQ(requests_, 51);
}

TEST_F(HttpServerTest, ReadsBodiesByLengthAndInChunks) {
    const Peer peer(listen());
    peer.send("POST /l HTTP/1.1\r\nHost: localhost\r\nContent-Length: 5\r\n\r\nhel");
    peer.send("lo");
    EXPECT_THAT(peer.read_until("host=localhost"), HasSubstr("POST /l q= body=5:hello"));
    peer.send(
        "POST /c HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    peer.send("2\r\nde\r\n0\r\n\r\n");
    EXPECT_THAT(peer.read_until("host=localhost"), HasSubstr("POST /c q= body=5:abcde"));
}

TEST_F(HttpServerTest, ReadsAnEmptyBodyWhoseLastChunkComesInPieces) {
    const auto port = listen();
    const Peer peer(port);
    peer.send(
        "POST /e HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\n"
        "Transfer-Encoding: chunked\r\n\r\n");
    ASSERT_THAT(peer.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 100 "));
    for (const auto* piece : {"0\r\n", "\r", "\n"}) {
        peer.send(piece);
        // Another exchange, so that the piece has been read by itself.
        const Peer other(port);
        other.send("GET /o HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        ASSERT_THAT(other.read_all(), HasSubstr("GET /o"));
    }
    EXPECT_THAT(peer.read_until("host=localhost"), HasSubstr("POST /e q= body=0:"));
}

TEST_F(HttpServerTest, TellsTheClientToSendItsBodyWhenAsked) {
    const Peer peer(listen());
    peer.send(
        "POST / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
    EXPECT_THAT(peer.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 100 Continue"));
    peer.send("ok");
    EXPECT_THAT(peer.read_until("host=localhost"), HasSubstr("body=2:ok"));
}

TEST_F(HttpServerTest, HeadHasNoBody) {
    const Peer peer(listen());
    peer.send("HEAD /x HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    const auto answer = peer.read_all();
    EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
    EXPECT_THAT(answer, HasSubstr("Content-Length: "));
}

TEST_F(HttpServerTest, HeadOfAStreamEnds) {
    holds_ = true;
    const Peer peer(listen());
    peer.send("HEAD /stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    const auto answer = peer.read_all();
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 200 OK\r\n"));
    EXPECT_TRUE(answer.ends_with("\r\n\r\n")) << answer;
}

TEST_F(HttpServerTest, RefusesWhatIsNotHttp) {
    const auto port = listen();
    for (const auto* bytes :
         {"nonsense\r\n\r\n", "GET / HTTP/9.9\r\n\r\n", "\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
          "GET / HTTP/1.1\r\nA b: c\r\n\r\n", "GET http:// HTTP/1.1\r\nHost: localhost\r\n\r\n",
          "GET foo HTTP/1.1\r\nHost: localhost\r\n\r\n",
          "POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
          "POST / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
          "POST / HTTP/1.1\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
          "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n"}) {
        const Peer peer(port);
        peer.send(bytes);
        const auto answer = peer.read_all();
        EXPECT_THAT(answer, StartsWith("HTTP/1.1 400 ")) << bytes;
        EXPECT_THAT(answer, HasSubstr(R"({"error":{"code":"invalid")")) << bytes;
    }
    EXPECT_EQ(requests_, 0);
}

TEST_F(HttpServerTest, RefusesHeadersOverTheLimit) {
    const auto port = listen();
    const Peer one(port);
    one.send("GET / HTTP/1.1\r\nHost: localhost\r\nX: " + std::string(9000, 'x') + "\r\n\r\n");
    EXPECT_THAT(one.read_all(), StartsWith("HTTP/1.1 431 "));
    const Peer endless(port);
    endless.send("GET /" + std::string(100'000, 'x'));
    EXPECT_THAT(endless.read_all(), StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpServerTest, RefusesBodiesOverTheLimit) {
    const auto port = listen();
    const Peer declared(port);
    declared.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048577\r\n\r\n");
    EXPECT_THAT(declared.read_all(), StartsWith("HTTP/1.1 413 "));
    const Peer chunked(port);
    chunked.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 20; ++i) {
        chunked.send("10000\r\n" + std::string(65536, 'x') + "\r\n");
    }
    EXPECT_THAT(chunked.read_all(), StartsWith("HTTP/1.1 413 "));
    const Peer extension(port);
    extension.send("POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n1;" +
                   std::string(200'000, 'x'));
    EXPECT_THAT(extension.read_all(), StartsWith("HTTP/1.1 4"));
    EXPECT_EQ(requests_, 0);
}

TEST_F(HttpServerTest, AcceptsABodyOfExactlyTheLimit) {
    const Peer peer(listen());
    peer.send("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048576\r\n\r\n" +
              std::string(1U << 20U, 'x'));
    EXPECT_THAT(peer.read_until("host=localhost"), HasSubstr("body=1048576:"));
}

TEST_F(HttpServerTest, DropsARequestThatDripsForTenSeconds) {
    const Peer peer(listen());
    peer.send("GET / HT");
    // One byte a second, as slow-loris does: every byte arrives, the whole never does.
    std::string answer;
    int seconds = 0;
    for (; answer.empty() && seconds < 100'000; ++seconds) {
        clock_.advance(1s);
        peer.send("T");
        answer = peer.take_what_came();
    }
    EXPECT_GE(seconds, 10);
    EXPECT_THAT(answer, StartsWith("HTTP/1.1 408 "));
}

TEST_F(HttpServerTest, ClosesAnIdleConnectionAfterAMinute) {
    const Peer peer(listen());
    peer.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(peer.read_until("host=localhost"), HasSubstr("200 OK"));
    int seconds = 0;
    for (; !peer.has_ended() && seconds < 100'000; ++seconds) {
        clock_.advance(1s);
    }
    EXPECT_GE(seconds, 60);
    EXPECT_TRUE(peer.has_ended());
}

TEST_F(HttpServerTest, StreamsInChunksUntilTheProducerReturns) {
    const auto port = listen();
    const Peer peer(port);
    peer.send("GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto answer = peer.read_all();
    EXPECT_THAT(answer, HasSubstr("Transfer-Encoding: chunked"));
    EXPECT_THAT(answer, HasSubstr("first "));
    EXPECT_THAT(answer, HasSubstr("third"));
    EXPECT_TRUE(answer.ends_with("0\r\n\r\n"));
    const Peer old(port);
    old.send("GET /stream HTTP/1.0\r\n\r\n");
    EXPECT_TRUE(old.read_all().ends_with("\r\n\r\nfirst second third"));
}

TEST_F(HttpServerTest, DropsAStreamReaderThatIsTooSlow) {
    flood_ = true;
    const auto port = listen();
    const Peer slow(port);
    slow.send("GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
    // The producer would go on for ever; that others are served shows that it was stopped.
    const Peer other(port);
    other.send("GET /o HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(other.read_all(), HasSubstr("GET /o"));
    EXPECT_FALSE(slow.read_all().ends_with("0\r\n\r\n"));
    EXPECT_EQ(log_.count("http.stream_dropped"), 1);
}

TEST_F(HttpServerTest, StreamsBeyondTheLimitGet503AndALaterOneIsServed) {
    holds_ = true;
    const auto port = listen();
    std::vector<Peer> readers;
    for (int i = 0; i < 128; ++i) {
        readers.emplace_back(port);
        readers.back().send("GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
        ASSERT_THAT(readers.back().read_until("second"), HasSubstr("200 OK"));
    }
    const Peer late(port);
    late.send("GET /stream HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(late.read_all(), StartsWith("HTTP/1.1 503 "));
    holds_ = false;
    asio::post(loop_, [this] { released_.notify(); });
    EXPECT_THAT(readers.front().read_all(), HasSubstr("third"));
    std::string answer;
    while (!answer.starts_with("HTTP/1.1 200 ")) {
        const Peer again(port);
        again.send("GET /stream HTTP/1.1\r\nHost: localhost\r\n\r\n");
        answer = again.read_all();
    }
}

TEST_F(HttpServerTest, AFailingHandlerIsA500AndTheServerLivesOn) {
    const auto port = listen();
    const Peer peer(port);
    peer.send(
        "GET /throw HTTP/1.1\r\nHost: localhost\r\n\r\nGET /n HTTP/1.1\r\nHost: localhost\r\n\r\n");
    const auto answers = peer.read_until("GET /n");
    EXPECT_THAT(answers, HasSubstr("HTTP/1.1 500 "));
    EXPECT_THAT(answers, HasSubstr("GET /n"));
}

TEST_F(HttpServerTest, ConnectionsBeyondTheLimitGet503) {
    if (file_limit() < 5000) {
        GTEST_SKIP() << "only " << file_limit() << " files may be open";
    }
    const auto port = listen();
    std::vector<Peer> peers;
    for (int i = 0; i < 1500; ++i) {
        peers.emplace_back(port);
        peers.back().send("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    int served = 0;
    int refused = 0;
    for (const auto& peer : peers) {
        const auto answer = peer.read_until("\r\n\r\n");
        served += static_cast<int>(answer.starts_with("HTTP/1.1 200 "));
        refused += static_cast<int>(answer.starts_with("HTTP/1.1 503 "));
    }
    EXPECT_EQ(served, 1024);
    EXPECT_EQ(refused, 476);
}

TEST_F(HttpServerTest, TenThousandConnectionsLeaveTheUnixSocketItsPlacesAndTheLogItsPeace) {
    if (file_limit() < 15'000) {
        GTEST_SKIP() << "only " << file_limit() << " files may be open";
    }
    const auto path = folder_.file("s.sock");
    ASSERT_TRUE(on_loop([&] { return server_->listen_unix(path); }));
    const auto port = listen();
    std::vector<Peer> peers;
    for (int i = 0; i < 10'000; ++i) {
        peers.emplace_back(port);
        peers.back().send("GET /x HTTP/1.1\r\nHost: localhost\r\n\r\n");
    }
    const Peer local(path);
    local.send("GET /u HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(local.read_until("host="), HasSubstr("GET /u"));
    int served = 0;
    int refused = 0;
    int closed = 0;
    for (const auto& peer : peers) {
        const auto answer = peer.read_until("\r\n\r\n");
        served += static_cast<int>(answer.starts_with("HTTP/1.1 200 "));
        refused += static_cast<int>(answer.starts_with("HTTP/1.1 503 "));
        closed += static_cast<int>(answer.empty());
    }
    EXPECT_EQ(served, 1024);
    EXPECT_GE(refused, 1024);
    EXPECT_EQ(served + refused + closed, 10'000);
    EXPECT_EQ(log_.count("http.refused"), 1) << "the clock stands still: one line a second";
    // The others are told of later.
    while (log_.count("http.refused") < 2) {
        clock_.advance(1s);
    }

    peers.clear();
    std::string answer;
    while (!answer.starts_with("HTTP/1.1 200 ")) {
        const Peer late(port);
        late.send("GET /l HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        answer = late.read_all();
    }
}

TEST_F(HttpServerTest, ANameOfAnotherServerIsRefusedOnLoopbackOnly) {
    const auto port = listen();
    const auto status = [](const Peer& peer, const std::string& host) {
        peer.send("GET / HTTP/1.1\r\n" + host + "Connection: close\r\n\r\n");
        return peer.read_all().substr(0, 12);
    };
    for (const auto* own : {"localhost", "LocalHost:8080", "127.0.0.1", "127.0.0.1:1", "[::1]:8080",
                            "192.0.2.1:80"}) {
        EXPECT_EQ(status(Peer(port), std::string("Host: ") + own + "\r\n"), "HTTP/1.1 200") << own;
    }
    for (const auto* foreign : {"evil.example", "evil.example:8080", "127.0.0.1.evil.example",
                                "localhost.evil.example", "user@localhost", "", "a b"}) {
        EXPECT_EQ(status(Peer(port), std::string("Host: ") + foreign + "\r\n"), "HTTP/1.1 421")
            << foreign;
    }
    EXPECT_EQ(log_.count("http.foreign_host"), 7);
    EXPECT_EQ(status(Peer(port), ""), "HTTP/1.1 400");
    const Peer old(port);
    old.send("GET / HTTP/1.0\r\n\r\n");
    EXPECT_THAT(old.read_all(), StartsWith("HTTP/1.1 200"));

    const auto path = folder_.file("s.sock");
    ASSERT_TRUE(on_loop([&] { return server_->listen_unix(path); }));
    EXPECT_EQ(status(Peer(path), "Host: muster\r\n"), "HTTP/1.1 200");
}

TEST_F(HttpServerTest, ATakenPortSaysWhatToDo) {
    const auto port = listen();
    const auto again =
        on_loop([&] { return server_->listen_tcp("127.0.0.1:" + std::to_string(port), {}); });
    ASSERT_FALSE(again);
    EXPECT_EQ(again.error().code(), Errc::kUnavailable);
    EXPECT_THAT(again.error().hint(), HasSubstr("--listen"));
}

TEST_F(HttpServerTest, RefusesAddressesThatAreNone) {
    for (const auto* address : {"", "8080", ":8080", "127.0.0.1", "127.0.0.1:x", "127.0.0.1:99999",
                                "example.com:80", "::1:80"}) {
        const auto result = on_loop([&] { return server_->listen_tcp(address, {}); });
        ASSERT_FALSE(result) << address;
        EXPECT_EQ(result.error().code(), Errc::kInvalid) << address;
    }
    const auto foreign = on_loop([&] { return server_->listen_tcp("192.0.2.1:0", {}); });
    EXPECT_FALSE(foreign);
}

TEST_F(HttpServerTest, TheUnixSocketIsTheOwnersAndReplacesAStaleOne) {
    const auto path = folder_.file("s.sock");
    ASSERT_TRUE(on_loop([&] { return server_->listen_unix(path); }));
    struct stat entry{};
    ASSERT_EQ(::stat(path.c_str(), &entry), 0);
    EXPECT_EQ(entry.st_mode & 0777U, 0600U);
    const Peer peer(path);
    peer.send("GET /u HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    EXPECT_THAT(peer.read_all(), HasSubstr("GET /u q= body=0: host=localhost local"));

    const auto second = on_loop([&] { return server_->listen_unix(path); });
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), Errc::kConflict);

    const auto stale = folder_.file("stale.sock");
    const int orphan = ::socket(AF_UNIX, SOCK_STREAM, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    stale.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
    ASSERT_EQ(::bind(orphan, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    ::close(orphan);
    EXPECT_TRUE(on_loop([&] { return server_->listen_unix(stale); }));

    const auto file = folder_.file("file");
    std::ofstream(file) << "precious";
    EXPECT_EQ(on_loop([&] { return server_->listen_unix(file); }).error().code(), Errc::kConflict);
    EXPECT_TRUE(std::filesystem::exists(file));
    const auto too_long = on_loop([&] { return server_->listen_unix(std::string(200, 'x')); });
    EXPECT_EQ(too_long.error().code(), Errc::kInvalid);
}

TEST_F(HttpServerTest, StopClosesConnectionsAndRemovesTheSocket) {
    const auto path = folder_.file("s.sock");
    ASSERT_TRUE(on_loop([&] { return server_->listen_unix(path); }));
    const Peer peer(path);
    peer.send("GET /u HTTP/1.1\r\nHost: localhost\r\n\r\n");
    EXPECT_THAT(peer.read_until("host=localhost"), HasSubstr("200 OK"));
    stop();
    EXPECT_EQ(peer.read_all(), "");
    EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(HttpServerTest, TlsWithoutItsFilesIsRefused) {
    const auto result = on_loop([&] {
        return server_->listen_tcp("127.0.0.1:0", HttpServer::Tls{"/nonexistent", "/nonexistent"});
    });
    ASSERT_FALSE(result);
    EXPECT_THAT(result.error().message(), HasSubstr("can't use the certificate /nonexistent"));
}

}  // namespace
}  // namespace muster::adapters

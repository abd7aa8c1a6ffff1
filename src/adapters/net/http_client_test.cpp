#include "adapters/net/http_client.h"

#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/read_until.hpp>
#include <boost/asio/write.hpp>

#include "adapters/net/failure.h"
#include "adapters/net/net_test_support.h"

namespace muster::adapters {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;
using asio::ip::tcp;
using asio::local::stream_protocol;

// Answers every request on every connection with one prepared text; says nothing when it is empty,
// resets when it is "reset".
template <class Protocol>
struct Responder {
    Responder(asio::io_context& loop, const typename Protocol::endpoint& at)
        : acceptor(loop, at), group(loop.get_executor()) {
        group.spawn(accept(this));
    }
    static Task<> accept(Responder* self) {
        while (true) {
            auto [error, socket] =
                co_await self->acceptor.async_accept(asio::as_tuple(asio::use_awaitable));
            if (error) {
                co_return Result<>{};
            }
            ++self->connections;
            self->group.spawn(serve(self, std::move(socket)));
        }
    }
    static Task<> serve(Responder* self, typename Protocol::socket socket) {
        std::string text;
        while (true) {
            const auto [error, length] =
                co_await asio::async_read_until(socket, asio::dynamic_buffer(text), "\r\n\r\n",
                                                asio::as_tuple(asio::use_awaitable));
            if (error) {
                co_return Result<>{};
            }
            self->request = text.substr(0, length);
            text.erase(0, length);
            if (self->answer == "reset") {
                socket.set_option(asio::socket_base::linger(true, 0));
                co_return Result<>{};
            }
            const auto sent = co_await asio::async_write(socket, asio::buffer(self->answer),
                                                         asio::as_tuple(asio::use_awaitable));
            static_cast<void>(sent);
            if (self->is_closing) {
                co_return Result<>{};
            }
        }
    }

    typename Protocol::acceptor acceptor;
    TaskGroup group;
    std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Two: a\r\n\r\nhello";
    std::string request;
    int connections = 0;
    bool is_closing = false;
};

class HttpClientTest : public testing::Test {
  protected:
    ~HttpClientTest() override {
        static_cast<void>(test::run(loop_, server_.group.stop()).has_value());
    }
    [[nodiscard]] std::string url(const std::string& path = "/") const {
        return "http://127.0.0.1:" + std::to_string(server_.acceptor.local_endpoint().port()) +
               path;
    }
    Result<HttpResponse> send(HttpRequest request, Duration time = 5s) {
        return test::run(loop_, client_.send(std::move(request), clock_.now() + time));
    }

    asio::io_context loop_;
    test::TestClock clock_;
    HttpClient client_{loop_.get_executor(), clock_};
    Responder<tcp> server_{loop_, {asio::ip::address_v4::loopback(), 0}};
};

TEST_F(HttpClientTest, AnswersWithStatusHeadersBodyAndDuration) {
    const auto response = send({.url = url("/a?b=c"), .headers = {{"X-One", "1"}}});
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->status, 200);
    EXPECT_EQ(response->body, "hello");
    EXPECT_EQ(response->headers.at("x-two"), "a");
    EXPECT_GT(response->took, 0ns);
    EXPECT_FALSE(response->tls_days_left);
    EXPECT_TRUE(server_.request.starts_with("GET /a?b=c HTTP/1.1\r\n")) << server_.request;
    EXPECT_TRUE(server_.request.contains("X-One: 1\r\n"));
}

TEST_F(HttpClientTest, AnyStatusIsAResponse) {
    server_.answer = "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n";
    EXPECT_EQ(send({.url = url()})->status, 503);
    server_.answer = "HTTP/1.1 302 Found\r\nLocation: /x\r\nContent-Length: 0\r\n\r\n";
    EXPECT_EQ(send({.url = url()})->status, 302);
}

TEST_F(HttpClientTest, KeepsConnectionsUnlessAskedForAFreshOne) {
    ASSERT_TRUE(send({.url = url()}));
    ASSERT_TRUE(send({.url = url()}));
    EXPECT_EQ(server_.connections, 1);
    ASSERT_TRUE(send({.url = url(), .fresh_connection = true}));
    EXPECT_EQ(server_.connections, 2);
}

TEST_F(HttpClientTest, SendsABodyWithItsMethod) {
    ASSERT_TRUE(send({.method = "PUT", .url = url("/key"), .body = "value"}));
    EXPECT_TRUE(server_.request.starts_with("PUT /key HTTP/1.1\r\n")) << server_.request;
    EXPECT_TRUE(server_.request.contains("Content-Length: 5\r\n"));
    EXPECT_FALSE(server_.request.contains("Expect"));
    ASSERT_TRUE(send({.method = "POST", .url = url("/empty")}));
    EXPECT_TRUE(server_.request.contains("Content-Length: 0\r\n")) << server_.request;
}

TEST_F(HttpClientTest, HeadHasNoBody) {
    server_.answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    const auto response = send({.method = "HEAD", .url = url()});
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->body, "");
}

TEST_F(HttpClientTest, DropsWhatIsOverTheLimitOfTheBody) {
    server_.answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + std::string(100, 'x');
    const auto response = send({.url = url(), .max_body = 10});
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_EQ(response->body, std::string(10, 'x'));
}

TEST_F(HttpClientTest, TalksToAUnixSocket) {
    const test::ServerDirectory directory;
    const auto path = directory.file("s");
    Responder<stream_protocol> server(loop_, stream_protocol::endpoint(path));
    EXPECT_EQ(send({.url = "http://local/x", .unix_socket = path})->body, "hello");
    EXPECT_TRUE(server.request.contains("Host: local\r\n"));
    ASSERT_TRUE(test::run(loop_, server.group.stop()));
    const auto gone = send({.url = "http://local/x", .unix_socket = path + "-not"});
    EXPECT_TRUE(is_refusal(gone.error())) << gone.error().message();
}

TEST_F(HttpClientTest, ResolvesAHostAsTold) {
    const auto port = std::to_string(server_.acceptor.local_endpoint().port());
    const auto response = send({.url = "http://shop.invalid:" + port + "/",
                                .resolve = "shop.invalid:" + port + ":127.0.0.1"});
    ASSERT_TRUE(response) << response.error().message();
    EXPECT_TRUE(server_.request.contains("Host: shop.invalid:" + port));
    EXPECT_EQ(send({.url = url(), .resolve = "shop"}).error().code(), Errc::kInvalid);
}

TEST_F(HttpClientTest, SpeaksIpv6) {
    boost::system::error_code error;
    tcp::acceptor trial(loop_);
    trial.open(tcp::v6(), error);
    trial.bind({asio::ip::address_v6::loopback(), 0}, error);
    if (error) {
        GTEST_SKIP() << "this machine has no IPv6 loopback";
    }
    Responder<tcp> server(loop_, {asio::ip::address_v6::loopback(), 0});
    const auto port = std::to_string(server.acceptor.local_endpoint().port());
    EXPECT_EQ(send({.url = "http://[::1]:" + port + "/"})->body, "hello");
    EXPECT_EQ(
        send({.url = "http://six.invalid:" + port + "/", .resolve = "six.invalid:" + port + ":::1"})
            ->body,
        "hello");
    ASSERT_TRUE(test::run(loop_, server.group.stop()));
}

TEST_F(HttpClientTest, AClosedPortIsRefused) {
    const auto response = send({.url = "http://127.0.0.1:" + std::to_string(test::free_port())});
    ASSERT_FALSE(response);
    EXPECT_EQ(response.error().code(), Errc::kUnavailable);
    EXPECT_TRUE(is_refusal(response.error())) << response.error().message();
}

TEST_F(HttpClientTest, AResetBeforeAnAnswerDependsOnWhatWasAsked) {
    server_.answer = "reset";
    const auto read = send({.url = url()});
    EXPECT_EQ(read.error().code(), Errc::kUnavailable);
    EXPECT_TRUE(is_refusal(read.error())) << read.error().message();
    const auto write = send({.method = "POST", .url = url(), .body = "pay"});
    EXPECT_EQ(write.error().code(), Errc::kOutcomeUnknown);
    EXPECT_TRUE(is_refusal(write.error())) << write.error().message();
}

TEST_F(HttpClientTest, ACutAnswerHasAnUnknownOutcome) {
    server_.answer = "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf";
    server_.is_closing = true;
    EXPECT_EQ(send({.url = url()}).error().code(), Errc::kOutcomeUnknown);
}

TEST_F(HttpClientTest, NoAnswerByTheDeadlineHasAnUnknownOutcome) {
    server_.answer = "";
    const auto began = clock_.now();
    const auto response = send({.url = url()}, 100ms);
    EXPECT_EQ(response.error().code(), Errc::kOutcomeUnknown);
    EXPECT_FALSE(is_refusal(response.error()));
    EXPECT_GE(clock_.now() - began, 100ms);
    EXPECT_LT(clock_.now() - began, 1s);
}

TEST_F(HttpClientTest, NoConnectionByTheDeadlineIsATimeout) {
    // TLS to a server that says nothing: nothing of the request was sent.
    tcp::acceptor silent(loop_, {asio::ip::address_v4::loopback(), 0});
    const auto response =
        send({.url = "https://127.0.0.1:" + std::to_string(silent.local_endpoint().port())}, 100ms);
    EXPECT_EQ(response.error().code(), Errc::kTimedOut);
}

TEST_F(HttpClientTest, AnUnknownNameIsUnavailableButNoRefusal) {
    const auto response = send({.url = "http://no-such-host.invalid/"});
    EXPECT_EQ(response.error().code(), Errc::kUnavailable);
    EXPECT_FALSE(is_refusal(response.error())) << response.error().message();
}

TEST_F(HttpClientTest, ErrorsShowNeitherPasswordNorQuery) {
    for (const auto* bad : {"ftp://user:horse@127.0.0.1/?token=horse", "http://x:horse@:/",
                            "http://user:horse@127.0.0.1:1/?token=horse"}) {
        const auto response = send({.url = bad});
        ASSERT_FALSE(response) << bad;
        EXPECT_FALSE(response.error().message().contains("horse")) << response.error().message();
    }
}

TEST_F(HttpClientTest, BadUrlsAndHeadersAreInvalid) {
    EXPECT_EQ(send({.url = ""}).error().code(), Errc::kInvalid);
    EXPECT_EQ(send({.url = "file:///etc/passwd"}).error().code(), Errc::kInvalid);
    EXPECT_EQ(send({.url = url() + "\r\nX: y"}).error().code(), Errc::kInvalid);
    EXPECT_EQ(send({.url = url(), .headers = {{"X", "a\r\nY: b"}}}).error().code(), Errc::kInvalid);
}

TEST_F(HttpClientTest, ACancelledRequestEndsAtOnceAndTheClientGoesOn) {
    server_.answer = "";
    std::optional<Errc> code;
    TaskGroup group(loop_.get_executor());
    group.spawn([](HttpClient* client, std::string where, Instant deadline,
                   std::optional<Errc>* out) -> Task<> {
        const auto response = co_await client->send({.url = std::move(where)}, deadline);
        *out = response.error().code();
        co_return Result<>{};
    }(&client_, url(), clock_.now() + 60s, &code));
    while (server_.request.empty()) {
        loop_.run_one();
    }
    ASSERT_TRUE(test::run(loop_, group.stop()));
    EXPECT_EQ(code, Errc::kCancelled);
    server_.answer = "HTTP/1.1 204 No Content\r\n\r\n";
    EXPECT_EQ(send({.url = url()})->status, 204);
}

TEST_F(HttpClientTest, ManyRequestsRunAtOnce) {
    int answered = 0;
    TaskGroup group(loop_.get_executor());
    for (int i = 0; i < 200; ++i) {
        group.spawn([](HttpClient* client, std::string where, Instant deadline,
                       int* out) -> Task<> {
            CO_TRY(const auto response, co_await client->send({.url = std::move(where)}, deadline));
            *out += response.body == "hello" ? 1 : 0;
            co_return Result<>{};
        }(&client_, url(), clock_.now() + 10s, &answered));
    }
    ASSERT_TRUE(test::run(loop_, group.wait()));
    EXPECT_EQ(answered, 200);
}

// A TLS server for one connection at a time, on a thread of its own because OpenSSL blocks.
class TlsServer {
  public:
    TlsServer(std::chrono::seconds valid_for, const std::string& certificate_file)
        : context_(SSL_CTX_new(TLS_server_method()), &SSL_CTX_free),
          key_(EVP_EC_gen("P-256"), &EVP_PKEY_free),
          certificate_(X509_new(), &X509_free) {
        auto* x509 = certificate_.get();
        X509_set_version(x509, 2);
        ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
        X509_gmtime_adj(X509_getm_notBefore(x509), -10L * 24 * 3600);
        X509_gmtime_adj(X509_getm_notAfter(x509), static_cast<long>(valid_for.count()));
        X509_set_pubkey(x509, key_.get());
        auto* name = X509_get_subject_name(x509);
        X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                                   reinterpret_cast<const unsigned char*>("shop"), -1, -1, 0);
        X509_set_issuer_name(x509, name);
        auto* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
        X509_add_ext(x509, names, -1);
        X509_EXTENSION_free(names);
        X509_sign(x509, key_.get(), EVP_sha256());
        SSL_CTX_use_certificate(context_.get(), x509);
        SSL_CTX_use_PrivateKey(context_.get(), key_.get());
        std::FILE* file = std::fopen(certificate_file.c_str(), "w");
        PEM_write_X509(file, x509);
        std::fclose(file);
        thread_ = std::thread([this] { serve(); });
    }
    ~TlsServer() {
        ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
        thread_.join();
    }
    [[nodiscard]] std::string url() {
        return "https://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port()) + "/";
    }

  private:
    void serve() {
        while (true) {
            const int number = ::accept(acceptor_.native_handle(), nullptr, nullptr);
            if (number < 0) {
                return;
            }
            const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context_.get()), &SSL_free);
            SSL_set_fd(ssl.get(), number);
            if (SSL_accept(ssl.get()) == 1) {
                std::array<char, 4096> buffer{};
                constexpr std::string_view kAnswer =
                    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
                while (SSL_read(ssl.get(), buffer.data(), buffer.size()) > 0) {
                    SSL_write(ssl.get(), kAnswer.data(), kAnswer.size());
                }
            }
            ::close(number);
        }
    }

    asio::io_context loop_;
    tcp::acceptor acceptor_{loop_, {asio::ip::address_v4::loopback(), 0}};
    std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context_;
    std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key_;
    std::unique_ptr<X509, decltype(&X509_free)> certificate_;
    std::thread thread_;
};

class HttpClientTlsTest : public testing::Test {
  protected:
    test::ServerDirectory directory_;
    std::string ca_file_ = directory_.file("ca.pem");
    asio::io_context loop_;
    test::TestClock clock_;
};

TEST_F(HttpClientTlsTest, TellsTheDaysLeftOfTheCertificateAlsoOnAKeptConnection) {
    TlsServer server(9h + 24h * 30, ca_file_);
    HttpClient client(loop_.get_executor(), clock_);
    for (int i = 0; i < 2; ++i) {
        const auto response = test::run(
            loop_, client.send({.url = server.url(), .ca_file = ca_file_}, clock_.now() + 5s));
        ASSERT_TRUE(response) << response.error().message();
        EXPECT_EQ(response->body, "ok");
        EXPECT_EQ(response->tls_days_left, 30);
    }
}

TEST_F(HttpClientTlsTest, AnUnknownAuthorityIsDeniedUnlessVerificationIsOff) {
    TlsServer server(24h, ca_file_);
    HttpClient client(loop_.get_executor(), clock_);
    const auto denied = test::run(loop_, client.send({.url = server.url()}, clock_.now() + 5s));
    EXPECT_EQ(denied.error().code(), Errc::kDenied) << denied.error().message();
    EXPECT_TRUE(test::run(
        loop_, client.send({.url = server.url(), .verify_tls = false}, clock_.now() + 5s)));
}

TEST_F(HttpClientTlsTest, AnExpiredCertificateIsDenied) {
    TlsServer server(-24h, ca_file_);
    HttpClient client(loop_.get_executor(), clock_);
    const auto denied = test::run(
        loop_, client.send({.url = server.url(), .ca_file = ca_file_}, clock_.now() + 5s));
    EXPECT_EQ(denied.error().code(), Errc::kDenied);
    EXPECT_TRUE(denied.error().message().contains("expired")) << denied.error().message();
    const auto read = test::run(
        loop_, client.send({.url = server.url(), .verify_tls = false}, clock_.now() + 5s));
    EXPECT_EQ(read->tls_days_left, -1);
}

TEST_F(HttpClientTlsTest, AnUnreadableAuthorityFileIsInvalid) {
    TlsServer server(24h, ca_file_);
    HttpClient client(loop_.get_executor(), clock_);
    const auto bad = test::run(
        loop_, client.send({.url = server.url(), .ca_file = "/not/there"}, clock_.now() + 5s));
    EXPECT_EQ(bad.error().code(), Errc::kInvalid) << bad.error().message();
}

}  // namespace
}  // namespace muster::adapters

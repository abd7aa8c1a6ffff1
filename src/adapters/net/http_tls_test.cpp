// The API's listener with TLS, against OpenSSL's own client.

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_future.hpp>
#include <cstdio>
#include <cstring>
#include <future>
#include <memory>
#include <thread>

#include "adapters/net/http_server.h"
#include "adapters/net/net_test_support.h"

namespace muster::adapters {
namespace {

namespace asio = boost::asio;
using Context = std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)>;
using Key = std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)>;

/// A certificate for 127.0.0.1 that signs itself, as two PEM files.
void write_certificate(const HttpServer::Tls& files) {
    const Key key(EVP_EC_gen("P-256"), &EVP_PKEY_free);
    const std::unique_ptr<X509, decltype(&X509_free)> certificate(X509_new(), &X509_free);
    auto* x509 = certificate.get();
    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), 3600);
    X509_set_pubkey(x509, key.get());
    auto* name = X509_get_subject_name(x509);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                               reinterpret_cast<const unsigned char*>("muster"), -1, -1, 0);
    X509_set_issuer_name(x509, name);
    auto* names = X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, "IP:127.0.0.1");
    X509_add_ext(x509, names, -1);
    X509_EXTENSION_free(names);
    X509_sign(x509, key.get(), EVP_sha256());
    const std::unique_ptr<BIO, decltype(&BIO_free)> shown(
        BIO_new_file(files.certificate_file.c_str(), "w"), &BIO_free);
    PEM_write_bio_X509(shown.get(), x509);
    const std::unique_ptr<BIO, decltype(&BIO_free)> hidden(
        BIO_new_file(files.key_file.c_str(), "w"), &BIO_free);
    PEM_write_bio_PrivateKey(hidden.get(), key.get(), nullptr, nullptr, 0, nullptr, nullptr);
}

int connect_to(std::uint16_t port) {
    const int number = ::socket(AF_INET, SOCK_STREAM, 0);
    const timeval limit{20, 0};
    ::setsockopt(number, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    EXPECT_EQ(::connect(number, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    return number;
}

class HttpTlsTest : public testing::Test {
  protected:
    HttpTlsTest() {
        write_certificate(files_);
        server_ = std::make_unique<HttpServer>(
            loop_.get_executor(), clock_, log_,
            [](HttpServerRequest request) { return answer(std::move(request)); });
        thread_ = std::thread([this] { loop_.run(); });
        std::promise<std::uint16_t> port;
        asio::post(loop_,
                   [&] { port.set_value(server_->listen_tcp("127.0.0.1:0", files_).value_or(0)); });
        port_ = port.get_future().get();
    }
    ~HttpTlsTest() override {
        EXPECT_TRUE(asio::co_spawn(loop_, server_->stop(), asio::use_future).get());
        work_.reset();
        thread_.join();
    }
    static Task<HttpServerResponse> answer(HttpServerRequest request) {
        HttpServerResponse response;
        response.body = "you asked for " + request.path;
        co_return response;
    }

    struct Talk {
        bool is_open = false;  ///< The handshake was done.
        std::string version;
        std::string answer;
    };
    Talk talk(int most_version, bool trusts) {
        const Context context(SSL_CTX_new(TLS_client_method()), &SSL_CTX_free);
        SSL_CTX_set_security_level(context.get(), 0);  // The client would go lower; the server not.
        SSL_CTX_set_min_proto_version(context.get(), TLS1_VERSION);
        SSL_CTX_set_max_proto_version(context.get(), most_version);
        SSL_CTX_set_verify(context.get(), SSL_VERIFY_PEER, nullptr);
        if (trusts) {
            SSL_CTX_load_verify_locations(context.get(), files_.certificate_file.c_str(), nullptr);
        }
        const std::unique_ptr<SSL, decltype(&SSL_free)> ssl(SSL_new(context.get()), &SSL_free);
        X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl.get()), "127.0.0.1");
        const int number = connect_to(port_);
        SSL_set_fd(ssl.get(), number);
        Talk said;
        said.is_open = SSL_connect(ssl.get()) == 1;
        if (said.is_open) {
            said.version = SSL_get_version(ssl.get());
            constexpr std::string_view kRequest =
                "GET /over/tls HTTP/1.1\r\nHost: muster.example\r\nConnection: close\r\n\r\n";
            SSL_write(ssl.get(), kRequest.data(), static_cast<int>(kRequest.size()));
            std::array<char, 1024> piece{};
            for (int size = 1; size > 0;) {
                size = SSL_read(ssl.get(), piece.data(), piece.size());
                said.answer.append(piece.data(), static_cast<std::size_t>(std::max(size, 0)));
            }
        }
        ERR_clear_error();
        ::close(number);
        return said;
    }

    test::ServerDirectory directory_;
    HttpServer::Tls files_{directory_.file("cert.pem"), directory_.file("key.pem")};
    asio::io_context loop_{1};
    asio::executor_work_guard<asio::io_context::executor_type> work_{loop_.get_executor()};
    test::TestClock clock_;
    NullLog log_;
    std::unique_ptr<HttpServer> server_;
    std::thread thread_;
    std::uint16_t port_ = 0;
};

TEST_F(HttpTlsTest, AnswersAClientThatTrustsItsCertificate) {
    for (const auto& [version, name] :
         {std::pair(TLS1_3_VERSION, "TLSv1.3"), std::pair(TLS1_2_VERSION, "TLSv1.2")}) {
        const auto said = talk(version, true);
        ASSERT_TRUE(said.is_open) << name;
        EXPECT_EQ(said.version, name);
        EXPECT_TRUE(said.answer.starts_with("HTTP/1.1 200 OK\r\n")) << said.answer;
        EXPECT_TRUE(said.answer.ends_with("you asked for /over/tls")) << said.answer;
    }
}

TEST_F(HttpTlsTest, RefusesOldVersionsOfTheProtocol) {
    EXPECT_FALSE(talk(TLS1_1_VERSION, true).is_open);
    EXPECT_FALSE(talk(TLS1_VERSION, true).is_open);
    EXPECT_TRUE(talk(TLS1_2_VERSION, true).is_open);
}

TEST_F(HttpTlsTest, AClientThatDoesNotTrustTheCertificateGetsNothingAndHarmsNobody) {
    EXPECT_FALSE(talk(TLS1_3_VERSION, false).is_open);
    EXPECT_TRUE(talk(TLS1_3_VERSION, true).is_open);
}

TEST_F(HttpTlsTest, PlainHttpAndNoiseGetNoAnswerInClearAndHarmNobody) {
    for (const auto* bytes : {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", "\x16\x03\x01\xff\xff",
                              "noise that is no handshake at all"}) {
        const int number = connect_to(port_);
        ::send(number, bytes, std::strlen(bytes), MSG_NOSIGNAL);
        ::shutdown(number, SHUT_WR);
        std::string said;
        std::array<char, 1024> piece{};
        for (ssize_t size = 1; size > 0;) {
            size = ::recv(number, piece.data(), piece.size(), 0);
            said.append(piece.data(), static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
        }
        EXPECT_FALSE(said.contains("HTTP/")) << bytes;
        ::close(number);
    }
    EXPECT_TRUE(talk(TLS1_3_VERSION, true).is_open);
}

}  // namespace
}  // namespace muster::adapters

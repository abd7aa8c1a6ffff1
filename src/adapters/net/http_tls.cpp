#include <boost/asio/ssl.hpp>
#include <utility>

#include "adapters/net/http_stream_connection.h"

namespace muster::adapters {

namespace asio = boost::asio;
namespace ssl = boost::asio::ssl;

namespace {

using TlsStream = ssl::stream<asio::ip::tcp::socket>;

class TlsConnection final : public HttpStreamConnection<TlsStream> {
  public:
    TlsConnection(asio::ip::tcp::socket socket, ssl::context& context, bool is_local)
        : HttpStreamConnection(is_local, std::move(socket), context) {}

    Task<> start() override {
        const auto [failure] = co_await stream().async_handshake(ssl::stream_base::server, kTuple);
        if (failure) {
            co_return connection_error(failure);
        }
        co_return Result<>{};
    }

    // The certificate names the server: a page of another name can't get through the handshake.
    [[nodiscard]] bool is_loopback_tcp() const override { return false; }
};

}  // namespace

struct HttpTlsContext::Impl {
    ssl::context context{ssl::context::tls_server};
};

HttpTlsContext::HttpTlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
}
HttpTlsContext::~HttpTlsContext() = default;

Result<std::unique_ptr<HttpTlsContext>> HttpTlsContext::load(const HttpServer::Tls& files) {
    auto impl = std::make_unique<Impl>();
    boost::system::error_code failure;
    impl->context.set_options(ssl::context::default_workarounds | ssl::context::no_sslv2 |
                                  ssl::context::no_sslv3 | ssl::context::no_tlsv1 |
                                  ssl::context::no_tlsv1_1,
                              failure);
    impl->context.use_certificate_chain_file(files.certificate_file, failure);
    if (failure) {
        return Error{
            Errc::kInvalid,
            "can't use the certificate " + files.certificate_file + ": " + failure.message(),
            "give a PEM file that holds the certificate and its chain"};
    }
    impl->context.use_private_key_file(files.key_file, ssl::context::pem, failure);
    if (failure) {
        return Error{Errc::kInvalid,
                     "can't use the key " + files.key_file + ": " + failure.message(),
                     "give the PEM file of the key that belongs to " + files.certificate_file};
    }
    return std::unique_ptr<HttpTlsContext>(new HttpTlsContext(std::move(impl)));
}

std::unique_ptr<HttpConnection> HttpTlsContext::wrap(asio::ip::tcp::socket socket) {
    boost::system::error_code ignored;
    socket.set_option(asio::ip::tcp::no_delay(true), ignored);
    const bool is_local = socket.remote_endpoint(ignored).address().is_loopback();
    return std::make_unique<TlsConnection>(std::move(socket), impl_->context, is_local);
}

}  // namespace muster::adapters

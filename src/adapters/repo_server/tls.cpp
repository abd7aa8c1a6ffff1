#include "adapters/repo_server/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

namespace muster::adapters::repo_server {

namespace {

struct FreeSsl {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
};
struct FreeContext {
    void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};

// RFC 8446 section 5.1: the most that one record holds.
constexpr std::size_t kRecord = 16U << 10U;

std::string last_failure() {
    std::array<char, 256> text{};
    const unsigned long code = ERR_get_error();
    ERR_error_string_n(code, text.data(), text.size());
    ERR_clear_error();
    return code == 0 ? "unknown" : std::string(text.data());
}

class TlsConnection final : public Connection {
  public:
    TlsConnection(Clock& clock, UniqueFd socket, SSL* ssl)
        : Connection(clock, std::move(socket)), ssl_(ssl) {
        SSL_set_fd(ssl, this->socket());
    }

    Result<> start(Instant deadline) override {
        TRY(const auto done,
            repeat(deadline, [&](std::size_t*) { return SSL_accept(ssl_.get()); }));
        static_cast<void>(done);
        return {};
    }

    // The end without a close_notify is an error here; what is cut short is never taken for whole,
    // since every body has a length or a last chunk.
    Result<std::size_t> read(std::span<char> into, Instant deadline) override {
        return repeat(deadline, [&](std::size_t* done) {
            return SSL_read_ex(ssl_.get(), into.data(), into.size(), done);
        });
    }

    Result<std::size_t> write(std::string_view data, Instant deadline) override {
        return repeat(deadline, [&](std::size_t* done) {
            return SSL_write_ex(ssl_.get(), data.data(), data.size(), done);
        });
    }

    Result<std::size_t> write_file(FilePart part, Instant deadline) override {
        const std::size_t wanted = std::min<std::uint64_t>(part.size, kRecord);
        const ssize_t size = ::pread(part.file, record_.data(), wanted, part.offset);
        if (size <= 0) {
            return Error{Errc::kCorrupt, "a file could not be read while it was sent"};
        }
        return write({record_.data(), static_cast<std::size_t>(size)}, deadline);
    }

  private:
    template <class Call>
    Result<std::size_t> repeat(Instant deadline, Call call) {
        while (true) {
            ERR_clear_error();
            std::size_t done = 0;
            const int result = call(&done);
            if (result == 1) {
                return done;
            }
            const int why = SSL_get_error(ssl_.get(), result);
            if (why == SSL_ERROR_ZERO_RETURN) {
                return std::size_t{0};
            }
            if (why != SSL_ERROR_WANT_READ && why != SSL_ERROR_WANT_WRITE) {
                return Error{Errc::kUnavailable, "TLS: " + last_failure()};
            }
            TRY_OK(await(why == SSL_ERROR_WANT_READ ? POLLIN : POLLOUT, deadline));
        }
    }

    std::unique_ptr<SSL, FreeSsl> ssl_;
    std::array<char, kRecord> record_{};
};

}  // namespace

struct TlsContext::Impl {
    std::unique_ptr<SSL_CTX, FreeContext> context;
};

TlsContext::TlsContext(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
}
TlsContext::~TlsContext() = default;

Result<std::shared_ptr<const TlsContext>> TlsContext::load(const TlsFiles& files) {
    ERR_clear_error();
    auto impl = std::make_unique<Impl>();
    impl->context.reset(SSL_CTX_new(TLS_server_method()));
    auto* context = impl->context.get();
    if (context == nullptr) {
        return Error{Errc::kUnavailable, "OpenSSL gives no context: " + last_failure()};
    }
    SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
    SSL_CTX_set_options(context, SSL_OP_NO_RENEGOTIATION);
    SSL_CTX_set_mode(context, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    if (SSL_CTX_use_certificate_chain_file(context, files.certificate.c_str()) != 1) {
        return Error{Errc::kInvalid,
                     "can't use the certificate " + files.certificate + ": " + last_failure(),
                     "give a PEM file that holds the certificate and its chain"};
    }
    if (SSL_CTX_use_PrivateKey_file(context, files.key.c_str(), SSL_FILETYPE_PEM) != 1) {
        return Error{Errc::kInvalid, "can't use the key " + files.key + ": " + last_failure(),
                     "give the PEM file of the key that belongs to " + files.certificate};
    }
    // Shared, so that a renewed certificate takes its place while a handshake still uses the old.
    return std::shared_ptr<const TlsContext>(new TlsContext(std::move(impl)));
}

std::unique_ptr<Connection> TlsContext::wrap(Clock& clock, UniqueFd socket) const {
    SSL* ssl = SSL_new(impl_->context.get());
    if (ssl == nullptr) {
        return nullptr;
    }
    return std::make_unique<TlsConnection>(clock, std::move(socket), ssl);
}

}  // namespace muster::adapters::repo_server

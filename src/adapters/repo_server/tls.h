#pragma once

#include <memory>
#include <string>

#include "adapters/repo_server/connection.h"

namespace muster::adapters::repo_server {

/// PEM files.
struct TlsFiles {
    std::string certificate;  ///< With its chain.
    std::string key;
};

/// A server certificate with its key, ready for handshakes of TLS 1.2 and later.
class TlsContext {
  public:
    /// kInvalid when a file can't be read, or the key does not belong to the certificate.
    static Result<std::shared_ptr<const TlsContext>> load(const TlsFiles& files);
    ~TlsContext();
    /// The connection keeps what it needs of the context.
    [[nodiscard]] std::unique_ptr<Connection> wrap(Clock& clock, UniqueFd socket) const;

  private:
    struct Impl;
    explicit TlsContext(std::unique_ptr<Impl> impl);
    std::unique_ptr<Impl> impl_;
};

}  // namespace muster::adapters::repo_server

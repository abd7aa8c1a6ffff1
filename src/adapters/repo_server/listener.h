#pragma once

#include <cstdint>
#include <string>

#include "adapters/os/unique_fd.h"
#include "base/clock.h"
#include "base/result.h"

namespace muster::adapters::repo_server {

/// A listening TCP socket, and a way to wake who waits for it.
class Listener {
  public:
    /// kInvalid for an address that is none of this machine's, kUnavailable for a port that is
    /// taken, kDenied for one that is not allowed.
    static Result<Listener> open(const std::string& address);

    struct Accepted {
        UniqueFd socket;
        std::string peer;  ///< The address, without the port.
    };
    /// Waits for a connection, at most so long. kTimedOut when there was none, kCancelled after
    /// `wake()`, kUnavailable when the system has no room for one.
    Result<Accepted> accept(Duration most) const;
    void wake() const;
    [[nodiscard]] std::uint16_t port() const { return port_; }

  private:
    UniqueFd socket_;
    UniqueFd wake_;
    std::uint16_t port_ = 0;
};

}  // namespace muster::adapters::repo_server

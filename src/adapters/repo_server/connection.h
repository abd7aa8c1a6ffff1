#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "adapters/os/unique_fd.h"
#include "adapters/repo_server/pace.h"
#include "base/clock.h"
#include "base/result.h"

namespace muster::adapters::repo_server {

/// A part of an open file.
struct FilePart {
    int file = -1;
    std::int64_t offset = 0;
    std::uint64_t size = 0;
};

/// One accepted connection, used by one thread that waits: kTimedOut when the deadline passes,
/// kUnavailable when the peer is gone. The socket does not block by itself.
class Connection {
  public:
    Connection(Clock& clock, UniqueFd socket) : clock_(clock), socket_(std::move(socket)) {}
    virtual ~Connection() = default;

    /// The handshake, where there is one.
    virtual Result<> start(Instant deadline) = 0;
    /// At least one byte, or 0 at the end of the stream.
    virtual Result<std::size_t> read(std::span<char> into, Instant deadline) = 0;
    /// At least one byte.
    virtual Result<std::size_t> write(std::string_view data, Instant deadline) = 0;
    /// At least one byte. kCorrupt when the file is shorter than the part, or can't be read.
    virtual Result<std::size_t> write_file(FilePart part, Instant deadline) = 0;

    /// All of it, at the pace.
    Result<> write_all(std::string_view data, Pace pace);
    Result<> write_whole_file(FilePart part, Pace pace);
    /// No more will be written; the peer's bytes may still be read.
    void finish();
    /// Ends every wait, now and later. From any thread.
    void interrupt();

  protected:
    [[nodiscard]] int socket() const { return socket_.get(); }
    /// Waits for POLLIN or POLLOUT.
    Result<> await(short events, Instant deadline);

  private:
    Clock& clock_;
    UniqueFd socket_;
};

std::unique_ptr<Connection> plain_connection(Clock& clock, UniqueFd socket);

/// What the operating system said of a connection.
Error connection_lost(int code);

}  // namespace muster::adapters::repo_server

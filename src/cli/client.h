#pragma once

#include <memory>
#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace muster::cli {

/// Which node the commands talk to: `--url`, else the socket in the data directory.
struct Endpoint {
    std::string url;   ///< "https://host:port"; empty: the Unix socket.
    std::string data;  ///< The data directory; holds muster.sock and token.
    std::string ca_file;
    Secret token;  ///< For what changes something; empty: read from the data directory.
};

/// `--url` and `--data` as given, completed from $MUSTER_DATA and $MUSTER_TOKEN.
Endpoint resolve_endpoint(std::string url, std::string data);

struct Answer {
    int status = 0;
    std::string body;
};

/// A node's API, one request after the other, each awaited on the spot: a command line has nothing
/// else to do meanwhile.
class Client {
  public:
    virtual ~Client() = default;
    /// An answer below 400; else its error, with the node's own message and hint. kUnavailable when
    /// no node serves there.
    virtual Result<Answer> get(const std::string& path) = 0;
    /// The same with the token and a JSON body.
    virtual Result<Answer> post(const std::string& path, const std::string& body) = 0;
    /// Waits between two looks at a run or at the events.
    virtual void pause() = 0;
};

std::unique_ptr<Client> connect(Endpoint endpoint);

/// A part of a path or query, percent-encoded.
std::string encode_part(std::string_view text);

}  // namespace muster::cli

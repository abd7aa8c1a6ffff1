#pragma once

#include <boost/asio/ip/tcp.hpp>
#include <string>

#include "base/result.h"

namespace muster::adapters {

/// Reads "127.0.0.1:8080", "[::1]:8080" or "localhost:8080"; port 0 lets the system choose.
/// kInvalid with the form that is wanted.
Result<boost::asio::ip::tcp::endpoint> read_listen_address(const std::string& text);

}  // namespace muster::adapters

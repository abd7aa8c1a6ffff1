#include "adapters/net/listen_address.h"

#include <charconv>
#include <string_view>

namespace muster::adapters {

namespace asio = boost::asio;

Result<asio::ip::tcp::endpoint> read_listen_address(const std::string& text) {
    const Error bad{Errc::kInvalid, "\"" + text + "\" is not an address to listen on",
                    "write ADDRESS:PORT, for example 127.0.0.1:8080 or [::1]:8080"};
    const auto colon = text.rfind(':');
    if (colon == std::string::npos || colon == 0) {
        return bad;
    }
    std::string host = text.substr(0, colon);
    if (host == "localhost") {
        host = "127.0.0.1";
    }
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find(':') != std::string::npos) {
        return bad;
    }
    const std::string_view digits = std::string_view(text).substr(colon + 1);
    std::uint16_t port = 0;
    const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), port);
    boost::system::error_code failure;
    const auto ip = asio::ip::make_address(host, failure);
    if (failure || read.ec != std::errc{} || read.ptr != digits.data() + digits.size()) {
        return bad;
    }
    return asio::ip::tcp::endpoint(ip, port);
}

}  // namespace muster::adapters

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>

#include "adapters/net/http_message.h"

// The first byte says in which pieces the rest arrives. Requests may follow each other, as on a
// kept connection, until one is refused.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using muster::adapters::HttpRequestReader;
    if (size < 2) {
        return 0;
    }
    std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::size_t piece = 1U + data[0];
    std::string unread;
    auto reader = std::make_unique<HttpRequestReader>();
    while (!rest.empty()) {
        unread.append(rest.substr(0, piece));
        rest.remove_prefix(std::min(piece, rest.size()));
        if (reader->take(unread)) {
            return 0;
        }
        static_cast<void>(reader->wants_continue());
        if (!reader->is_done()) {
            continue;
        }
        muster::adapters::HttpServerRequest request;
        static_cast<void>(reader->keeps_alive());
        if (reader->release(request)) {
            return 0;
        }
        if (request.path.empty() || request.body.size() > muster::adapters::kMaxHttpBody) {
            std::abort();
        }
        reader = std::make_unique<HttpRequestReader>();
    }
    return 0;
}

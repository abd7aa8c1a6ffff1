#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "adapters/net/http_response_reader.h"

namespace {

struct Outcome {
    bool is_refused = false;
    bool is_done = false;
    int status = 0;
    std::string body;
    bool operator==(const Outcome&) const = default;
};

Outcome read(std::string_view bytes, std::size_t piece, bool is_head) {
    muster::adapters::HttpResponseReader reader({.is_head = is_head, .max_body = 1000});
    Outcome outcome;
    while (!bytes.empty() && !reader.is_done() && !outcome.is_refused) {
        outcome.is_refused = !reader.take(bytes.substr(0, piece));
        bytes.remove_prefix(std::min(piece, bytes.size()));
    }
    if (!outcome.is_refused) {
        static_cast<void>(reader.finish().has_value());
        outcome.is_done = reader.is_done();
        outcome.status = reader.status();
        outcome.body = reader.take_body();
    }
    return outcome;
}

}  // namespace

// The first byte says how the rest arrives: in pieces of that size, as the answer to HEAD or not.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size < 2) {
        return 0;
    }
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const bool is_head = (data[0] & 1U) != 0;
    const std::size_t piece = 1U + (data[0] >> 1U);
    const auto whole = read(bytes, bytes.size(), is_head);
    const auto pieced = read(bytes, piece, is_head);
    // However it arrives, a whole answer says the same.
    if (whole.is_done && pieced.is_done &&
        (whole.status != pieced.status || whole.body != pieced.body)) {
        std::abort();
    }
    if (whole.body.size() > 1000) {
        std::abort();
    }
    return 0;
}

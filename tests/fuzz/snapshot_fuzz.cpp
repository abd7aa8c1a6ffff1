// What a repository holds as the JSON of a snapshot, and the quoted names of its trees. It is
// authenticated, but whoever has the key may have written it. What can be read is written, and read
// again, to the same.
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "backup/format/go_json.h"
#include "backup/snapshot.h"

namespace {

using namespace muster::backup;

void expect(bool is_so) {
    if (!is_so) {
        std::abort();
    }
}

void try_snapshot(std::string_view text) {
    const auto first = decode_snapshot(text, {});
    if (!first) {
        return;
    }
    const std::string again = encode_snapshot(*first);
    const auto second = decode_snapshot(again, {});
    expect(second.has_value() && *second == *first && encode_snapshot(*second) == again);
}

/// Any bytes are a name, and come back.
void try_name(std::string_view name) {
    std::string quoted;
    append_quoted_name(quoted, name);
    boost::system::error_code failure;
    const auto value = boost::json::parse(quoted, failure);
    expect(!failure && value.is_string());
    const auto back = unquote_name(value.get_string());
    expect(back.has_value() && *back == name);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    try_snapshot(text);
    try_name(text);
    if (const auto name = unquote_name(text)) {
        try_name(*name);
    }
    if (const auto time = parse_time(text)) {
        std::string again;
        append_time(again, *time);
        const auto back = parse_time(again);
        expect(back.has_value() && *back == *time);
    }
    return 0;
}

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "adapters/blob/s3_xml.h"

namespace {

using muster::adapters::XmlElement;

std::string escaped(std::string_view text) {
    std::string out;
    for (const char letter : text) {
        if (std::string_view("<>&\r\n\t").contains(letter)) {
            out += "&#" + std::to_string(static_cast<int>(letter)) + ";";
        } else {
            out += letter;
        }
    }
    return out;
}

// The element as text; its own text comes before its children.
std::string print(const XmlElement& one) {
    std::string out = "<" + one.name + ">" + escaped(one.text);
    for (const auto& child : one.children) {
        out += print(child);
    }
    return out + "</" + one.name + ">";
}

bool is_same(const XmlElement& one, const XmlElement& other) {
    return one.name == other.name && one.text == other.text &&
           std::ranges::equal(one.children, other.children, is_same);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view text(reinterpret_cast<const char*>(data), size);
    const auto root = muster::adapters::parse_xml(text);
    if (root) {
        const auto again = muster::adapters::parse_xml(print(*root));
        if (!again || !is_same(*root, *again)) {
            std::abort();
        }
        // What is whole is not whole any more without its last element's end.
        const auto end = text.rfind('>');
        if (end == std::string_view::npos || muster::adapters::parse_xml(text.substr(0, end))) {
            std::abort();
        }
    }
    const auto page = muster::adapters::read_list_page(text);
    if (page && !root) {
        std::abort();
    }
    static_cast<void>(muster::adapters::read_upload_id(text).has_value());
    static_cast<void>(muster::adapters::read_problem(text).code.empty());
    return 0;
}

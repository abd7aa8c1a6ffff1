#include "backup/format/json_reader.h"

#include <limits>

namespace muster::backup {

namespace {

dom::parser& parser_of_thread() {
    thread_local dom::parser parser;
    return parser;
}

Error wrong(std::string_view what, std::string_view wanted) {
    return Error(Errc::kCorrupt, std::string(what) + " is no " + std::string(wanted));
}

}  // namespace

Result<dom::element> parse_json(const Buffer& text, std::string_view what) {
    static_assert(simdjson::SIMDJSON_PADDING <= Buffer::kSlack);
    dom::element element;
    if (parser_of_thread()
            .parse(text.data(), text.size(), /*realloc_if_needed=*/false)
            .get(element) != simdjson::SUCCESS) {
        return wrong(what, "valid JSON");
    }
    return element;
}

Result<dom::element> parse_json(std::string_view text, std::string_view what) {
    return parse_json(Buffer(bytes_of(text)), what);
}

Result<dom::object> json_object(dom::element element, std::string_view what) {
    dom::object object;
    return element.get_object().get(object) == simdjson::SUCCESS ? Result<dom::object>(object)
                                                                 : wrong(what, "object");
}

Result<dom::array> json_array(dom::element element, std::string_view what) {
    dom::array array;
    return element.get_array().get(array) == simdjson::SUCCESS ? Result<dom::array>(array)
                                                               : wrong(what, "list");
}

Result<std::string_view> json_text(dom::element element, std::string_view what) {
    std::string_view text;
    return element.get_string().get(text) == simdjson::SUCCESS ? Result<std::string_view>(text)
                                                               : wrong(what, "text");
}

Result<std::uint64_t> json_number(dom::element element, std::string_view what) {
    std::uint64_t number = 0;
    return element.get_uint64().get(number) == simdjson::SUCCESS ? Result<std::uint64_t>(number)
                                                                 : wrong(what, "number");
}

Result<std::uint32_t> json_number32(dom::element element, std::string_view what) {
    TRY(const auto number, json_number(element, what));
    if (number > std::numeric_limits<std::uint32_t>::max()) {
        return wrong(what, "number below 4 GiB");
    }
    return static_cast<std::uint32_t>(number);
}

Result<ObjectId> json_id(dom::element element, std::string_view what) {
    TRY(const auto text, json_text(element, what));
    auto id = ObjectId::parse(text);
    return id ? Result<ObjectId>(*id) : wrong(what, "id of 64 hexadecimal digits");
}

}  // namespace muster::backup

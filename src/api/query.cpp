#include "api/query.h"

#include <boost/json.hpp>
#include <charconv>

namespace muster::api {

namespace json = boost::json;

namespace {

// A name of a person goes into journals and reports: short, and no control characters.
constexpr std::size_t kMaxText = 200;

Error bad_key(std::string_view key, std::string_view wanted) {
    return {Errc::kInvalid,
            "\"" + std::string(key) + "\" in the body must be " + std::string(wanted)};
}

Result<std::string> read_text(std::string_view key, const json::value& value) {
    if (!value.is_string() || value.get_string().size() > kMaxText) {
        return bad_key(key, "a text of at most 200 characters");
    }
    const auto& text = value.get_string();
    for (const char c : text) {
        if (static_cast<unsigned char>(c) < 0x20) {
            return bad_key(key, "a text without control characters");
        }
    }
    return std::string(text.data(), text.size());
}

Result<bool> read_flag(std::string_view key, const json::value& value) {
    if (!value.is_bool()) {
        return bad_key(key, "true or false");
    }
    return value.get_bool();
}

Result<Fields> read_fields(std::string_view key, const json::value& value) {
    if (!value.is_object()) {
        return bad_key(key, "an object of texts");
    }
    Fields fields;
    for (const auto& entry : value.get_object()) {
        TRY(fields[std::string(entry.key())], read_text(key, entry.value()));
    }
    return fields;
}

Result<> read_key(ChangeBody& body, std::string_view key, const json::value& value) {
    if (key == "to") {
        TRY(body.to, read_text(key, value));
    } else if (key == "by") {
        TRY(body.by, read_text(key, value));
    } else if (key == "dry_run") {
        TRY(body.is_dry_run, read_flag(key, value));
    } else if (key == "force") {
        TRY(body.is_forced, read_flag(key, value));
    } else if (key == "verify") {
        TRY(body.is_tried, read_flag(key, value));
    } else if (key == "vouch_fenced") {
        TRY(body.is_fence_vouched, read_flag(key, value));
    } else {
        TRY(body.parameters, read_fields(key, value));
    }
    return {};
}

bool is_listed(std::string_view key, std::string_view list) {
    while (!list.empty()) {
        const auto end = list.find(' ');
        if (list.substr(0, end) == key) {
            return true;
        }
        list.remove_prefix(end == std::string_view::npos ? list.size() : end + 1);
    }
    return false;
}

}  // namespace

Result<std::int64_t> query_number(const Call& call, const std::string& name, NumberRange range) {
    const auto found = call.request.query.find(name);
    if (found == call.request.query.end()) {
        return range.fallback;
    }
    const auto& text = found->second;
    std::int64_t number = 0;
    const auto read = std::from_chars(text.data(), text.data() + text.size(), number);
    if (read.ec != std::errc{} || read.ptr != text.data() + text.size() || number < range.min ||
        number > range.max) {
        return Error{Errc::kInvalid, "\"" + name + "\" must be a whole number from " +
                                         std::to_string(range.min) + " to " +
                                         std::to_string(range.max)};
    }
    return number;
}

Result<ChangeBody> read_body(const Call& call) {
    const auto& request = call.request;
    const auto allowed = call.body_keys;
    ChangeBody body;
    if (!request.body.empty()) {
        boost::system::error_code failure;
        const auto document = json::parse(request.body, failure);
        if (failure || !document.is_object()) {
            return Error{Errc::kInvalid, "the body is not a JSON object",
                         "send {} or an object with the keys: " + std::string(allowed)};
        }
        for (const auto& entry : document.get_object()) {
            const std::string_view key(entry.key().data(), entry.key().size());
            if (!is_listed(key, allowed)) {
                return Error{
                    Errc::kInvalid, "the body has an unknown key \"" + std::string(key) + "\"",
                    allowed.empty() ? "send no body" : "the keys are: " + std::string(allowed)};
            }
            TRY_OK(read_key(body, key, entry.value()));
        }
    }
    if (body.by.empty()) {
        body.by = request.is_local ? "local operator" : "remote operator";
    }
    return body;
}

}  // namespace muster::api

#include "workflow/seal.h"

#include <array>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>

#include "base/random.h"

namespace muster::workflow {

namespace json = boost::json;

namespace {

constexpr std::size_t kMaxDepth = 512;

std::string sum_of(std::string_view previous_sum, std::string_view body) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    auto hash = stable_hash(std::string(previous_sum) + "\n" + std::string(body));
    std::string out(16, '0');
    for (auto place = out.rbegin(); place != out.rend(); ++place, hash >>= 4U) {
        *place = kDigits[hash & 15U];
    }
    return out;
}

}  // namespace

Sealed seal(const json::value& body, std::string_view previous_sum) {
    const auto text = json::serialize(body);
    Sealed out;
    out.sum = sum_of(previous_sum, text);
    out.text = "{\"sum\":\"" + out.sum + "\",\"body\":" + text + "}";
    return out;
}

Result<Opened<json::value>> unseal(std::string_view text, std::string_view previous_sum) {
    json::parse_options options;
    options.max_depth = kMaxDepth;
    options.allow_invalid_utf8 = true;  // Outputs of programs are kept as they came.
    boost::system::error_code failure;
    auto whole = json::parse(text, failure, {}, options);
    if (failure) {
        return Error{Errc::kCorrupt, "it is no JSON: " + failure.message()};
    }
    auto* object = whole.if_object();
    auto* body = object == nullptr ? nullptr : object->if_contains("body");
    const auto* sum = object == nullptr ? nullptr : object->if_contains("sum");
    if (body == nullptr || sum == nullptr || !sum->is_string()) {
        return Error{Errc::kCorrupt, "it has no \"body\" and \"sum\""};
    }
    Opened<json::value> out{std::move(*body), std::string(sum->get_string())};
    if (sum_of(previous_sum, json::serialize(out.record)) != out.sum) {
        return Error{Errc::kCorrupt,
                     "its checksum does not fit; it was changed or is not the next"};
    }
    return out;
}

}  // namespace muster::workflow

#include "workflow/json_reader.h"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>

namespace muster::workflow {

namespace json = boost::json;

JsonReader::JsonReader(const json::value& value, std::string_view what)
    : object_(value.if_object()), what_(what) {
    if (object_ == nullptr) {
        fail("it is no object");
    }
}

void JsonReader::fail(std::string_view what) {
    if (wrong_.empty()) {
        wrong_ = what_ + ": " + std::string(what);
    }
}

Result<> JsonReader::status() const {
    if (wrong_.empty()) {
        return {};
    }
    return Error{Errc::kCorrupt, wrong_};
}

bool JsonReader::has(std::string_view key) const {
    return object_ != nullptr && object_->contains(key);
}

const json::value* JsonReader::find(std::string_view key) {
    const auto* found = object_ == nullptr ? nullptr : object_->if_contains(key);
    if (found == nullptr) {
        fail("\"" + std::string(key) + "\" is missing");
    }
    return found;
}

std::string JsonReader::text(std::string_view key) {
    const auto* found = find(key);
    if (found == nullptr || !found->is_string()) {
        fail("\"" + std::string(key) + "\" is no text");
        return {};
    }
    return std::string(found->get_string());
}

std::int64_t JsonReader::integer(std::string_view key) {
    const auto* found = find(key);
    if (found == nullptr || !found->is_int64()) {
        fail("\"" + std::string(key) + "\" is no whole number");
        return 0;
    }
    return found->get_int64();
}

bool JsonReader::flag(std::string_view key) {
    const auto* found = find(key);
    if (found == nullptr || !found->is_bool()) {
        fail("\"" + std::string(key) + "\" is neither true nor false");
        return false;
    }
    return found->get_bool();
}

Fields JsonReader::fields(std::string_view key) {
    Fields out;
    for (const auto& entry : object(key)) {
        if (!entry.value().is_string()) {
            fail("\"" + std::string(key) + "\" holds something that is no text");
            return out;
        }
        out.emplace(entry.key(), entry.value().get_string());
    }
    return out;
}

const json::array& JsonReader::array(std::string_view key) {
    static const json::array kEmpty;
    const auto* found = find(key);
    if (found == nullptr || !found->is_array()) {
        fail("\"" + std::string(key) + "\" is no list");
        return kEmpty;
    }
    return found->get_array();
}

const json::object& JsonReader::object(std::string_view key) {
    static const json::object kEmpty;
    const auto* found = find(key);
    if (found == nullptr || !found->is_object()) {
        fail("\"" + std::string(key) + "\" is no object");
        return kEmpty;
    }
    return found->get_object();
}

}  // namespace muster::workflow

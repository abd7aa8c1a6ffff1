#include "cli/json_view.h"

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

namespace muster::cli {

namespace json = boost::json;

JsonView JsonView::operator[](std::string_view key) const {
    if (value_ == nullptr || !value_->is_object()) {
        return JsonView(nullptr);
    }
    const auto* found = value_->get_object().if_contains(json::string_view(key.data(), key.size()));
    return JsonView(found == nullptr || found->is_null() ? nullptr : found);
}

std::string JsonView::text(std::string_view key) const {
    return (*this)[key].text();
}

std::string JsonView::text() const {
    if (value_ == nullptr || !value_->is_string()) {
        return {};
    }
    return {value_->get_string().data(), value_->get_string().size()};
}

std::optional<double> JsonView::number(std::string_view key) const {
    const auto* value = (*this)[key].value_;
    if (value == nullptr || !value->is_number()) {
        return std::nullopt;
    }
    return value->to_number<double>();
}

std::optional<std::int64_t> JsonView::whole(std::string_view key) const {
    constexpr double kMost = 9e15;
    const auto value = number(key);
    if (!value || std::isnan(*value)) {
        return std::nullopt;
    }
    return std::llround(std::clamp(*value, -kMost, kMost));
}

bool JsonView::flag(std::string_view key) const {
    const auto* value = (*this)[key].value_;
    return value != nullptr && value->is_bool() && value->get_bool();
}

std::vector<JsonView> JsonView::items(std::string_view key) const {
    std::vector<JsonView> result;
    const auto* value = (*this)[key].value_;
    if (value != nullptr && value->is_array()) {
        for (const auto& item : value->get_array()) {
            result.emplace_back(&item);
        }
    }
    return result;
}

std::vector<std::pair<std::string, std::string>> JsonView::texts(std::string_view key) const {
    std::vector<std::pair<std::string, std::string>> result;
    const auto object = (*this)[key];
    if (object.value_ != nullptr && object.value_->is_object()) {
        for (const auto& entry : object.value_->get_object()) {
            const std::string name(entry.key().data(), entry.key().size());
            result.emplace_back(name, object.text(name));
        }
    }
    return result;
}

JsonText::JsonText(const std::string& text) {
    boost::system::error_code failure;
    auto value = json::parse(text, failure);
    if (!failure) {
        value_ = std::make_unique<json::value>(std::move(value));
    }
}

JsonText::~JsonText() = default;

JsonView JsonText::root() const {
    return JsonView(value_.get());
}

std::string json_object(const std::vector<std::pair<std::string, std::string>>& texts,
                        const std::vector<std::pair<std::string, bool>>& flags) {
    json::object object;
    for (const auto& [key, text] : texts) {
        object[key] = text;
    }
    for (const auto& [key, flag] : flags) {
        object[key] = flag;
    }
    return json::serialize(object);
}

}  // namespace muster::cli

#include "component/parameters.h"

#include <utility>

namespace muster::component {

plan::Node text_node(std::string text) {
    plan::Node node;
    node.kind = plan::Node::Kind::kScalar;
    node.scalar = std::move(text);
    node.is_quoted = true;
    return node;
}

Parameters& Parameters::node(std::string_view key, plan::Node value) {
    if (value.kind != plan::Node::Kind::kNull) {
        node_.entries.push_back({std::string(key), {}, std::move(value)});
    }
    return *this;
}

Parameters& Parameters::text(std::string_view key, std::string value) {
    return value.empty() ? *this : node(key, text_node(std::move(value)));
}

Parameters& Parameters::number(std::string_view key, long value) {
    plan::Node scalar = text_node(std::to_string(value));
    scalar.is_quoted = false;
    return node(key, std::move(scalar));
}

Parameters& Parameters::flag(std::string_view key, bool value) {
    plan::Node scalar = text_node(value ? "true" : "false");
    scalar.is_quoted = false;
    return node(key, std::move(scalar));
}

Parameters& Parameters::texts(std::string_view key, const std::vector<std::string>& values) {
    if (values.empty()) {
        return *this;
    }
    plan::Node list;
    list.kind = plan::Node::Kind::kList;
    for (const auto& value : values) {
        list.items.push_back(text_node(value));
    }
    return node(key, std::move(list));
}

Parameters& Parameters::fields(std::string_view key, const Fields& values) {
    if (values.empty()) {
        return *this;
    }
    Parameters map;
    for (const auto& [name, value] : values) {
        map.text(name, value);
    }
    return node(key, std::move(map).build());
}

plan::Node Parameters::build() && {
    return std::move(node_);
}

Fields fields_of(const plan::Node* map) {
    Fields fields;
    if (map == nullptr) {
        return fields;
    }
    for (const auto& entry : map->entries) {
        if (entry.value.is_scalar()) {
            fields[entry.key] = entry.value.scalar;
        }
    }
    return fields;
}

plan::Node part(const plan::Node& map, std::string_view key) {
    const plan::Node* found = map.find(key);
    return found == nullptr ? plan::Node{} : *found;
}

}  // namespace muster::component

#include <algorithm>
#include <array>
#include <utility>

#include "backup/format/base64.h"
#include "backup/format/go_json.h"
#include "backup/format/json_reader.h"
#include "backup/format/tree.h"

namespace muster::backup {

namespace {

using Read = Result<> (*)(dom::element value, Node& node);

template <auto Member>
Result<> read_text(dom::element value, Node& node) {
    TRY(const auto text, json_text(value, "a field of a node"));
    node.*Member = text;
    return {};
}

template <auto Member>
Result<> read_number(dom::element value, Node& node) {
    TRY(node.*Member, json_number(value, "a field of a node"));
    return {};
}

template <auto Member>
Result<> read_number32(dom::element value, Node& node) {
    TRY(node.*Member, json_number32(value, "a field of a node"));
    return {};
}

template <auto Member>
Result<> read_time(dom::element value, Node& node) {
    TRY(const auto text, json_text(value, "a time of a node"));
    TRY(const auto time, parse_time(text));
    node.*Member = {time.seconds, time.nanoseconds};
    return {};
}

Result<> read_name(dom::element value, Node& node) {
    TRY(const auto text, json_text(value, "a node's name"));
    TRY(node.name, unquote_name(text));
    const bool is_bad = node.name.empty() || node.name == "." || node.name == ".." ||
                        node.name.find('/') != std::string::npos ||
                        node.name.find('\0') != std::string::npos;
    return is_bad ? Result<>(Error(Errc::kCorrupt, "a node has a name that no directory can have"))
                  : Result<>{};
}

Result<> read_type(dom::element value, Node& node) {
    TRY(const auto text, json_text(value, "a node's type"));
    for (int type = 0; type <= static_cast<int>(NodeType::kIrregular); ++type) {
        if (to_string(static_cast<NodeType>(type)) == text) {
            node.type = static_cast<NodeType>(type);
            return {};
        }
    }
    return Error(Errc::kCorrupt, "a node has the unknown type " + std::string(text));
}

Result<> read_content(dom::element value, Node& node) {
    if (value.is_null()) {
        return {};
    }
    TRY(const auto array, json_array(value, "a node's content"));
    node.content.reserve(array.size());
    for (const auto element : array) {
        TRY(const auto id, json_id(element, "a node's content"));
        node.content.push_back(id);
    }
    return {};
}

Result<> read_subtree(dom::element value, Node& node) {
    if (!value.is_null()) {
        TRY(node.subtree, json_id(value, "a node's subtree"));
    }
    return {};
}

Result<> read_raw_target(dom::element value, Node& node) {
    TRY(const auto text, json_text(value, "a node's target"));
    TRY(node.link_target, decode_base64(text));
    return {};
}

Result<> read_target(dom::element value, Node& node) {
    return node.link_target.empty() ? read_text<&Node::link_target>(value, node) : Result<>{};
}

Result<> read_attributes(dom::element value, Node& node) {
    if (value.is_null()) {
        return {};
    }
    TRY(const auto array, json_array(value, "a node's attributes"));
    for (const auto element : array) {
        TRY(const auto object, json_object(element, "a node's attribute"));
        ExtendedAttribute attribute;
        for (const auto field : object) {
            if (field.value.is_null()) {
                continue;
            }
            TRY(const auto text, json_text(field.value, "a node's attribute"));
            if (field.key == "name") {
                attribute.name = text;
            } else if (field.key == "value") {
                TRY(attribute.value, decode_base64(text));
            }
        }
        node.attributes.push_back(std::move(attribute));
    }
    return {};
}

struct Field {
    std::string_view key;
    Read read;
};

// In the order in which they are written, so that looking for the next one finds it at once.
constexpr std::array<Field, 22> kFields{{{"name", read_name},
                                         {"type", read_type},
                                         {"mode", read_number32<&Node::mode>},
                                         {"mtime", read_time<&Node::mtime>},
                                         {"atime", read_time<&Node::atime>},
                                         {"ctime", read_time<&Node::ctime>},
                                         {"uid", read_number32<&Node::uid>},
                                         {"gid", read_number32<&Node::gid>},
                                         {"user", read_text<&Node::user>},
                                         {"group", read_text<&Node::group>},
                                         {"inode", read_number<&Node::inode>},
                                         {"device_id", read_number<&Node::device_id>},
                                         {"size", read_number<&Node::size>},
                                         {"links", read_number<&Node::links>},
                                         {"linktarget_raw", read_raw_target},
                                         {"linktarget", read_target},
                                         {"extended_attributes", read_attributes},
                                         {"device", read_number<&Node::device>},
                                         {"content", read_content},
                                         {"subtree", read_subtree},
                                         {"error", read_text<&Node::error>},
                                         {"generic_attributes", nullptr}}};

Result<> read_field(std::string_view key, dom::element value, Node& node, std::size_t& next) {
    for (std::size_t i = 0; i < kFields.size(); ++i) {
        const auto& field = kFields[(next + i) % kFields.size()];
        if (field.key == key) {
            next = (next + i + 1) % kFields.size();
            return field.read != nullptr ? field.read(value, node) : Result<>{};
        }
    }
    return {};
}

Result<Node> read_node(dom::element element) {
    TRY(const auto object, json_object(element, "a node"));
    Node node;
    std::size_t next = 0;
    for (const auto field : object) {
        TRY_OK(read_field(field.key, field.value, node, next));
    }
    if (node.name.empty()) {
        return Error(Errc::kCorrupt, "a node has no name");
    }
    if (node.is_directory() != node.subtree.has_value()) {
        return Error(Errc::kCorrupt, "the node " + node.name + " has a type that its parts deny");
    }
    return node;
}

Result<> check_names(std::vector<Node>& nodes) {
    const auto is_before = [](const Node& a, const Node& b) { return a.name < b.name; };
    if (!std::ranges::is_sorted(nodes, is_before)) {
        std::ranges::sort(nodes, is_before);
    }
    const auto twice = std::ranges::adjacent_find(
        nodes, [](const Node& a, const Node& b) { return a.name == b.name; });
    return twice == nodes.end()
               ? Result<>{}
               : Result<>(Error(Errc::kCorrupt, "the name " + twice->name + " stands there twice"));
}

}  // namespace

Result<std::vector<Node>> decode_tree(const Buffer& json) {
    TRY(const auto root, parse_json(json, "the tree"));
    TRY(const auto object, json_object(root, "the tree"));
    std::vector<Node> nodes;
    dom::element list;
    if (object["nodes"].get(list) != simdjson::SUCCESS) {
        return Error(Errc::kCorrupt, "the tree has no list of nodes");
    }
    if (list.is_null()) {
        return nodes;
    }
    TRY(const auto array, json_array(list, "the tree's list of nodes"));
    nodes.reserve(array.size());
    for (const auto element : array) {
        TRY(auto node, read_node(element));
        nodes.push_back(std::move(node));
    }
    TRY_OK(check_names(nodes));
    return nodes;
}

}  // namespace muster::backup

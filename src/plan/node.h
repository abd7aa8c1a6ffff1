#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace muster::plan {

/// Where something stands in a plan file; lines and columns count from 1, 0 means unknown.
struct Mark {
    int line = 0;
    int column = 0;
};

/// A plan file as a tree, with the place of every part. What YAML's own library lets pass
/// (duplicate keys, aliases, tags) is settled by the adapter that makes the tree.
struct Node {
    enum class Kind { kNull, kScalar, kList, kMap };
    struct Entry;

    Kind kind = Kind::kNull;
    std::string scalar;          ///< Text of a scalar, unquoted.
    bool is_quoted = false;      ///< A quoted scalar is text even when it looks like a number.
    std::vector<Node> items;     ///< A list's.
    std::vector<Entry> entries;  ///< A map's, in file order, keys unique.
    Mark mark;

    /// The value under `key` of a map; nullptr when there is none (or this is no map).
    [[nodiscard]] const Node* find(std::string_view key) const;
    [[nodiscard]] bool is_map() const { return kind == Kind::kMap; }
    [[nodiscard]] bool is_list() const { return kind == Kind::kList; }
    [[nodiscard]] bool is_scalar() const { return kind == Kind::kScalar; }

    // Readers for a tree that the schema has accepted: missing or odd parts give the fallback.
    [[nodiscard]] std::string text(std::string_view key, std::string_view fallback = {}) const;
    [[nodiscard]] std::vector<std::string> texts(std::string_view key) const;  ///< List or scalar.
    [[nodiscard]] long integer(std::string_view key, long fallback) const;
    [[nodiscard]] bool flag(std::string_view key, bool fallback) const;
};

struct Node::Entry {
    std::string key;
    Mark key_mark;
    Node value;
};

}  // namespace muster::plan

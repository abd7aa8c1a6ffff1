#include "plan/check.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <regex>
#include <set>
#include <utility>

#include "base/time.h"
#include "plan/nearest.h"
#include "plan/scalar.h"

namespace muster::plan {
namespace {

using Kind = Type::Kind;

std::string range(const Type& type) {
    if (type.min && type.max) {
        return " from " + std::to_string(*type.min) + " to " + std::to_string(*type.max);
    }
    if (type.min) {
        return " of at least " + std::to_string(*type.min);
    }
    return type.max ? " of at most " + std::to_string(*type.max) : "";
}

/// What the type wants, after "must be".
std::string wanted(const Type& type) {
    switch (type.kind) {
        case Kind::kText:
            return type.choices.empty() ? "a text" : "one of " + join(type.choices, ", ");
        case Kind::kInteger:
            return "a whole number" + range(type);
        case Kind::kNumber:
            return "a number" + range(type);
        case Kind::kBoolean:
            return "true or false";
        case Kind::kDuration:
            return "a duration";
        case Kind::kSize:
            return "a size";
        case Kind::kObject:
        case Kind::kMap:
        case Kind::kTagged:
            return "a map";
        case Kind::kList:
            return "a list";
        case Kind::kOneOrList:
            return "one value or a list of them";
        case Kind::kAny:
            return "a value";
    }
    return "a value";
}

std::string found(const Node& node, const Type& type) {
    if (type.is_secret) {
        return "what stands there";
    }
    switch (node.kind) {
        case Node::Kind::kNull:
            return "nothing";
        case Node::Kind::kScalar:
            return quote(node.scalar);
        case Node::Kind::kList:
            return "a list";
        case Node::Kind::kMap:
            return "a map";
    }
    return "nothing";
}

std::string hint_for(const Type& type) {
    switch (type.kind) {
        case Kind::kDuration:
            return "write numbers with units, large before small, such as 250ms, 30s, 1m30s or 7d";
        case Kind::kSize:
            return "write a whole number and a unit, such as 512B, 64KiB, 16MB or 2GiB";
        case Kind::kList:
            return "write [first, second], or one \"- item\" per line";
        case Kind::kMap:
        case Kind::kObject:
        case Kind::kTagged:
            return "write {} for an empty map, or \"key: value\" lines indented below it";
        default:
            return type.doc;
    }
}

class Checker {
  public:
    explicit Checker(Findings& findings) : findings_(findings) {}

    void check(const Node& node, const Type& type, const std::string& path);
    [[nodiscard]] bool is_within_limits() const { return is_within_limits_; }

  private:
    void check_scalar(const Node& node, const Type& type, const std::string& path);
    void check_text(const Node& node, const Type& type, const std::string& path);
    void check_list(const Node& node, const Type& type, const std::string& path);
    void check_map(const Node& node, const Type& type, const std::string& path);
    void check_object(const Node& node, const Type& type, const std::string& path);
    void check_choice(const Node& node, const Type& type, const std::string& path);
    void unknown_key(const Node::Entry& entry, const Type& type, const std::string& path,
                     const std::vector<std::string>& known);
    void wrong(const Node& node, const Type& type, const std::string& path);
    bool is_count_in_bounds(const Node& node, const Type& type, const std::string& path,
                            std::size_t count);
    bool matches(const std::string& text, const std::string& pattern);

    Findings& findings_;
    std::map<std::string, std::regex> patterns_;
    bool is_within_limits_ = true;
};

std::string below(const std::string& path, std::string_view key) {
    return path.empty() ? std::string(key) : path + "." + std::string(key);
}

std::string name_of(const std::string& path) {
    return path.empty() ? "the plan" : path;
}

void Checker::wrong(const Node& node, const Type& type, const std::string& path) {
    findings_.error(node.mark,
                    name_of(path) + " must be " + wanted(type) + ", not " + found(node, type),
                    hint_for(type));
}

bool Checker::matches(const std::string& text, const std::string& pattern) {
    // A length limit first: the library's regex recurses once per character.
    if (count_characters(text) > kMaxPatternText) {
        return false;
    }
    auto known = patterns_.find(pattern);
    if (known == patterns_.end()) {
        known = patterns_.emplace(pattern, std::regex(pattern)).first;
    }
    return std::regex_match(text, known->second);
}

void Checker::check(const Node& node, const Type& type, const std::string& path) {
    switch (type.kind) {
        case Kind::kAny:
            return;
        case Kind::kObject:
        case Kind::kTagged:
            return node.is_map() ? check_object(node, type, path) : wrong(node, type, path);
        case Kind::kMap:
            return node.is_map() ? check_map(node, type, path) : wrong(node, type, path);
        case Kind::kList:
            return node.is_list() ? check_list(node, type, path) : wrong(node, type, path);
        case Kind::kOneOrList:
            return node.is_list() ? check_list(node, type, path) : check(node, *type.item, path);
        default:
            return node.is_scalar() ? check_scalar(node, type, path) : wrong(node, type, path);
    }
}

void Checker::check_scalar(const Node& node, const Type& type, const std::string& path) {
    const auto kind = scalar_kind(node);
    if (type.takes_references && kind == ScalarKind::kText &&
        node.scalar.find("${") != std::string::npos) {
        return;
    }
    bool is_good = true;
    if (type.kind == Kind::kText) {
        return check_text(node, type, path);
    }
    if (type.kind == Kind::kBoolean) {
        is_good = kind == ScalarKind::kBoolean;
    } else if (type.kind == Kind::kDuration) {
        is_good = kind == ScalarKind::kText && is_duration(node.scalar);
    } else if (type.kind == Kind::kSize) {
        is_good = kind == ScalarKind::kText && matches(node.scalar, std::string(kSizePattern));
    } else {
        const auto number = kind == ScalarKind::kNumber ? to_number(node.scalar) : std::nullopt;
        is_good = number && (type.kind == Kind::kNumber || std::floor(*number) == *number) &&
                  (!type.min || *number >= static_cast<double>(*type.min)) &&
                  (!type.max || *number <= static_cast<double>(*type.max));
    }
    if (!is_good) {
        wrong(node, type, path);
    }
}

void Checker::check_text(const Node& node, const Type& type, const std::string& path) {
    if (type.choices.empty() && type.pattern.empty()) {
        return;
    }
    const bool is_choice = std::ranges::find(type.choices, node.scalar) != type.choices.end();
    if (!is_choice && scalar_kind(node) != ScalarKind::kText) {
        findings_.error(node.mark,
                        name_of(path) + " must be " + wanted(type) + ", not " + found(node, type),
                        type.choices.empty() ? "put it in quotes if it is meant as a text" : "");
        return;
    }
    if (!type.choices.empty() && !is_choice) {
        findings_.error(node.mark,
                        name_of(path) + " must be " + wanted(type) + ", not " + found(node, type),
                        suggest(node.scalar, type.choices));
        return;
    }
    if (!type.pattern.empty() && !matches(node.scalar, type.pattern)) {
        findings_.error(node.mark, name_of(path) + " can't be " + found(node, type), type.doc);
    }
}

bool Checker::is_count_in_bounds(const Node& node, const Type& type, const std::string& path,
                                 std::size_t count) {
    const auto most = static_cast<std::size_t>(type.max.value_or(kMaxEntries));
    const auto least = static_cast<std::size_t>(type.min.value_or(0));
    if (count > most) {
        findings_.error(node.mark, name_of(path) + " has " + std::to_string(count) +
                                       " entries; at most " + std::to_string(most) + " are read");
    } else if (count < least) {
        findings_.error(node.mark,
                        name_of(path) + " needs at least " + std::to_string(least) +
                            (least == 1 ? " entry" : " entries") + ", found " +
                            std::to_string(count),
                        type.doc);
    }
    is_within_limits_ = is_within_limits_ && count <= most;
    return count <= most;
}

void Checker::check_list(const Node& node, const Type& type, const std::string& path) {
    if (!is_count_in_bounds(node, type, path, node.items.size())) {
        return;
    }
    for (std::size_t i = 0; i < node.items.size(); ++i) {
        check(node.items[i], *type.item, path + "[" + std::to_string(i + 1) + "]");
    }
}

void Checker::check_map(const Node& node, const Type& type, const std::string& path) {
    if (!is_count_in_bounds(node, type, path, node.entries.size())) {
        return;
    }
    for (const auto& entry : node.entries) {
        if (type.pattern.empty() ? !is_name(entry.key) : !matches(entry.key, type.pattern)) {
            findings_.error(entry.key_mark,
                            quote(entry.key) + " can't be a name in " + name_of(path),
                            "a name is a letter, then letters, digits, '-', '_' or '.', "
                            "63 characters at most");
        }
        check(entry.value, *type.item, below(path, entry.key));
    }
}

/// The variant that `node` picks; nullptr when it picks none.
const Type* variant_for(const Node& node, const Type& type) {
    const auto find = [&type](const std::string& name) {
        const auto known = type.variants.find(name);
        return known == type.variants.end() ? nullptr : &known->second;
    };
    if (type.kind == Kind::kTagged) {
        const Node* const tag = node.find(type.tag);
        const bool is_text =
            tag != nullptr && tag->is_scalar() && scalar_kind(*tag) == ScalarKind::kText;
        return is_text ? find(tag->scalar) : nullptr;
    }
    const Type* chosen = nullptr;
    for (const auto& name : type.exactly_one_of) {
        if (node.find(name) != nullptr && std::exchange(chosen, find(name)) != nullptr) {
            return nullptr;  // two of them
        }
    }
    return chosen;
}

/// Reports a tag that is missing or unknown, or a breach of `exactly_one_of`.
void Checker::check_choice(const Node& node, const Type& type, const std::string& path) {
    if (type.kind == Kind::kTagged) {
        const Node* const tag = node.find(type.tag);
        std::vector<std::string> names;
        names.reserve(type.variants.size());
        for (const auto& [name, variant] : type.variants) {
            names.push_back(name);
        }
        if (tag == nullptr) {
            findings_.error(node.mark, name_of(path) + " has no key \"" + type.tag + "\"",
                            "one of: " + join(names, ", "));
        } else if (variant_for(node, type) == nullptr) {
            findings_.error(tag->mark,
                            below(path, type.tag) + " is not known: " + found(*tag, type),
                            suggest(tag->scalar, names));
        }
        return;
    }
    const auto count = std::ranges::count_if(
        type.exactly_one_of, [&node](const auto& name) { return node.find(name) != nullptr; });
    if (!type.exactly_one_of.empty() && count != 1) {
        findings_.error(node.mark,
                        name_of(path) + (count == 0 ? " has none" : " has more than one") +
                            " of the keys " + join(type.exactly_one_of, ", "),
                        "give exactly one of them");
    }
}

void Checker::unknown_key(const Node::Entry& entry, const Type& type, const std::string& path,
                          const std::vector<std::string>& known) {
    if (const auto refused = type.refused.find(entry.key); refused != type.refused.end()) {
        findings_.error(entry.key_mark, "\"" + entry.key + "\" is not supported yet",
                        refused->second);
        return;
    }
    findings_.error(entry.key_mark, "unknown key " + quote(entry.key) + " in " + name_of(path),
                    suggest(entry.key, known));
}

void Checker::check_object(const Node& node, const Type& type, const std::string& path) {
    const auto fields = fields_for(node, type);
    std::vector<std::string> known;
    std::set<std::string_view> taken;
    for (const auto* field : fields) {
        known.push_back(field->name);
        taken.insert(field->name);
    }
    if (type.kind == Kind::kTagged) {
        known.push_back(type.tag);
        taken.insert(type.tag);
    }
    check_choice(node, type, path);
    if (variant_for(node, type) == nullptr) {
        // Which further keys are right can't be told, so those of any variant pass without a word.
        for (const auto& [name, variant] : type.variants) {
            for (const auto& field : variant.fields) {
                taken.insert(field.name);
            }
        }
    }
    for (const auto& entry : node.entries) {
        if (!taken.contains(entry.key)) {
            unknown_key(entry, type, path, known);
        }
    }
    for (const auto* field : fields) {
        if (const Node* const value = node.find(field->name); value != nullptr) {
            check(*value, field->type, below(path, field->name));
        } else if (field->is_required) {
            findings_.error(node.mark, name_of(path) + " has no key \"" + field->name + "\"",
                            field->type.doc);
        }
    }
}

}  // namespace

std::vector<const Field*> fields_for(const Node& node, const Type& type) {
    std::vector<const Field*> out;
    out.reserve(type.fields.size());
    for (const auto& field : type.fields) {
        out.push_back(&field);
    }
    if (const Type* const variant = variant_for(node, type); variant != nullptr) {
        for (const auto& field : variant->fields) {
            out.push_back(&field);
        }
    }
    return out;
}

bool check_structure(const Node& node, const Type& type, Findings& findings) {
    Checker checker(findings);
    checker.check(node, type, "");
    return checker.is_within_limits();
}

}  // namespace muster::plan

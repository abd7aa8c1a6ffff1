#include <algorithm>
#include <boost/json.hpp>
#include <string>

#include "plan/schema.h"

namespace muster::plan {
namespace {

namespace json = boost::json;
using Kind = Type::Kind;

std::string anchored(std::string_view pattern) {
    return "^(?:" + std::string(pattern) + ")$";
}

/// Turns types into JSON Schema; named types are written once, under `$defs`.
class Writer {
  public:
    json::object document(const Type& type);

  private:
    json::object write(const Type& type);
    json::object body(const Type& type);
    json::object scalar(const Type& type);
    json::object text(const Type& type);
    json::object list(const Type& type);
    json::object map(const Type& type);
    json::object object(const Type& type);
    json::object variant(const Type& type, const std::string& name, const Type& chosen);
    void add_field(const Field& field, json::object& properties, json::array& required);

    json::object definitions_;
};

json::object Writer::document(const Type& type) {
    json::object out;
    out["$schema"] = "https://json-schema.org/draft/2020-12/schema";
    out["title"] = "muster plan";
    for (auto& [key, value] : write(type)) {
        out[key] = std::move(value);
    }
    if (!definitions_.empty()) {
        out["$defs"] = std::move(definitions_);
    }
    return out;
}

json::object Writer::write(const Type& type) {
    if (!type.name.empty()) {
        if (!definitions_.contains(type.name)) {
            definitions_[type.name] = nullptr;  // keeps its place while its parts are written
            definitions_[type.name] = body(type);
        }
        return {{"$ref", "#/$defs/" + type.name}};
    }
    return body(type);
}

json::object Writer::body(const Type& type) {
    json::object out;
    switch (type.kind) {
        case Kind::kAny:
            break;
        case Kind::kObject:
        case Kind::kTagged:
            out = object(type);
            break;
        case Kind::kMap:
            out = map(type);
            break;
        case Kind::kList:
            out = list(type);
            break;
        case Kind::kOneOrList:
            out["anyOf"] = json::array{list(type), write(*type.item)};
            break;
        default:
            out = scalar(type);
            if (type.takes_references) {
                json::array any{std::move(out),
                                json::object{{"type", "string"}, {"pattern", "\\$\\{"}}};
                out = json::object{{"anyOf", std::move(any)}};
            }
    }
    if (!type.doc.empty()) {
        out["description"] = type.doc;
    }
    return out;
}

json::object Writer::scalar(const Type& type) {
    switch (type.kind) {
        case Kind::kBoolean:
            return {{"type", "boolean"}};
        case Kind::kDuration:
            return {{"type", "string"}, {"pattern", anchored(kDurationPattern)}};
        case Kind::kSize:
            return {{"type", "string"},
                    {"pattern", anchored(kSizePattern)},
                    {"maxLength", kMaxPatternText}};
        case Kind::kInteger:
        case Kind::kNumber: {
            json::object out{{"type", type.kind == Kind::kInteger ? "integer" : "number"}};
            if (type.min) {
                out["minimum"] = *type.min;
            }
            if (type.max) {
                out["maximum"] = *type.max;
            }
            return out;
        }
        default:
            return text(type);
    }
}

json::object Writer::text(const Type& type) {
    if (type.choices.empty() && type.pattern.empty()) {
        return {{"type", json::array{"string", "number", "boolean"}}};
    }
    json::object out{{"type", "string"}};
    if (!type.choices.empty()) {
        json::array choices(type.choices.begin(), type.choices.end());
        // What YAML reads as true or false is such a choice as well.
        for (const bool value : {true, false}) {
            if (std::ranges::find(type.choices, value ? "true" : "false") != type.choices.end()) {
                out["type"] = json::array{"string", "boolean"};
                choices.emplace_back(value);
            }
        }
        out["enum"] = std::move(choices);
    }
    if (!type.pattern.empty()) {
        out["pattern"] = anchored(type.pattern);
        out["maxLength"] = kMaxPatternText;
    }
    return out;
}

json::object Writer::list(const Type& type) {
    json::object out{{"type", "array"}, {"items", write(*type.item)}};
    if (type.min) {
        out["minItems"] = *type.min;
    }
    out["maxItems"] = type.max.value_or(kMaxEntries);
    return out;
}

json::object Writer::map(const Type& type) {
    const std::string pattern = type.pattern.empty() ? std::string(kNamePattern) : type.pattern;
    json::object names{{"pattern", anchored(pattern)}, {"maxLength", kMaxPatternText}};
    json::object out{{"type", "object"},
                     {"propertyNames", std::move(names)},
                     {"additionalProperties", write(*type.item)}};
    if (type.min) {
        out["minProperties"] = *type.min;
    }
    out["maxProperties"] = type.max.value_or(kMaxEntries);
    return out;
}

void Writer::add_field(const Field& field, json::object& properties, json::array& required) {
    json::object value = write(field.type);
    if (!field.type.name.empty() && !field.type.doc.empty()) {
        value["description"] = field.type.doc;
    }
    if (!field.fallback.empty()) {
        value["default"] = field.fallback;
    }
    properties[field.name] = std::move(value);
    if (field.is_required) {
        required.emplace_back(field.name);
    }
}

/// An object with the common fields and, where one is chosen, a variant's; nothing else.
json::object Writer::variant(const Type& type, const std::string& name, const Type& chosen) {
    json::object properties;
    json::array required;
    if (type.kind == Kind::kTagged) {
        properties[type.tag] = json::object{{"const", name}};
        required.emplace_back(type.tag);
    }
    for (const auto& field : type.fields) {
        add_field(field, properties, required);
    }
    for (const auto& field : chosen.fields) {
        add_field(field, properties, required);
    }
    json::object out{{"type", "object"}, {"properties", std::move(properties)}};
    if (!required.empty()) {
        out["required"] = std::move(required);
    }
    out["additionalProperties"] = false;
    return out;
}

json::object Writer::object(const Type& type) {
    json::object out{{"type", "object"}};
    json::array rules;
    if (type.kind == Kind::kTagged) {
        json::array names;
        for (const auto& [name, chosen] : type.variants) {
            names.emplace_back(name);
            const json::object is_it{
                {"properties", json::object{{type.tag, json::object{{"const", name}}}}},
                {"required", json::array{type.tag}}};
            rules.push_back(json::object{{"if", is_it}, {"then", variant(type, name, chosen)}});
        }
        out["properties"] = json::object{{type.tag, json::object{{"enum", std::move(names)}}}};
        out["required"] = json::array{type.tag};
        out["allOf"] = std::move(rules);
        return out;
    }
    if (type.exactly_one_of.empty()) {
        return variant(type, "", Type{});
    }
    json::array choices;
    for (const auto& name : type.exactly_one_of) {
        choices.push_back(json::object{{"required", json::array{name}}});
        if (const auto chosen = type.variants.find(name); chosen != type.variants.end()) {
            rules.push_back(json::object{{"if", json::object{{"required", json::array{name}}}},
                                         {"then", variant(type, name, chosen->second)}});
        }
    }
    if (type.variants.empty()) {
        out = variant(type, "", Type{});
    } else {
        out["allOf"] = std::move(rules);
    }
    out["oneOf"] = std::move(choices);
    return out;
}

void print(const json::value& value, const std::string& indent, std::string& out) {
    const std::string deeper = indent + "  ";
    if (const auto* object = value.if_object(); object != nullptr && !object->empty()) {
        out += "{";
        std::string separator = "\n";
        for (const auto& [key, member] : *object) {
            out += separator + deeper + json::serialize(json::string(key)) + ": ";
            print(member, deeper, out);
            separator = ",\n";
        }
        out += "\n" + indent + "}";
        return;
    }
    const auto* array = value.if_array();
    if (array == nullptr || array->empty() || !(array->front().is_object())) {
        out += json::serialize(value);
        return;
    }
    out += "[";
    std::string separator = "\n";
    for (const auto& member : *array) {
        out += separator + deeper;
        print(member, deeper, out);
        separator = ",\n";
    }
    out += "\n" + indent + "]";
}

}  // namespace

std::string to_json_schema(const Type& type) {
    std::string out;
    print(Writer().document(type), "", out);
    return out + "\n";
}

}  // namespace muster::plan

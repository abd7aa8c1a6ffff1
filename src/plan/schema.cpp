#include "plan/schema.h"

#include <utility>

namespace muster::plan {
namespace {

Type make(Type::Kind kind, std::string doc) {
    Type type;
    type.kind = kind;
    type.doc = std::move(doc);
    return type;
}

Type make_of(Type::Kind kind, Type item, std::string doc) {
    Type type = make(kind, std::move(doc));
    // Shared because Type is copied freely and a parent may not hold itself by value.
    type.item = std::make_shared<const Type>(std::move(item));
    return type;
}

}  // namespace

Type Type::text(std::string doc) {
    return make(Kind::kText, std::move(doc));
}

Type Type::one_of(std::vector<std::string> choices, std::string doc) {
    Type type = make(Kind::kText, std::move(doc));
    type.choices = std::move(choices);
    return type;
}

Type Type::integer(long min, long max, std::string doc) {
    Type type = make(Kind::kInteger, std::move(doc));
    type.min = min;
    type.max = max;
    return type;
}

Type Type::number(std::string doc) {
    return make(Kind::kNumber, std::move(doc));
}

Type Type::boolean(std::string doc) {
    return make(Kind::kBoolean, std::move(doc));
}

Type Type::duration(std::string doc) {
    return make(Kind::kDuration, std::move(doc));
}

Type Type::size(std::string doc) {
    return make(Kind::kSize, std::move(doc));
}

Type Type::list(Type item, std::string doc) {
    return make_of(Kind::kList, std::move(item), std::move(doc));
}

Type Type::one_or_list(Type item, std::string doc) {
    return make_of(Kind::kOneOrList, std::move(item), std::move(doc));
}

Type Type::map(Type item, std::string doc) {
    return make_of(Kind::kMap, std::move(item), std::move(doc));
}

Type Type::object(std::vector<Field> fields, std::string doc) {
    Type type = make(Kind::kObject, std::move(doc));
    type.fields = std::move(fields);
    return type;
}

Type Type::any(std::string doc) {
    return make(Kind::kAny, std::move(doc));
}

}  // namespace muster::plan

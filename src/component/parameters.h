#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/fields.h"
#include "plan/node.h"

namespace muster::component {

/// Builds the parameters of a step as a plan tree. Empty values are left out, so that a step shows
/// only what was declared.
class Parameters {
  public:
    Parameters& text(std::string_view key, std::string value);
    Parameters& number(std::string_view key, long value);
    Parameters& flag(std::string_view key, bool value);
    Parameters& texts(std::string_view key, const std::vector<std::string>& values);
    Parameters& fields(std::string_view key, const Fields& values);
    Parameters& node(std::string_view key, plan::Node value);
    [[nodiscard]] plan::Node build() &&;

  private:
    plan::Node node_ = [] {
        plan::Node map;
        map.kind = plan::Node::Kind::kMap;
        return map;
    }();
};

/// A scalar that stays text, whatever it looks like.
plan::Node text_node(std::string text);
/// A map of scalars as fields; everything else in it is left out.
Fields fields_of(const plan::Node* map);
/// The map (or anything else) under `key`; an empty node when there is none.
plan::Node part(const plan::Node& map, std::string_view key);

}  // namespace muster::component

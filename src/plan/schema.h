#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "plan/node.h"

namespace muster::plan {

struct Field;

/// The one description of what a plan may contain: the loader checks by it, `muster schema` prints
/// it as JSON Schema, and the reference page is made from it.
struct Type {
    enum class Kind {
        kText,       ///< Any scalar; `pattern` and `choices` narrow it.
        kInteger,    ///< Whole number within [min, max].
        kNumber,     ///< Decimal number.
        kBoolean,    ///< true or false.
        kDuration,   ///< As `parse_duration`.
        kSize,       ///< As `parse_size`.
        kObject,     ///< Fixed keys: `fields`.
        kMap,        ///< Free names (matching kNamePattern) to `item`.
        kList,       ///< Of `item`, at least `min` entries.
        kOneOrList,  ///< An `item`, or a list of them.
        kTagged,     ///< An object whose `tag` key (e.g. "kind") picks one of `variants`.
        kAny,        ///< Anything (parameters that an action interprets).
    };

    Kind kind = Kind::kText;
    std::string doc;                   ///< One line for people: what it is, in which unit.
    std::string pattern;               ///< ECMAScript, matched against the whole text.
    std::vector<std::string> choices;  ///< Allowed texts; empty: all.
    std::optional<long> min;
    std::optional<long> max;
    std::vector<Field> fields;             ///< kObject; also the common fields of kTagged.
    std::shared_ptr<const Type> item;      ///< kMap, kList, kOneOrList.
    std::string tag;                       ///< kTagged.
    std::map<std::string, Type> variants;  ///< kTagged: objects.
    /// kObject: exactly one of these keys must be there (e.g. the probe's type). Empty: no such
    /// rule.
    std::vector<std::string> exactly_one_of;
    // With `exactly_one_of`, `variants` holds by such a key the further keys that come with it.

    /// Its name under `$defs` of the JSON Schema; empty: written out where it stands.
    std::string name;
    /// kObject: keys that are known but refused, with what to tell the person.
    std::map<std::string, std::string> refused;
    bool names_sites = false;       ///< kMap: its names are sites of the plan.
    bool takes_references = false;  ///< A text holding `${…}` is accepted as well.
    bool is_secret = false;         ///< What stands there instead is never shown.

    static Type text(std::string doc);
    static Type one_of(std::vector<std::string> choices, std::string doc);
    static Type integer(long min, long max, std::string doc);
    static Type number(std::string doc);
    static Type boolean(std::string doc);
    static Type duration(std::string doc);
    static Type size(std::string doc);
    static Type list(Type item, std::string doc);
    static Type one_or_list(Type item, std::string doc);
    static Type map(Type item, std::string doc);
    static Type object(std::vector<Field> fields, std::string doc);
    static Type any(std::string doc);
};

struct Field {
    std::string name;
    Type type;
    bool is_required = false;
    std::string fallback;  ///< The default, for documentation; the reader applies it.
};

/// Sites, services and so on are named like this: a letter, then letters, digits, '-', '_' or '.'.
inline constexpr std::string_view kNamePattern = "[A-Za-z][A-Za-z0-9_.-]{0,62}";

/// The most entries that any one list or map of a plan may have.
inline constexpr int kMaxEntries = 1000;
/// The most characters of a text that has a pattern.
inline constexpr int kMaxPatternText = 256;
/// A duration in a plan: units once each, from large to small.
inline constexpr std::string_view kDurationPattern =
    "(?=.)(?:[0-9]{1,4}d)?(?:[0-9]{1,5}h)?(?:[0-9]{1,7}m)?(?:[0-9]{1,9}s)?(?:[0-9]{1,9}ms)?"
    "(?:[0-9]{1,9}us)?(?:[0-9]{1,9}ns)?";
/// A size in a plan: always with its unit.
inline constexpr std::string_view kSizePattern =
    "[0-9]{1,15}B|[0-9]{1,6}(?:kB|KB|MB|GB|TB|KiB|MiB|GiB|TiB)";

/// The types that registries add to the plan's language: probe types, component kinds, actions.
struct Vocabulary {
    std::map<std::string, Type>
        probes;  ///< Under `probe:`, by type: `http: URL` plus these settings.
    std::map<std::string, Type> kinds;  ///< Component kinds: the whole component's own keys.
    std::map<std::string, Type>
        site_settings;                    ///< Component kinds: the value under `sites: NAME:`.
    std::map<std::string, Type> actions;  ///< Step actions: their `with:` parameters.
    /// What actions put out, by name; one that is not listed may put out anything.
    std::map<std::string, std::vector<std::string>> outputs = {};
    /// Component kinds that know what to probe when the plan does not say.
    std::set<std::string> kinds_with_default_probe;
};

/// The whole plan file under that vocabulary.
Type plan_type(const Vocabulary& vocabulary);
/// JSON Schema (draft 2020-12) of a type, as text with two spaces of indentation.
std::string to_json_schema(const Type& type);

}  // namespace muster::plan

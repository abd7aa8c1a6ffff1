// The plan language, as one value: what the loader checks and what `muster schema` prints.

#include <algorithm>
#include <utility>

#include "plan/model.h"
#include "plan/protection_type.h"
#include "plan/schema.h"

namespace muster::plan {
namespace {

// Far above any plan that a person keeps in the head; they bound the work of one check.
constexpr long kMaxSites = 100;
constexpr long kMaxServices = 500;
constexpr long kMaxComponents = 100;  ///< Of one service.
constexpr long kMaxSteps = 500;       ///< Of one procedure.
constexpr long kMaxRepositories = 100;

Field required(std::string name, Type type) {
    return {std::move(name), std::move(type), true, {}};
}

Field optional(std::string name, Type type, std::string fallback = {}) {
    return {std::move(name), std::move(type), false, std::move(fallback)};
}

Type named(Type type, std::string name) {
    type.name = std::move(name);
    return type;
}

Type at_least_one(Type type) {
    type.min = 1;
    return type;
}

Type at_most(long count, Type type) {
    type.max = count;
    return type;
}

Type pattern(std::string expression, std::string doc) {
    Type type = Type::text(std::move(doc));
    type.pattern = std::move(expression);
    return type;
}

Type name_of(const std::string& what) {
    return pattern(std::string(kNamePattern), "the name of " + what);
}

Type address(std::string doc) {
    return pattern(R"((\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9_.-]+):[0-9]{1,5})", std::move(doc));
}

Type domain_name(std::string doc) {
    return pattern(R"(([A-Za-z0-9_*]([A-Za-z0-9_-]{0,62})\.)*[A-Za-z0-9_]([A-Za-z0-9_-]{0,62})\.?)",
                   std::move(doc));
}

Type site_type() {
    return named(
        Type::object(
            {
                optional("region",
                         Type::text("the failure domain that it lies in; sites of one "
                                    "region count as one"),
                         "its own name"),
                optional("role", Type::one_of({"arbiter"}, "arbiter: it votes, and runs nothing")),
                optional("reference",
                         Type::list(address("host:port of a target outside the plan"),
                                    "targets that tell this site whether it sees the world")),
            },
            "a place that can fail as a whole"),
        "site");
}

Type impact_type() {
    return Type::object(
        {
            optional("tier", Type::integer(1, 9, "1 is recovered first"), "3"),
            optional("loss_per_hour", pattern(R"([0-9]{1,12}(\.[0-9]{1,2})? [A-Z]{3})",
                                              "what an hour of outage costs, as \"12000 USD\"")),
        },
        "what an outage costs the business");
}

Type objectives_type() {
    return Type::object(
        {
            required("rpo", Type::duration("the most data that may be lost, in time")),
            required("rto", Type::duration("the longest outage, from loss to users back")),
        },
        "how much may be lost");
}

Type failover_type() {
    return Type::object(
        {
            optional("mode",
                     Type::one_of({"observe", "approve", "automatic"},
                                  "only report, ask a person, or act"),
                     "approve"),
            optional("preset",
                     Type::one_of({"fast", "balanced", "careful", "manual"},
                                  "how sure to be before a move"),
                     "balanced"),
            optional("cooldown", Type::duration("the pause after an automatic move"), "30m"),
            optional("max_per_day",
                     Type::integer(0, kMostMovesPerDay, "automatic moves in 24 hours"), "2"),
            optional("fence",
                     Type::one_of({"advisory", "lease", "actuated", "enforced"},
                                  "the worst proof that the old primary is stopped which "
                                  "automation accepts"),
                     "actuated"),
            optional("hold", Type::duration("how long the loss must last; overrides the preset")),
            optional("max_loss",
                     Type::duration("the most data an automatic move may lose; overrides the rpo")),
            optional("reprotect",
                     Type::one_of({"automatic", "manual"},
                                  "after a move, who makes the old primary a standby again"),
                     "automatic"),
            optional("freeze", Type::boolean("true: nothing moves by itself"), "false"),
        },
        "when and how the service moves by itself");
}

Type capacity_type() {
    return named(Type::object(
                     {
                         optional("normal", Type::integer(0, 10'000, "at the primary"), "1"),
                         optional("standby", Type::integer(0, 10'000, "at a standby"), "1"),
                         optional("failover",
                                  Type::integer(0, 10'000,
                                                "at the new site after a "
                                                "move"),
                                  "the larger of normal and standby"),
                     },
                     "wanted instances"),
                 "capacity");
}

Type probe_type(const Vocabulary& vocabulary) {
    Type type = Type::object(
        {
            optional("interval", Type::duration("between two checks"), "1s"),
            optional("timeout", Type::duration("of one check; at most the interval"),
                     "800ms, or four fifths of a shorter interval"),
            optional("rise", Type::integer(1, kMostInRow, "good checks in a row before up"), "2"),
            optional("fall", Type::integer(1, kMostInRow, "silent checks in a row before down"),
                     "4"),
            optional("fall_hard",
                     Type::integer(1, kMostInRow, "hard failures in a row before down"), "2"),
            optional("slow",
                     Type::integer(1, kMostSlow, "slow ones of the last 15 that lower the weight"),
                     "10"),
            optional("attempts", Type::integer(1, 10, "connections tried within one check"), "3"),
        },
        "a repeated health check: exactly one type, its settings, and the timing");
    for (const auto& [name, settings] : vocabulary.probes) {
        Type variant = settings;
        std::erase_if(variant.fields, [&type](const Field& field) {
            return std::ranges::any_of(type.fields,
                                       [&](const Field& own) { return own.name == field.name; });
        });
        const auto main = std::ranges::find(variant.fields, name, &Field::name);
        if (main == variant.fields.end()) {
            variant.fields.insert(variant.fields.begin(), required(name, Type::any("")));
        } else {
            main->is_required = true;
        }
        type.exactly_one_of.push_back(name);
        type.variants.emplace(name, std::move(variant));
    }
    return named(std::move(type), "probe");
}

bool has_required(const Type& type) {
    return std::ranges::any_of(type.fields, [](const Field& field) { return field.is_required; });
}

Type component_type(const Vocabulary& vocabulary) {
    Type type;
    type.kind = Type::Kind::kTagged;
    type.tag = "kind";
    type.doc = "a technical part of a service; its kind knows how to watch, fence and move it";
    type.fields = {
        optional("needs", at_most(kMaxComponents,
                                  Type::list(name_of("a component of the same service"),
                                             "components that must be moved before this one"))),
        optional("probe", probe_type(vocabulary), "the kind's own"),
        optional("capacity", capacity_type()),
        optional("backup", backup_type()),
    };
    for (const auto& [kind, settings] : vocabulary.kinds) {
        Type variant = settings;
        std::erase_if(variant.fields, [&type](const Field& field) {
            return field.name == "sites" || field.name == type.tag ||
                   std::ranges::any_of(type.fields,
                                       [&](const Field& own) { return own.name == field.name; });
        });
        for (auto& field : variant.fields) {
            // A kind without `sites` names them in the map of its answers.
            field.type.names_sites |=
                field.type.kind == Type::Kind::kMap && field.name == "answers";
        }
        if (const auto site = vocabulary.site_settings.find(kind);
            site != vocabulary.site_settings.end()) {
            Type sites = Type::map(site->second, "what it is at each site");
            sites.names_sites = true;
            variant.fields.push_back(has_required(site->second) ? required("sites", sites)
                                                                : optional("sites", sites));
        }
        type.variants.emplace(kind, std::move(variant));
    }
    return named(std::move(type), "component");
}

Type service_type(const Vocabulary& vocabulary) {
    return named(
        Type::object(
            {
                optional("owner", Type::text("the team that answers for it")),
                optional("impact", impact_type()),
                required("objectives", objectives_type()),
                optional(
                    "strategy",
                    Type::one_of({"backup-restore", "pilot-light", "warm-standby", "multi-site"},
                                 "how much of it runs at a standby site"),
                    "warm-standby"),
                required("primary", name_of("the site that serves it")),
                optional("standby",
                         at_most(kMaxSites, Type::list(name_of("a site that can take over"),
                                                       "sites that can take over, best first"))),
                optional(
                    "depends_on",
                    at_most(kMaxServices, Type::list(name_of("a service"),
                                                     "services that must be recovered before it"))),
                optional("failover", failover_type()),
                required("components",
                         at_most(kMaxComponents,
                                 at_least_one(Type::map(component_type(vocabulary), "its parts")))),
            },
            "what the business names and what moves as one"),
        "service");
}

Type dns_type() {
    const Type record = Type::object(
        {
            required("name", domain_name("the full name, such as ns1.example.com")),
            required("type", Type::one_of({"A", "AAAA", "CNAME", "TXT"}, "the record's type")),
            optional("ttl", Type::duration("how long resolvers may keep it"), "1h"),
            required("answers", at_least_one(Type::list(Type::text("one answer"), "its answers"))),
        },
        "a record that never moves");
    const Type zone = Type::object(
        {
            required("name", domain_name("the zone, such as example.com")),
            required("name_servers",
                     at_least_one(Type::list(domain_name("the name of a server of this zone"),
                                             "its name servers"))),
            optional("contact", pattern(R"([A-Za-z0-9_.+@-]+)", "the mailbox of who runs it"),
                     "hostmaster"),
            optional("records", Type::list(record, "records that never move")),
        },
        "a zone that muster answers for");
    return Type::object(
        {
            optional("listen", address("host:port for UDP and TCP"), "127.0.0.1:5353"),
            required("zones", at_least_one(Type::list(zone, "the zones that it owns"))),
        },
        "the embedded DNS server");
}

/// The same type, with every scalar in it open to a text that holds `${…}`.
Type with_references(Type type) {
    type.takes_references = true;
    for (auto& field : type.fields) {
        field.type = with_references(std::move(field.type));
    }
    for (auto& [name, variant] : type.variants) {
        variant = with_references(std::move(variant));
    }
    if (type.item != nullptr) {
        type.item = std::make_shared<const Type>(with_references(*type.item));
    }
    type.name.clear();  // what it is elsewhere takes no references
    return type;
}

Type step_type(const Vocabulary& vocabulary) {
    Type type;
    type.kind = Type::Kind::kTagged;
    type.tag = "action";
    type.doc = "one node of the procedure's graph";
    type.fields = {
        required("id", name_of("this step")),
        optional("needs", at_most(kMaxSteps,
                                  Type::list(name_of("a step"), "steps that must be done before"))),
        optional("when", Type::text("a condition; the step is skipped when it does not hold")),
        optional("timeout", Type::duration("of one attempt"), "the action's"),
        optional("attempts", Type::integer(1, 100, "how often it is tried"), "the action's"),
        optional("backoff", Type::duration("the first pause between attempts"), "the action's"),
        optional("point_of_no_return", Type::boolean("true: no rollback past it"), "false"),
        optional("phase", Type::one_of({"prepare", "fence", "promote", "scale", "steer", "verify",
                                        "release", "rebuild"},
                                       "the part of the RTO that the report counts it to")),
    };
    for (const auto& [action, parameters] : vocabulary.actions) {
        Type with = with_references(parameters);
        const bool is_needed = has_required(with);
        type.variants.emplace(action, Type::object({is_needed ? required("with", std::move(with))
                                                              : optional("with", std::move(with))},
                                                   ""));
    }
    return named(std::move(type), "step");
}

Type procedure_type(const Vocabulary& vocabulary) {
    return Type::object(
        {
            optional("on", Type::one_of({"failover", "switchover", "rebuild"},
                                        "the derived procedure of `service` that it replaces")),
            optional("service", name_of("the service that it is for")),
            optional("parameters",
                     Type::map(Type::text("the default"), "names that `${parameters.NAME}` reads")),
            required("steps", at_most(kMaxSteps, at_least_one(Type::list(step_type(vocabulary),
                                                                         "its steps")))),
        },
        "a declared recovery workflow");
}

}  // namespace

Type plan_type(const Vocabulary& vocabulary) {
    const Type site_map =
        at_most(kMaxSites, at_least_one(Type::map(site_type(), "the places that can fail")));
    Type type = Type::object(
        {
            required("muster", Type::integer(1, 1, "the version of the plan language: 1")),
            required("plan", name_of("this plan")),
            required("sites", site_map),
            required("services",
                     at_most(kMaxServices, at_least_one(Type::map(service_type(vocabulary),
                                                                  "what must survive")))),
            optional("procedures", Type::map(procedure_type(vocabulary),
                                             "workflows beside or instead of the derived ones")),
            optional("dns", dns_type()),
            optional("repositories",
                     at_most(kMaxRepositories, Type::map(repository_type(), "where backups go"))),
        },
        "what must survive, and how");
    type.refused = {
        {"notify", "remove the section; watch the events and metrics of the node until then"},
        {"drills", "remove the section; rehearse by hand with a switchover until then"},
    };
    return type;
}

}  // namespace muster::plan

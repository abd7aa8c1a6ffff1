#pragma once

#include <set>
#include <string>
#include <vector>

#include "plan/findings.h"
#include "plan/model.h"
#include "plan/schema.h"

namespace muster::plan {

/// Names of one kind, for lists that refer to them.
struct References {
    std::string what;             ///< "site", "component", …
    std::set<std::string> known;  ///< Names that exist.
};

/// What the rules of meaning look at: the tree for the places, the model for the values.
struct Subject {
    const Node& document;
    const Plan& plan;
    const Vocabulary& vocabulary;
    References sites;
    References services;
};

/// Rules that no schema can state: references, cycles, objectives that can't be met, and the like.
/// Works on a plan with structural mistakes too, and is silent about what those already cover.
void check_meaning(const Node& document, const Plan& plan, const Vocabulary& vocabulary,
                   Findings& findings);

// Its parts, by what they look at.
void check_sites(const Subject& subject, Findings& findings);
void check_service(const Subject& subject, const Service& service, Findings& findings);
void check_objectives(const Node& node, const Service& service, Findings& findings);
void check_components(const Subject& subject, const Service& service, Findings& findings);
void check_procedures(const Subject& subject, Findings& findings);
void check_repositories(const Subject& subject, Findings& findings);
void check_backup(const Subject& subject, const Service& service, const Component& component,
                  Findings& findings);
void check_dns(const Subject& subject, Findings& findings);

/// Unknown names, names twice and the own name in the list (or single text) `list`
/// (`self`; empty: no such rule).
void check_references(const Node* list, const References& references, const std::string& self,
                      Findings& findings);
/// Where `name` stands in the list under `key` of `owner`; else the owner's own mark.
Mark mark_of(const Node& owner, std::string_view key, std::string_view name);
/// `document.find(first)->find(second)…`; an empty node where one is missing.
const Node& at_path(const Node& document, const std::vector<std::string>& path);
/// "a → b → a".
std::string describe_cycle(const std::vector<std::string>& cycle);

}  // namespace muster::plan

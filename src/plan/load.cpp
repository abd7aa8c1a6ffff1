#include "plan/load.h"

#include <algorithm>

#include "plan/build.h"
#include "plan/check.h"
#include "plan/findings.h"
#include "plan/meaning.h"

namespace muster::plan {

std::string format(const Diagnostic& diagnostic, std::string_view file) {
    std::string out(file);
    if (diagnostic.mark.line > 0) {
        out += ":" + std::to_string(diagnostic.mark.line) + ":" +
               std::to_string(diagnostic.mark.column);
    }
    out += diagnostic.severity == Diagnostic::Severity::kError ? ": error: " : ": warning: ";
    out += diagnostic.message;
    if (!diagnostic.hint.empty()) {
        out += "\n  hint: " + diagnostic.hint;
    }
    return out;
}

bool Loaded::is_valid() const {
    return std::ranges::none_of(diagnostics, [](const Diagnostic& diagnostic) {
        return diagnostic.severity == Diagnostic::Severity::kError;
    });
}

Loaded load(const Node& document, const Vocabulary& vocabulary, std::string_view digest) {
    Loaded loaded;
    Findings findings;
    if (document.kind == Node::Kind::kNull) {
        findings.error({1, 1}, "the plan is empty", "`muster init` writes a plan to start from");
        loaded.diagnostics = findings.take();
        return loaded;
    }
    const bool is_small = check_structure(document, plan_type(vocabulary), findings);
    if (document.is_map() && is_small) {
        loaded.plan = build(document, vocabulary);
        check_meaning(document, loaded.plan, vocabulary, findings);
    }
    loaded.plan.digest = digest;
    loaded.diagnostics = findings.take();
    return loaded;
}

}  // namespace muster::plan

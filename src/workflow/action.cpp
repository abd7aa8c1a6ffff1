#include "workflow/action.h"

#include <utility>

#include "base/check.h"
#include "workflow/graph.h"

namespace muster::workflow {
namespace {

// The parameters of `approve`, which the engine carries out itself.
plan::Type approve_parameters() {
    plan::Type message;
    message.doc = "What the person is asked.";
    plan::Type expires;
    expires.kind = plan::Type::Kind::kDuration;
    expires.doc = "How long the answer may take; then the step fails. Without it: for ever.";
    plan::Type out;
    out.kind = plan::Type::Kind::kObject;
    out.doc = "Waits until a person approves.";
    out.fields = {{"message", message, true, {}}, {"expires", expires, false, {}}};
    return out;
}

}  // namespace

void Actions::add(std::string type, plan::Type parameters, std::unique_ptr<Action> action) {
    CHECK(action != nullptr && type != kApprove);
    const bool is_new =
        entries_.try_emplace(std::move(type), Entry{std::move(parameters), std::move(action)})
            .second;
    CHECK(is_new);
}

Action* Actions::find(std::string_view type) const {
    const auto found = entries_.find(type);
    return found == entries_.end() ? nullptr : found->second.action.get();
}

std::map<std::string, plan::Type> Actions::parameter_types() const {
    std::map<std::string, plan::Type> out{{std::string(kApprove), approve_parameters()}};
    for (const auto& [type, entry] : entries_) {
        out.emplace(type, entry.parameters);
    }
    return out;
}

std::map<std::string, std::vector<std::string>> Actions::output_names() const {
    std::map<std::string, std::vector<std::string>> names{
        {std::string(kApprove), {"message", "approved_by"}}};
    for (const auto& [type, entry] : entries_) {
        if (auto outputs = entry.action->outputs(); !outputs.empty()) {
            names.emplace(type, std::move(outputs));
        }
    }
    return names;
}

}  // namespace muster::workflow

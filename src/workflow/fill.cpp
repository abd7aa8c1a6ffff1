#include "workflow/fill.h"

#include <algorithm>
#include <array>
#include <functional>
#include <utility>

namespace muster::workflow {
namespace {

constexpr std::array<std::string_view, 5> kRunNames{"id", "epoch", "from", "to", "service"};

using Visit = std::function<Result<std::string>(const Reference&)>;

Error bad_reference(std::string_view inside) {
    return {Errc::kInvalid, "${" + std::string(inside) + "} names nothing that a run knows",
            "use ${steps.ID.OUTPUT}, ${parameters.NAME}, ${run.id}, ${run.epoch}, ${run.from}, "
            "${run.to} or ${run.service}; write $${ for a plain ${"};
}

// Copies a text, each reference replaced by what `visit` says of it.
Result<std::string> replace(std::string_view text, const Visit& visit) {
    std::string out;
    while (true) {
        const auto place = text.find("${");
        if (place == std::string_view::npos) {
            return out + std::string(text);
        }
        if (place > 0 && text[place - 1] == '$') {
            out += std::string(text.substr(0, place - 1)) + "${";
            text.remove_prefix(place + 2);
            continue;
        }
        const auto end = text.find('}', place);
        if (end == std::string_view::npos) {
            return Error{Errc::kInvalid, "\"" + std::string(text) + "\" opens ${ and never closes",
                         "write } at its end, or $${ for a plain ${"};
        }
        TRY(const auto reference, parse_reference(text.substr(place + 2, end - place - 2)));
        TRY(const auto value, visit(reference));
        out += std::string(text.substr(0, place)) + value;
        text.remove_prefix(end + 1);
    }
}

Result<> replace_all(plan::Node& node, const Visit& visit) {
    if (node.is_scalar()) {
        TRY(node.scalar, replace(node.scalar, visit));
    }
    for (auto& item : node.items) {
        TRY_OK(replace_all(item, visit));
    }
    for (auto& entry : node.entries) {
        TRY_OK(replace_all(entry.value, visit).with("in \"" + entry.key + "\""));
    }
    return {};
}

std::optional<std::string> run_value(const std::string& name, const RunSpec& spec) {
    const auto& cause = spec.cause;
    if (name == "id") {
        return spec.id.str();
    }
    if (name == "epoch") {
        return std::to_string(cause.epoch.value);
    }
    if (name == "from") {
        return cause.from.str();
    }
    return name == "to" ? cause.to.str() : cause.service.str();
}

std::optional<std::string> find_in(const Fields& fields, const std::string& name) {
    const auto found = fields.find(name);
    return found == fields.end() ? std::nullopt : std::optional(found->second);
}

}  // namespace

Result<Reference> parse_reference(std::string_view inside) {
    Reference out;
    auto name = inside;
    if (const auto place = inside.find(":-"); place != std::string_view::npos) {
        out.fallback = std::string(inside.substr(place + 2));
        name = inside.substr(0, place);
    }
    const auto first = name.find('.');
    if (first == std::string_view::npos || first + 1 == name.size()) {
        return bad_reference(inside);
    }
    const auto root = name.substr(0, first);
    const auto rest = name.substr(first + 1);
    out.name = std::string(rest);
    if (root == "parameters") {
        out.kind = Reference::Kind::kParameter;
        return out;
    }
    if (root == "run" && std::ranges::find(kRunNames, rest) != kRunNames.end()) {
        return out;
    }
    // Step ids contain dots ("orders.promote"); names of outputs do not.
    const auto last = rest.rfind('.');
    if (root != "steps" || last == std::string_view::npos || last == 0 || last + 1 == rest.size()) {
        return bad_reference(inside);
    }
    out.kind = Reference::Kind::kStep;
    out.step = StepId(std::string(rest.substr(0, last)));
    out.name = std::string(rest.substr(last + 1));
    return out;
}

std::string to_text(const Reference& reference) {
    switch (reference.kind) {
        case Reference::Kind::kStep:
            return "${steps." + reference.step.str() + "." + reference.name + "}";
        case Reference::Kind::kParameter:
            return "${parameters." + reference.name + "}";
        case Reference::Kind::kRun:
            break;
    }
    return "${run." + reference.name + "}";
}

Result<std::vector<Reference>> references_in(const plan::Node& node) {
    std::vector<Reference> out;
    auto copy = node;
    TRY_OK(replace_all(copy, [&out](const Reference& reference) -> Result<std::string> {
        out.push_back(reference);
        return std::string{};
    }));
    return out;
}

std::optional<std::string> value_of(const Reference& reference, const Run& run) {
    std::optional<std::string> value;
    if (reference.kind == Reference::Kind::kParameter) {
        value = find_in(run.spec.parameters, reference.name);
    } else if (reference.kind == Reference::Kind::kRun) {
        value = run_value(reference.name, run.spec);
    } else if (const auto step = run.steps.find(reference.step); step != run.steps.end()) {
        value = find_in(step->second.outputs, reference.name);
    }
    return value ? value : reference.fallback;
}

Result<plan::Node> fill(plan::Node node, const Run& run) {
    TRY_OK(replace_all(node, [&run](const Reference& reference) -> Result<std::string> {
        auto value = value_of(reference, run);
        if (!value) {
            return Error{Errc::kInvalid, to_text(reference) + " has no value",
                         "the step that should put it out did not; give it a default with "
                         "${NAME:-text} if it may be missing"};
        }
        return *std::move(value);
    }));
    return node;
}

}  // namespace muster::workflow

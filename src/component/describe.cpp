#include "component/derive.h"
#include "component/manual.h"
#include "component/parameters.h"

namespace muster::component {
namespace {

std::string summary(const plan::Step& step) {
    const auto site_of = [&step](std::string_view key) {
        return part(step.with, key).text("site");
    };
    for (const std::string_view key : {"server", "standby", "old"}) {
        if (const std::string site = site_of(key); !site.empty()) {
            return step.action + " at " + site;
        }
    }
    if (const std::string site = step.with.text("site"); !site.empty()) {
        return step.action + " at " + site;
    }
    if (step.action == "dns.point") {
        std::string answers;
        for (const auto& answer : step.with.texts("answers")) {
            answers += " " + answer;
        }
        return step.action + " " + step.with.text("name") + " ->" + answers;
    }
    if (const std::string name = part(step.with, "record").text("name"); !name.empty()) {
        return step.action + " for a good answer through " + name;
    }
    return step.action;
}

std::string order_of(const plan::Step& step) {
    if (step.needs.empty()) {
        return "at once";
    }
    std::string text = "after";
    for (const auto& need : step.needs) {
        text += (need == step.needs.front() ? " " : ", ") + need.str();
    }
    return text;
}

}  // namespace

std::string describe(const std::vector<plan::Step>& steps) {
    std::string text;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        const plan::Step& step = steps[i];
        const std::string number = std::to_string(i + 1) + ". ";
        text += std::string(number.size() < 4 ? 4 - number.size() : 0, ' ') + number +
                step.id.str() + "  " + summary(step) + "\n";
        std::string facts = step.phase.empty() ? "" : step.phase + " · ";
        facts += order_of(step);
        facts += step.timeout ? " · at most " + format_duration(*step.timeout) : "";
        facts += step.when.empty() ? "" : " · when " + step.when;
        facts += step.point_of_no_return ? " · point of no return" : "";
        text += "      " + facts + "\n";
    }
    return text;
}

}  // namespace muster::component

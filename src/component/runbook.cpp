#include <algorithm>
#include <string>

#include "component/derive.h"
#include "component/manual.h"
#include "plan/findings.h"
#include "workflow/shell_line.h"

namespace muster::component {
namespace {

void write_step(std::string& text, const plan::Step& step, std::size_t number) {
    const Manual manual = manual_for(step);
    text += "#### " + std::to_string(number) + ". " + step.id.str() + "\n\n";
    text += manual.purpose + "\n\n";
    if (!manual.warning.empty()) {
        text += "> **Mind:** " + manual.warning + "\n\n";
    }
    text += "- Where: " + manual.where + "\n";
    if (!step.needs.empty()) {
        std::vector<std::string> needs;
        needs.reserve(step.needs.size());
        for (const auto& need : step.needs) {
            needs.push_back(need.str());
        }
        text += "- Only after: " + plan::join(needs) + "\n";
    }
    if (step.timeout) {
        text += "- Takes at most: " + human_duration(*step.timeout) + "\n";
    }
    if (!manual.commands.empty()) {
        text += "\n```sh\n";
        for (const auto& command : manual.commands) {
            text += command + "\n";
        }
        text += "```\n\n";
    }
    if (!manual.verify.empty()) {
        text += "- It worked when: " + manual.verify + "\n";
    }
    text += "\n";
}

struct Chapter {
    Move move;
    std::string title;
    std::string when;
    std::string command;  ///< The muster command that does the same.
};

std::vector<Chapter> chapters(const plan::Service& service) {
    std::vector<Chapter> all;
    const std::string name = service.id.str();
    for (const auto& to : service.standby) {
        const std::string there = service.primary.str() + " → " + to.str();
        all.push_back({{Move::Kind::kFailover, service.primary, to},
                       "Failover " + there,
                       "Site " + service.primary.str() + " is lost, or its primary is.",
                       "muster failover " + name + " --to " + to.str()});
        all.push_back({{Move::Kind::kSwitchover, service.primary, to},
                       "Switchover " + there,
                       "Both sites are well and the service is to move without loss.",
                       "muster switchover " + name + " --to " + to.str()});
        all.push_back({{Move::Kind::kRebuild, to, service.primary},
                       "Rebuild " + service.primary.str() + " as standby of " + to.str(),
                       "After a failover, once site " + service.primary.str() +
                           " is back. Until then there is no second copy.",
                       "muster rebuild " + name + " --to " + service.primary.str()});
        all.push_back({{Move::Kind::kSwitchover, to, service.primary},
                       "Failback " + to.str() + " → " + service.primary.str(),
                       "After the rebuild, at a quiet hour: the planned move home.",
                       "muster failback " + name});
    }
    return all;
}

Result<> write_chapter(std::string& text, const plan::Plan& plan, const plan::Service& service,
                       const Chapter& chapter) {
    auto steps = derive(plan, service, chapter.move);
    text += "### " + chapter.title + "\n\n" + chapter.when + "\n\n";
    if (!steps) {
        text += "Not possible with this plan: " + steps.error().message() + ".\n";
        text += steps.error().hint().empty() ? "\n"
                                             : "To change that: " + steps.error().hint() + ".\n\n";
        return {};
    }
    text += "With muster: `" + chapter.command +
            "`. By hand, when muster is not there, in this order:\n\n";
    for (std::size_t i = 0; i < steps->size(); ++i) {
        write_step(text, (*steps)[i], i + 1);
    }
    return {};
}

void write_service(std::string& text, const plan::Service& service) {
    text += "## Service " + service.id.str() + "\n\n| | |\n|---|---|\n";
    text += "| Owner | " + (service.owner.empty() ? "not named" : service.owner) + " |\n";
    text += "| Tier | " + std::to_string(service.impact.tier) + " |\n";
    text += "| May lose | " + human_duration(service.objectives.rpo) + " of data |\n";
    text += "| May be out for | " + human_duration(service.objectives.rto) + " |\n";
    text += "| Primary site | " + service.primary.str() + " |\n";
    std::vector<std::string> names;
    names.reserve(std::max(service.standby.size(), service.components.size()));
    for (const auto& site : service.standby) {
        names.push_back(site.str());
    }
    text += "| Standby sites | " + plan::join(names) + " |\n";
    names.clear();
    for (const auto& component : service.components) {
        names.push_back(component.id.str() + " (" + component.kind + ")");
    }
    text += "| Components | " + plan::join(names) + " |\n";
    names.clear();
    for (const auto& needed : service.depends_on) {
        names.push_back(needed.str());
    }
    text += names.empty() ? "\n" : "| Recover first | " + plan::join(names) + " |\n\n";
}

/// How each backup is brought back by hand: beside the live data, never over it.
void write_backups(std::string& text, const plan::Plan& plan, const plan::Service& service) {
    for (const auto& component : service.components) {
        if (!component.backup) {
            continue;
        }
        const auto& backup = *component.backup;
        const std::string name = service.id.str() + "/" + component.id.str();
        text += "### Restore " + component.id.str() + " from a backup\n\nTaken " +
                (backup.schedule.every ? "every " + format_duration(*backup.schedule.every)
                                       : "at " + backup.schedule.text + " (" + backup.zone + ")") +
                ", from: " + backup.from +
                ". The newest one whose restore was verified: `muster backups`. By hand, into an "
                "empty folder with room for it:\n\n```sh\n";
        for (const auto& to : backup.to) {
            if (const auto* repository = plan.find_repository(to)) {
                text += "muster restore latest --tag muster:" + name + " --repo " +
                        workflow::shell_quote(repository->at) +
                        " --target /srv/restored --verify\n";
            }
        }
        text +=
            "```\n\nIt asks for the repository's password; stock restic takes the same words. "
            "Look at what is there before it replaces anything.\n\n";
    }
}

}  // namespace

Result<std::string> runbook(const plan::Plan& plan) {
    std::string text = "# Runbook of " + plan.name + "\n\n";
    text += "Made by muster from the plan (digest " + plan.digest +
            "). Print it again whenever the plan changes.\n\n";
    text +=
        "Three rules, before anything else:\n\n"
        "1. **Never two primaries.** Stop the old one, prove it, and only then promote.\n"
        "2. **Keep before you overwrite.** What only the old primary had is kept first.\n"
        "3. **Write down** each step's time and what it printed: the report needs it.\n\n";
    for (const auto& service : plan.services) {
        write_service(text, service);
        for (const auto& chapter : chapters(service)) {
            TRY_OK(write_chapter(text, plan, service, chapter));
        }
        write_backups(text, plan, service);
    }
    return text;
}

}  // namespace muster::component

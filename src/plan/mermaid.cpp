#include <algorithm>

#include "plan/graph.h"
#include "plan/layout.h"

namespace muster::plan {
namespace {

/// Text inside of a quoted Mermaid label: what would end it, or start markup, as an entity code.
std::string escape(const std::string& text) {
    std::string out;
    for (const char c : text) {
        switch (c) {
            case '"':
                out += "#quot;";
                break;
            case '<':
                out += "#lt;";
                break;
            case '>':
                out += "#gt;";
                break;
            case '#':
                out += "#35;";
                break;
            default:
                out += static_cast<unsigned char>(c) < 0x20U ? ' ' : c;
        }
    }
    return out;
}

std::string service_id(std::size_t service) {
    return "s" + std::to_string(service);
}

std::string box_id(std::size_t service, std::size_t place, std::size_t component) {
    return service_id(service) + "p" + std::to_string(place) + "c" + std::to_string(component);
}

/// One site of one service: its components, and the arrows between them.
void write_place(const Plan& plan, std::size_t number, std::size_t place, std::string& out) {
    const Service& service = plan.services[number];
    const SiteId site = places_of(service)[place];
    out += "    subgraph " + service_id(number) + "p" + std::to_string(place) + "[\"" +
           escape(site.str()) + (place == 0 ? " (primary)" : " (standby)") + "\"]\n";
    for (std::size_t i = 0; i < service.components.size(); ++i) {
        const Component& component = service.components[i];
        if (is_at(component, site)) {
            out += "      " + box_id(number, place, i) + "[\"" + escape(component.id.str()) +
                   "<br/>" + escape(component.kind) + "\"]\n";
        }
    }
    for (std::size_t i = 0; i < service.components.size(); ++i) {
        for (const auto needed : needs_of(service, i)) {
            if (is_at(service.components[i], site) && is_at(service.components[needed], site)) {
                out += "      " + box_id(number, place, i) + " --> " +
                       box_id(number, place, needed) + "\n";
            }
        }
    }
    out += "    end\n";
}

/// Repositories, and an arrow from each component to those that it is backed up to.
void write_backups(const Plan& plan, std::string& out) {
    const auto id = [&plan](const std::string& name) {
        const auto found = std::ranges::find(plan.repositories, name, &Repository::name);
        return "r" + std::to_string(found - plan.repositories.begin());
    };
    for (const auto& repository : plan.repositories) {
        out += "  " + id(repository.name) + "[(\"" + escape(repository.name) + "\")]\n";
    }
    for (std::size_t i = 0; i < plan.services.size(); ++i) {
        const auto& service = plan.services[i];
        const auto places = places_of(service);
        for (std::size_t k = 0; k < service.components.size(); ++k) {
            const auto& component = service.components[k];
            if (!component.backup) {
                continue;
            }
            const auto& from = component.backup->from;
            const auto named = std::ranges::find(places, SiteId(from));
            std::size_t place = from == "standby" && places.size() > 1 ? 1 : 0;
            if (named != places.end()) {
                place = static_cast<std::size_t>(named - places.begin());
            }
            for (const auto& to : component.backup->to) {
                out += "  " + box_id(i, place, k) + " -. \"backup " +
                       escape(component.backup->schedule.text) + "\" .-> " + id(to) + "\n";
            }
        }
    }
}

}  // namespace

std::string to_mermaid(const Plan& plan) {
    std::string out = "flowchart TB\n";
    for (std::size_t i = 0; i < plan.services.size(); ++i) {
        out += "  subgraph " + service_id(i) + "[\"" + escape(headline(plan.services[i])) + "\"]\n";
        for (std::size_t place = 0; place < places_of(plan.services[i]).size(); ++place) {
            write_place(plan, i, place, out);
        }
        out += "  end\n";
    }
    for (std::size_t i = 0; i < plan.services.size(); ++i) {
        for (const auto& other : plan.services[i].depends_on) {
            const auto found = std::ranges::find(plan.services, other, &Service::id);
            if (found != plan.services.end()) {
                out += "  " + service_id(i) + " -. depends on .-> " +
                       service_id(static_cast<std::size_t>(found - plan.services.begin())) + "\n";
            }
        }
    }
    write_backups(plan, out);
    for (std::size_t i = 0; i < plan.sites.size(); ++i) {
        if (plan.sites[i].is_arbiter) {
            out += "  a" + std::to_string(i) + "([\"" + escape(plan.sites[i].id.str()) +
                   " (arbiter)\"])\n";
        }
    }
    return out;
}

}  // namespace muster::plan

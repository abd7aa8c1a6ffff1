#include <vector>

#include "cli/commands.h"
#include "cli/render.h"

namespace muster::cli {

namespace {

/// The path of the component's backups in the API; kNotFound, kConflict: there is no such one, or
/// more than one.
Result<std::string> path_of(Context& context, const std::string& component) {
    TRY(const auto answer, context.client.get("/api/v1/backups"));
    const JsonText document(answer.body);
    std::vector<std::string> found;
    for (const auto& job : document.root().items("backups")) {
        const auto service = job.text("service");
        const auto name = job.text("component");
        const auto full = std::string(service).append("/").append(name);
        const auto path = "/api/v1/backups/" + encode_part(service) + "/" + encode_part(name);
        const bool is_meant = component == name || component == full;
        if (is_meant && (found.empty() || found.back() != path)) {
            found.push_back(path);
        }
    }
    if (found.empty()) {
        return Error{Errc::kNotFound, "the plan has no backup of \"" + component + "\"",
                     "muster backups lists them"};
    }
    if (found.size() > 1) {
        return Error{Errc::kConflict, "several services have a component \"" + component + "\"",
                     "write SERVICE/" + component};
    }
    return found.front();
}

int post(Context& context, const std::string& component, const std::string& verb,
         const std::vector<std::pair<std::string, bool>>& flags) {
    const auto path = path_of(context, component);
    if (!path) {
        return print_error(context.streams, path.error());
    }
    std::vector<std::pair<std::string, std::string>> texts;
    if (const auto name = operator_name(); !name.empty()) {
        texts.emplace_back("by", name);
    }
    const auto answer = context.client.post(*path + "/" + verb, json_object(texts, flags));
    if (!answer) {
        return print_error(context.streams, answer.error());
    }
    if (context.streams.is_json) {
        context.streams.out << answer->body;
    } else {
        context.streams.out << JsonText(answer->body).root().text("state") << ": " << component
                            << "\n  look at it: muster backups\n";
    }
    return kExitDone;
}

}  // namespace

int run_backups(Context& context) {
    return show(context, "/api/v1/backups", &render_backups);
}

int run_backup_now(Context& context, const std::string& component, bool is_tried) {
    return post(context, component, "run", {{"verify", is_tried}});
}

int run_backup_accept(Context& context, const std::string& component) {
    return post(context, component, "accept", {});
}

}  // namespace muster::cli

#include "cli/commands.h"
#include "cli/render.h"

namespace muster::cli {

namespace {

int post_run(Context& context, const std::string& path) {
    const auto answer = context.client.post(path, json_object({{"by", operator_name()}}, {}));
    if (!answer) {
        return print_error(context.streams, answer.error());
    }
    if (context.streams.is_json) {
        context.streams.out << answer->body;
        return kExitDone;
    }
    const JsonText document(answer->body);
    context.streams.out << render_run(document.root(), context.is_terminal);
    return kExitDone;
}

}  // namespace

int run_list(Context& context, const std::string& service) {
    const std::string query = service.empty() ? "" : "?service=" + encode_part(service);
    return show(context, "/api/v1/runs" + query, &render_runs);
}

int run_show(Context& context, const std::string& id) {
    return show(context, "/api/v1/runs/" + encode_part(id), &render_run);
}

int run_change(Context& context, const std::string& id, const std::string& change) {
    return post_run(context, "/api/v1/runs/" + encode_part(id) + "/" + change);
}

int run_approve_step(Context& context, const std::string& id, const std::string& step) {
    return post_run(context,
                    "/api/v1/runs/" + encode_part(id) + "/steps/" + encode_part(step) + "/approve");
}

}  // namespace muster::cli

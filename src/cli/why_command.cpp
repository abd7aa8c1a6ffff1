#include "cli/commands.h"

namespace muster::cli {

namespace {

std::string render_why(const JsonView& decision, bool has_colours) {
    static_cast<void>(has_colours);
    std::string text = decision.text("explanation");
    if (!text.ends_with('\n')) {
        text += '\n';
    }
    return text;
}

}  // namespace

int run_why(Context& context, const std::string& service) {
    return show(context, "/api/v1/services/" + encode_part(service) + "/why", &render_why);
}

}  // namespace muster::cli

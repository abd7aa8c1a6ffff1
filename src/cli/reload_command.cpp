#include "cli/commands.h"

namespace muster::cli {

int run_reload(Context& context) {
    const auto answer = context.client.post("/api/v1/reload", "");
    if (!answer) {
        return print_error(context.streams, answer.error());
    }
    if (context.streams.is_json) {
        context.streams.out << answer->body;
        return kExitDone;
    }
    const JsonText document(answer->body);
    context.streams.out << "plan " << document.root().text("plan") << " is in force, digest "
                        << document.root().text("digest") << "\n";
    return kExitDone;
}

}  // namespace muster::cli

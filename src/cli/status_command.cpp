#include "cli/commands.h"
#include "cli/render.h"

namespace muster::cli {

int run_status(Context& context, bool is_verbose) {
    return show(context, "/api/v1/status", is_verbose ? &render_status_in_full : &render_status);
}

}  // namespace muster::cli

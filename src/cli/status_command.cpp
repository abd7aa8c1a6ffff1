#include "cli/commands.h"
#include "cli/render.h"

namespace muster::cli {

int run_status(Context& context) {
    return show(context, "/api/v1/status", &render_status);
}

}  // namespace muster::cli

#include "cli/commands.h"
#include "cli/render.h"

namespace muster::cli {

namespace {

constexpr long kBatch = 500;

// Prints one batch; gives the id after which to go on.
Result<long> print_batch(Context& context, long after, long limit) {
    TRY(const auto answer, context.client.get("/api/v1/events?after=" + std::to_string(after) +
                                              "&limit=" + std::to_string(limit)));
    if (context.streams.is_json) {
        context.streams.out << answer.body << std::flush;
    }
    const JsonText document(answer.body);
    if (!context.streams.is_json) {
        for (const auto& event : document.root().items("events")) {
            context.streams.out << render_event(event, context.is_terminal) << "\n";
        }
        context.streams.out << std::flush;
    }
    return document.root().whole("next_after").value_or(after);
}

}  // namespace

int run_events(Context& context, const EventOptions& options) {
    long after = options.after;
    long limit = options.limit;
    while (true) {
        const auto next = print_batch(context, after, limit);
        if (!next) {
            return print_error(context.streams, next.error());
        }
        if (!options.is_following) {
            return kExitDone;
        }
        if (*next == after) {
            context.client.pause();
        }
        after = *next;
        limit = kBatch;
    }
}

}  // namespace muster::cli

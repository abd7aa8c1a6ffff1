#include <cstddef>
#include <cstdint>
#include <string>

#include "agent/event_log.h"
#include "agent/primacy.h"
#include "agent/votes.h"
#include "cli/render.h"

// Small records of the store, and what the command line makes of a node's answers: runs, reports'
// runs, events.

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace muster;
    const std::string text(reinterpret_cast<const char*>(data), size);
    static_cast<void>(agent::decode_event(text));
    static_cast<void>(agent::decode_primacy({"services/shop/primacy", text, {}, {}, {}}));
    static_cast<void>(agent::decode_ballot(text, Instant(std::chrono::hours(1))));
    const cli::JsonText answer(text);
    for (const bool has_colours : {false, true}) {
        static_cast<void>(cli::render_status(answer.root(), has_colours));
        static_cast<void>(cli::render_preview(answer.root(), has_colours));
        static_cast<void>(cli::render_runs(answer.root(), has_colours));
        static_cast<void>(cli::render_run(answer.root(), has_colours));
        static_cast<void>(cli::render_step(answer.root(), has_colours));
        static_cast<void>(cli::render_event(answer.root(), has_colours));
    }
    return 0;
}

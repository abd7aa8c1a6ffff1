#include <fstream>

#include "cli/commands.h"

namespace muster::cli {

int run_report(Context& context, const ReportOptions& options) {
    auto& streams = context.streams;
    const std::string format = streams.is_json ? "json" : options.format;
    const auto answer =
        context.client.get("/api/v1/runs/" + encode_part(options.id) + "/report?format=" + format);
    if (!answer) {
        return print_error(streams, answer.error());
    }
    if (options.output.empty()) {
        streams.out << answer->body;
        return kExitDone;
    }
    std::ofstream file(options.output, std::ios::binary | std::ios::trunc);
    file << answer->body << std::flush;
    if (!file) {
        return print_error(streams, Error{Errc::kDenied, "can't write " + options.output,
                                          "check that its folder exists and may be written"});
    }
    streams.err << "wrote " << options.output << "\n";
    return kExitDone;
}

}  // namespace muster::cli

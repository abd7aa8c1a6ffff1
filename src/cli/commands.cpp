#include "cli/commands.h"

#include <cstdlib>

#include "cli/terminal_text.h"

namespace muster::cli {

std::string operator_name() {
    const char* name = std::getenv("USER");  // NOLINT(concurrency-mt-unsafe): one thread
    return name == nullptr ? std::string() : std::string(name);
}

int print_error(const Streams& streams, const Error& error) {
    if (streams.is_json) {
        const JsonText none("");
        streams.out << R"({"error":)"
                    << json_object({{"code", std::string(to_string(error.code()))},
                                    {"message", error.message()},
                                    {"hint", error.hint()}},
                                   {})
                    << "}\n";
        return kExitFailed;
    }
    // A bad plan's message is its mistakes, each with its own place.
    const bool is_plan = error.message().find(": error: ") != std::string::npos;
    streams.err << (is_plan ? "" : "muster: ") << printable_lines(error.message()) << "\n";
    if (!error.hint().empty()) {
        streams.err << "  hint: " << printable_lines(error.hint()) << "\n";
    }
    return kExitFailed;
}

int show(Context& context, const std::string& path, Render render) {
    const auto answer = context.client.get(path);
    if (!answer) {
        return print_error(context.streams, answer.error());
    }
    if (context.streams.is_json) {
        context.streams.out << answer->body;
        return kExitDone;
    }
    const JsonText document(answer->body);
    context.streams.out << render(document.root(), context.is_terminal);
    return kExitDone;
}

}  // namespace muster::cli

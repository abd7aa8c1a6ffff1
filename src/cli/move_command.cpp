#include <unistd.h>

#include <iostream>

#include "cli/commands.h"
#include "cli/render.h"

namespace muster::cli {

namespace {

std::string path_of(const MoveOptions& options) {
    return "/api/v1/services/" + encode_part(options.service) + "/" + options.verb;
}

std::string body_of(const MoveOptions& options, bool is_dry_run) {
    std::vector<std::pair<std::string, std::string>> texts;
    if (!options.to.empty()) {
        texts.emplace_back("to", options.to);
    }
    if (const auto name = operator_name(); !name.empty()) {
        texts.emplace_back("by", name);
    }
    return json_object(texts, {{"dry_run", is_dry_run},
                               {"force", options.is_forced},
                               {"vouch_fenced", options.is_fence_vouched}});
}

// Asks a person; nobody to ask means no.
bool is_agreed(Context& context) {
    if (::isatty(STDIN_FILENO) == 0) {
        return false;
    }
    context.streams.err << "go on? [y/N] " << std::flush;
    std::string line;
    std::getline(std::cin, line);
    return line == "y" || line == "Y" || line == "yes";
}

int started(Context& context, const Answer& answer, bool is_awaited) {
    const JsonText document(answer.body);
    const auto run = document.root().text("run");
    if (is_awaited) {
        return run_watch(context, run);
    }
    if (context.streams.is_json) {
        context.streams.out << answer.body;
    } else {
        context.streams.out << "started " << run << "\n"
                            << "  watch it: muster run watch " << run << "\n";
    }
    return kExitDone;
}

}  // namespace

int run_move(Context& context, const MoveOptions& options) {
    auto& streams = context.streams;
    if (options.is_dry_run || !options.is_confirmed) {
        const auto preview = context.client.post(path_of(options), body_of(options, true));
        if (!preview) {
            return print_error(streams, preview.error());
        }
        const JsonText document(preview->body);
        if (streams.is_json && options.is_dry_run) {
            streams.out << preview->body;
        } else {
            auto& out = options.is_dry_run ? streams.out : streams.err;
            out << render_preview(document.root(), context.is_terminal);
        }
        if (options.is_dry_run) {
            return kExitDone;
        }
        if (!is_agreed(context)) {
            streams.err << "muster: nothing was done\n  hint: answer y, or give --yes\n";
            return kExitFailed;
        }
    }
    const auto answer = context.client.post(path_of(options), body_of(options, false));
    if (!answer) {
        return print_error(streams, answer.error());
    }
    return started(context, *answer, options.is_awaited);
}

int run_approve(Context& context, const std::string& service) {
    const auto answer = context.client.post("/api/v1/services/" + encode_part(service) + "/approve",
                                            json_object({{"by", operator_name()}}, {}));
    if (!answer) {
        return print_error(context.streams, answer.error());
    }
    return started(context, *answer, false);
}

int run_procedure(Context& context, const ProcedureOptions& options) {
    std::vector<std::pair<std::string, std::string>> parameters;
    for (const auto& parameter : options.parameters) {
        const auto equals = parameter.find('=');
        if (equals == std::string::npos || equals == 0) {
            context.streams.err << "muster: \"" << parameter << "\" is no parameter\n"
                                << "  hint: write NAME=VALUE\n";
            return kExitUsage;
        }
        parameters.emplace_back(parameter.substr(0, equals), parameter.substr(equals + 1));
    }
    const std::string body = R"({"parameters":)" + json_object(parameters, {}) + "}";
    const auto answer =
        context.client.post("/api/v1/procedures/" + encode_part(options.name), body);
    if (!answer) {
        return print_error(context.streams, answer.error());
    }
    return started(context, *answer, options.is_awaited);
}

}  // namespace muster::cli

#include "cli/plan_commands.h"

#include <boost/json.hpp>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "adapters/yaml/read_yaml.h"
#include "plan/findings.h"
#include "plan/graph.h"
#include "plan/starter.h"

namespace muster::cli {
namespace {

namespace json = boost::json;
using plan::Diagnostic;

std::string_view severity(const Diagnostic& diagnostic) {
    return diagnostic.severity == Diagnostic::Severity::kError ? "error" : "warning";
}

json::array to_json(const std::vector<Diagnostic>& diagnostics, const std::string& path) {
    json::array out;
    for (const auto& one : diagnostics) {
        out.push_back(json::object{{"file", path},
                                   {"line", one.mark.line},
                                   {"column", one.mark.column},
                                   {"severity", severity(one)},
                                   {"message", one.message},
                                   {"hint", one.hint}});
    }
    return out;
}

/// The file itself can't be read: one diagnostic without a place.
int report_unreadable(const Error& error, const std::string& path, Streams streams) {
    const Diagnostic diagnostic{Diagnostic::Severity::kError, {}, error.message(), error.hint()};
    if (streams.is_json) {
        streams.out << json::serialize(json::object{{"diagnostics", to_json({diagnostic}, path)},
                                                    {"expectations", json::array{}}})
                    << "\n";
    } else {
        streams.err << "error: " << error.message() << "\n  hint: " << error.hint() << "\n";
    }
    return kExitUsage;
}

std::string count(std::size_t number, const std::string& noun) {
    return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
}

std::size_t count_of(const std::vector<Diagnostic>& diagnostics, Diagnostic::Severity wanted) {
    std::size_t number = 0;
    for (const auto& one : diagnostics) {
        number += one.severity == wanted ? 1 : 0;
    }
    return number;
}

void print_summary(const plan::Loaded& loaded, const std::string& path, Streams streams) {
    const auto errors = count_of(loaded.diagnostics, Diagnostic::Severity::kError);
    const auto warnings = count_of(loaded.diagnostics, Diagnostic::Severity::kWarning);
    const std::string also = warnings == 0 ? "" : ", " + count(warnings, "warning");
    if (errors > 0) {
        streams.err << path << ": " << count(errors, "error") << also << "\n";
        return;
    }
    std::size_t components = 0;
    for (const auto& service : loaded.plan.services) {
        components += service.components.size();
    }
    streams.out << path << ": plan " << loaded.plan.name
                << " is valid: " << count(loaded.plan.sites.size(), "site") << ", "
                << count(loaded.plan.services.size(), "service") << ", "
                << count(components, "component") << also << "\n";
}

bool write_file(const std::string& path, const std::string& text) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "wbe"),
                                                               &std::fclose);
    return file != nullptr && std::fwrite(text.data(), 1, text.size(), file.get()) == text.size() &&
           std::fflush(file.get()) == 0;
}

bool is_there(const std::string& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                               &std::fclose);
    return file != nullptr || errno != ENOENT;
}

}  // namespace

int run_validate(const std::string& path, const plan::Vocabulary& vocabulary, Streams streams,
                 const PlanCheck& check, const PlanPromise& promise) {
    auto loaded = adapters::load_plan_file(path, vocabulary);
    if (!loaded) {
        return report_unreadable(loaded.error(), path, streams);
    }
    if (check && loaded->is_valid()) {
        for (auto& one : check(loaded->plan)) {
            loaded->diagnostics.push_back(std::move(one));
        }
        plan::sort_in_file_order(loaded->diagnostics);
    }
    const auto promised = promise && loaded->is_valid() ? promise(loaded->plan) : Promise{{}, "[]"};
    if (streams.is_json) {
        streams.out << R"({"diagnostics":)" << json::serialize(to_json(loaded->diagnostics, path))
                    << R"(,"expectations":)" << promised.json << "}\n";
    } else {
        for (const auto& one : loaded->diagnostics) {
            streams.err << plan::format(one, path) << "\n";
        }
        print_summary(*loaded, path, streams);
        streams.out << promised.text;
    }
    return loaded->is_valid() ? kExitDone : kExitUsage;
}

int run_schema(const plan::Vocabulary& vocabulary, Streams streams) {
    streams.out << plan::to_json_schema(plan::plan_type(vocabulary));
    return kExitDone;
}

int run_init(const std::string& path, bool is_forced, Streams streams) {
    if (path == "-") {
        streams.out << plan::starter_plan();
        return kExitDone;
    }
    if (!is_forced && is_there(path)) {
        streams.err << path << ": error: there is a file already\n"
                    << "  hint: give another path, or --force to overwrite it\n";
        return kExitUsage;
    }
    if (!write_file(path, plan::starter_plan())) {
        streams.err << path << ": error: can't write the plan: " << std::strerror(errno) << "\n"
                    << "  hint: check that the directory exists and that you may write to it\n";
        return kExitFailed;
    }
    if (streams.is_json) {
        streams.out << json::serialize(json::object{{"file", path}}) << "\n";
    } else {
        streams.out << path << ": written; next: edit it, then `muster validate " << path << "`\n";
    }
    return kExitDone;
}

int run_graph(const std::string& path, const plan::Vocabulary& vocabulary, GraphFormat format,
              Streams streams) {
    const auto loaded = adapters::load_plan_file(path, vocabulary);
    if (!loaded) {
        return report_unreadable(loaded.error(), path, streams);
    }
    if (!loaded->is_valid()) {
        return run_validate(path, vocabulary, {streams.err, streams.err, false});
    }
    const std::string text =
        format == GraphFormat::kSvg ? plan::to_svg(loaded->plan) : plan::to_mermaid(loaded->plan);
    if (streams.is_json) {
        streams.out << json::serialize(
                           json::object{{"format", format == GraphFormat::kSvg ? "svg" : "mermaid"},
                                        {"text", text}})
                    << "\n";
    } else {
        streams.out << text;
    }
    return kExitDone;
}

}  // namespace muster::cli

#pragma once

#include <functional>
#include <string>
#include <vector>

#include "cli/streams.h"
#include "plan/load.h"
#include "plan/schema.h"

namespace muster::cli {

/// Further rules, asked once the plan is free of errors.
using PlanCheck = std::function<std::vector<plan::Diagnostic>(const plan::Plan&)>;

/// What a valid plan promises, for people and as JSON.
struct Promise {
    std::string text;
    std::string json;  ///< An array.
};
using PlanPromise = std::function<Promise(const plan::Plan&)>;

/// `muster validate PLAN`: every mistake as `file:line:column: error: …`, to `err`, and what a
/// valid plan promises, to `out`; with `--json` {"diagnostics": [{file, line, column, severity,
/// message, hint}], "expectations": […]} to `out`. kExitUsage on errors; warnings do not fail.
int run_validate(const std::string& path, const plan::Vocabulary& vocabulary, Streams streams,
                 const PlanCheck& check = {}, const PlanPromise& promise = {});

/// `muster schema`: the JSON Schema of plan files.
int run_schema(const plan::Vocabulary& vocabulary, Streams streams);

/// `muster init [PATH]`: writes the starter plan to `path` ("-": to `out`). A file that is there
/// already is kept unless `is_forced`.
int run_init(const std::string& path, bool is_forced, Streams streams);

enum class GraphFormat { kMermaid, kSvg };
/// `muster graph PLAN`: draws a plan that is valid.
int run_graph(const std::string& path, const plan::Vocabulary& vocabulary, GraphFormat format,
              Streams streams);

}  // namespace muster::cli

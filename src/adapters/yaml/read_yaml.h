#pragma once

#include <string>
#include <vector>

#include "plan/load.h"
#include "plan/node.h"

namespace muster::adapters {

/// Limits of a plan file; beyond them it is refused with a sentence, within a second and 100 MB.
inline constexpr std::size_t kMaxPlanBytes = 1U << 20U;
inline constexpr int kMaxPlanDepth = 64;
inline constexpr std::size_t kMaxPlanNodes = 50'000;
/// The most text of one value in brackets, and of anything else between two values.
inline constexpr std::size_t kMaxPlanValue = 128U << 10U;

struct YamlDocument {
    plan::Node root;
    std::vector<plan::Diagnostic> problems;  ///< Any error means that `root` is not to be used.
};

/// Text to tree. Refuses what yaml-cpp lets pass: duplicate keys, an unclosed quote at the end of
/// the file, alias bombs, several documents, binary junk, tabs as indentation.
YamlDocument read_yaml(const std::string& text);

/// Reads and checks a whole plan file: `read_yaml`, then `plan::load`. kNotFound or kInvalid only
/// where the file itself can't be read; mistakes inside it are diagnostics.
Result<plan::Loaded> load_plan_file(const std::string& path, const plan::Vocabulary& vocabulary);

}  // namespace muster::adapters

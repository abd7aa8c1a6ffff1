#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "adapters/yaml/read_yaml.h"
#include "adapters/yaml/text_check.h"
#include "base/random.h"
#include "plan/findings.h"

namespace muster::adapters {
namespace {

Error unreadable(const std::string& path, int code) {
    const bool is_missing = code == ENOENT || code == ENOTDIR;
    return {is_missing ? Errc::kNotFound : Errc::kInvalid,
            path + ": can't read the plan: " + std::strerror(code),
            is_missing ? "check the path, or write a plan with `muster init " + path + "`"
                       : "check that it is a file and that you may read it"};
}

/// At most one byte more than a plan may have, so that no large file is ever read whole.
Result<std::string> read_file(const std::string& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"),
                                                               &std::fclose);
    if (file == nullptr) {
        return unreadable(path, errno);
    }
    std::string text;
    std::array<char, 65536> buffer{};
    while (text.size() <= kMaxPlanBytes) {
        const std::size_t count = std::fread(buffer.data(), 1, buffer.size(), file.get());
        if (std::ferror(file.get()) != 0) {
            return unreadable(path, errno);
        }
        text.append(buffer.data(), count);
        if (count < buffer.size()) {
            break;
        }
    }
    return text;
}

std::string hex(std::uint64_t value) {
    std::array<char, 24> buffer{};
    std::snprintf(buffer.data(), buffer.size(), "%016llx", static_cast<unsigned long long>(value));
    return buffer.data();
}

}  // namespace

Result<plan::Loaded> load_plan_file(const std::string& path, const plan::Vocabulary& vocabulary) {
    TRY(const std::string text, read_file(path));
    YamlDocument document = read_yaml(text);
    plan::Loaded loaded;
    // A file that is no YAML gives no tree; one with doubtful keys gives one worth checking too.
    if (document.problems.empty() || document.root.is_map()) {
        loaded = plan::load(document.root, vocabulary, hex(stable_hash(text)));
    }
    auto& all = loaded.diagnostics;
    all.insert(all.end(), std::make_move_iterator(document.problems.begin()),
               std::make_move_iterator(document.problems.end()));
    plan::sort_in_file_order(all);
    return loaded;
}

}  // namespace muster::adapters

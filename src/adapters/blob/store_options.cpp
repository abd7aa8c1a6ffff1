#include "adapters/blob/store_options.h"

#include <algorithm>
#include <charconv>
#include <string_view>

// POSIX names it; no header has to declare it.
extern "C" char** environ;  // NOLINT

namespace muster::adapters {

namespace {

bool is_for_stores(std::string_view name) {
    return name.starts_with("AWS_") || name.starts_with("RESTIC_REST_") || name == "PATH" ||
           name == "HOME" || name == "LANG" || name == "SSH_AUTH_SOCK" || name == "USER" ||
           name == "TERM";
}

}  // namespace

std::string variable(const StoreOptions& options, const std::string& name) {
    const auto found = options.environment.find(name);
    return found == options.environment.end() ? std::string() : found->second;
}

Result<unsigned> connections_option(const StoreOptions& options, const std::string& kind,
                                    unsigned otherwise) {
    const auto found = options.extended.find(kind + ".connections");
    if (found == options.extended.end()) {
        return otherwise;
    }
    const auto& text = found->second;
    unsigned value = 0;
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (problem != std::errc() || end != text.data() + text.size() || value < 1 || value > 1000) {
        return Error{Errc::kInvalid, "\"" + text + "\" is no number of connections",
                     "write -o " + kind + ".connections=N with N from 1 to 1000"};
    }
    return value;
}

Result<> check_extended(const StoreOptions& options, const std::string& kind,
                        std::initializer_list<std::string_view> names) {
    for (const auto& [name, value] : options.extended) {
        const std::string_view rest =
            std::string_view(name).substr(std::min(name.size(), kind.size() + 1));
        if (name.starts_with(kind + ".") && std::ranges::find(names, rest) == names.end()) {
            return Error{Errc::kInvalid, "there is no option " + name};
        }
    }
    return {};
}

Fields store_environment() {
    Fields found;
    for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const auto equals = text.find('=');
        if (equals != std::string_view::npos && is_for_stores(text.substr(0, equals))) {
            found.emplace(text.substr(0, equals), text.substr(equals + 1));
        }
    }
    return found;
}

}  // namespace muster::adapters

#include "adapters/repo_server/repo_path.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>
#include <utility>

namespace muster::adapters::repo_server {

namespace {

constexpr std::array<std::pair<std::string_view, ObjectType>, 6> kTypes{{
    {"config", ObjectType::kConfig},
    {"data", ObjectType::kData},
    {"index", ObjectType::kIndex},
    {"keys", ObjectType::kKeys},
    {"locks", ObjectType::kLocks},
    {"snapshots", ObjectType::kSnapshots},
}};
constexpr std::size_t kLongestFolder = 128;
constexpr std::size_t kNameDigits = 64;

std::optional<ObjectType> type_named(std::string_view text) {
    const auto* found =
        std::ranges::find(kTypes, text, &std::pair<std::string_view, ObjectType>::first);
    return found == kTypes.end() ? std::nullopt : std::optional(found->second);
}

std::optional<std::string> percent_decoded(std::string_view text) {
    std::string decoded;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            decoded += text[i];
            continue;
        }
        const std::string_view digits = text.substr(i + 1, 2);
        unsigned value = 0;
        const auto read = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
        if (digits.size() != 2 || read.ec != std::errc{} || read.ptr != digits.data() + 2) {
            return std::nullopt;
        }
        decoded += static_cast<char>(value);
        i += 2;
    }
    return decoded;
}

bool is_folder(std::string_view text) {
    const auto is_bad = [](unsigned char c) {
        return c < 0x20 || c == 0x7f || c == '/' || c == '\\';
    };
    return !text.empty() && text.size() <= kLongestFolder && !text.starts_with('.') &&
           std::ranges::none_of(text, is_bad);
}

bool is_object_name(std::string_view text) {
    return text.size() == kNameDigits && std::ranges::all_of(text, [](char c) {
               return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
           });
}

// "/a/b" gives "a" and "b", "/a/" gives "a" and "".
std::optional<std::vector<std::string>> parts_of(std::string_view path) {
    std::vector<std::string> parts;
    while (path.starts_with('/')) {
        path.remove_prefix(1);
        const auto end = std::min(path.find('/'), path.size());
        auto part = percent_decoded(path.substr(0, end));
        // A repository's path, a type and a name: no target that is one has more parts.
        if (!part || parts.size() > kMostFolders + 2) {
            return std::nullopt;
        }
        parts.push_back(std::move(*part));
        path.remove_prefix(end);
    }
    return path.empty() && !parts.empty() ? std::optional(std::move(parts)) : std::nullopt;
}

// RFC 9112 section 3.2.2: a target may also be a whole URL, of which only the path matters here.
std::string_view without_origin(std::string_view target) {
    for (const std::string_view scheme : {"http://", "https://"}) {
        if (target.starts_with(scheme)) {
            const auto path = target.find('/', scheme.size());
            return path == std::string_view::npos ? "/" : target.substr(path);
        }
    }
    return target;
}

bool asks_creation(std::string_view query) {
    while (!query.empty()) {
        const auto end = std::min(query.find('&'), query.size());
        if (query.substr(0, end) == "create=true") {
            return true;
        }
        query.remove_prefix(std::min(end + 1, query.size()));
    }
    return false;
}

// What follows the repository's path: "", "config", or a type and a name that may be empty.
std::optional<Target> target_of(std::span<const std::string> rest) {
    Target target;
    if (rest.size() == 1 && rest[0].empty()) {
        return target;
    }
    const auto type = rest.empty() ? std::nullopt : type_named(rest[0]);
    const bool is_config = type == ObjectType::kConfig;
    if (!type || rest.size() != (is_config ? 1U : 2U)) {
        return std::nullopt;
    }
    target.type = *type;
    target.kind = Target::Kind::kObject;
    if (is_config) {
        return target;
    }
    if (rest[1].empty()) {
        target.kind = Target::Kind::kList;
        return target;
    }
    target.name = rest[1];
    return is_object_name(target.name) ? std::optional(std::move(target)) : std::nullopt;
}

}  // namespace

std::string_view folder_name(ObjectType type) {
    const auto* found =
        std::ranges::find(kTypes, type, &std::pair<std::string_view, ObjectType>::second);
    return found->first;
}

std::optional<Target> read_target(std::string_view target) {
    const auto origin_form = without_origin(target);
    const auto query = std::min(origin_form.find('?'), origin_form.size());
    auto parts = parts_of(origin_form.substr(0, query));
    if (!parts) {
        return std::nullopt;
    }
    std::size_t folders = 0;
    while (folders < kMostFolders && folders + 1 < parts->size() &&
           !type_named((*parts)[folders])) {
        if (!is_folder((*parts)[folders])) {
            return std::nullopt;
        }
        ++folders;
    }
    auto read = target_of(std::span(*parts).subspan(folders));
    if (read) {
        read->folders.assign(parts->begin(), parts->begin() + static_cast<std::ptrdiff_t>(folders));
        read->asks_creation =
            query < origin_form.size() && asks_creation(origin_form.substr(query + 1));
    }
    return read;
}

}  // namespace muster::adapters::repo_server

#include "backup/exclude_rules.h"

#include <algorithm>

namespace muster::backup {
namespace {

constexpr std::string_view kBlanks = " \t\r\v\f";

bool is_name_byte(char character) {
    return (character >= 'a' && character <= 'z') || (character >= 'A' && character <= 'Z') ||
           (character >= '0' && character <= '9') || character == '_';
}

std::string_view trimmed(std::string_view line) {
    const auto begin = line.find_first_not_of(kBlanks);
    if (begin == std::string_view::npos) {
        return {};
    }
    return line.substr(begin, line.find_last_not_of(kBlanks) + 1 - begin);
}

/// The name of a variable at the front of `rest`, which begins behind "$" and is left behind the
/// name. Empty: the "$" stands for itself.
Result<std::string_view> take_name(std::string_view& rest) {
    const auto take = [&rest](std::size_t from, std::size_t size, std::size_t end) {
        const auto name = rest.substr(from, size);
        rest.remove_prefix(end);
        return name;
    };
    if (rest.starts_with('$')) {
        return take(0, 1, 1);
    }
    if (!rest.starts_with('{')) {
        const auto size =
            static_cast<std::size_t>(std::ranges::find_if_not(rest, is_name_byte) - rest.begin());
        return take(0, size, size);
    }
    const auto end = rest.find('}');
    if (end == std::string_view::npos || end == 1) {
        return Error(Errc::kInvalid, "\"${\" without a name and \"}\"",
                     "write ${NAME}, or $$ for the character $");
    }
    return take(1, end - 1, end + 1);
}

Result<std::string> expand(std::string_view line, const Variables& variables) {
    std::string out;
    while (!line.empty()) {
        const auto plain = std::min(line.find('$'), line.size());
        out += line.substr(0, plain);
        line.remove_prefix(plain);
        if (line.empty()) {
            break;
        }
        line.remove_prefix(1);
        TRY(const auto name, take_name(line));
        if (name.empty() || name == "$") {
            out.push_back('$');
            continue;
        }
        const auto value = variables(name);
        if (!value) {
            return Error(Errc::kInvalid, "the variable " + std::string(name) + " is not set",
                         "set it, or write $$ for the character $");
        }
        out += *value;
    }
    return out;
}

}  // namespace

Result<std::vector<std::string>> parse_pattern_file(std::string_view content,
                                                    const Variables& variables) {
    if (content.starts_with("\xff\xfe") || content.starts_with("\xfe\xff")) {
        return Error(Errc::kInvalid, "the file of patterns is UTF-16", "store it as UTF-8");
    }
    if (content.starts_with("\xef\xbb\xbf")) {
        content.remove_prefix(3);
    }
    std::vector<std::string> patterns;
    for (std::size_t number = 1; !content.empty(); ++number) {
        const auto end = std::min(content.find('\n'), content.size());
        const auto line = trimmed(content.substr(0, end));
        content.remove_prefix(std::min(end + 1, content.size()));
        if (line.empty() || line.starts_with('#')) {
            continue;
        }
        TRY(auto pattern, expand(line, variables).with("in line " + std::to_string(number)));
        patterns.push_back(std::move(pattern));
    }
    return patterns;
}

Result<TagFile> TagFile::parse(std::string_view text) {
    const auto colon = std::min(text.find(':'), text.size());
    TagFile tag{std::string(text.substr(0, colon)),
                std::string(text.substr(std::min(colon + 1, text.size())))};
    if (tag.name.empty() || tag.name.find('/') != std::string::npos) {
        return Error(Errc::kInvalid,
                     "\"" + std::string(text) + "\" does not begin with the name of a file",
                     "write NAME or NAME:HEADER, such as .nobackup");
    }
    return tag;
}

TagFile TagFile::of_caches() {
    return {"CACHEDIR.TAG", "Signature: 8a477f597d28d172789f06886806bc55"};
}

bool TagFile::is_marked_by(ByteView start) const {
    return text_of(start).starts_with(header);
}

Result<ByteCount> parse_size_limit(std::string_view text) {
    constexpr std::string_view kUnits = "kKmMgGtT";
    constexpr std::string_view kNames = "KMGT";
    std::string spelled(text);
    if (const auto unit = kUnits.find(text.empty() ? ' ' : text.back()); unit != kUnits.npos) {
        spelled.back() = kNames[unit / 2];
        spelled += "iB";
    }
    auto size = parse_size(spelled);
    if (!size) {
        return Error(Errc::kInvalid, "\"" + std::string(text) + "\" is not a size",
                     "write a whole number and a unit, such as 500k, 16M or 2G");
    }
    return size;
}

}  // namespace muster::backup

#include "backup/format/tree.h"

#include <array>
#include <charconv>

#include "backup/format/base64.h"
#include "backup/format/go_json.h"
#include "backup/format/utf8.h"
#include "backup/format/zone_clock.h"

namespace muster::backup {

namespace {

// Bits of Go's os.FileMode (package io/fs); the permissions are the low nine.
constexpr std::uint32_t kGoDirectory = 1U << 31U;
constexpr std::uint32_t kGoSymlink = 1U << 27U;
constexpr std::uint32_t kGoDevice = 1U << 26U;
constexpr std::uint32_t kGoFifo = 1U << 25U;
constexpr std::uint32_t kGoSocket = 1U << 24U;
constexpr std::uint32_t kGoSetuid = 1U << 23U;
constexpr std::uint32_t kGoSetgid = 1U << 22U;
constexpr std::uint32_t kGoCharDevice = 1U << 21U;
constexpr std::uint32_t kGoSticky = 1U << 20U;
constexpr std::uint32_t kGoIrregular = 1U << 19U;

// Bits of the system's st_mode (inode(7)).
constexpr std::uint32_t kTypeMask = 0170000;
constexpr std::uint32_t kPermissions = 0777;
constexpr std::uint32_t kSetuid = 04000;
constexpr std::uint32_t kSetgid = 02000;
constexpr std::uint32_t kSticky = 01000;

struct TypeBits {
    std::uint32_t system;
    std::uint32_t go;
};
constexpr std::array<TypeBits, 7> kTypes{{{0040000, kGoDirectory},
                                          {0120000, kGoSymlink},
                                          {0060000, kGoDevice},
                                          {0020000, kGoDevice | kGoCharDevice},
                                          {0010000, kGoFifo},
                                          {0140000, kGoSocket},
                                          {0100000, 0}}};
constexpr std::uint32_t kGoTypeMask =
    kGoDirectory | kGoSymlink | kGoDevice | kGoCharDevice | kGoFifo | kGoSocket | kGoIrregular;

struct SpecialBit {
    std::uint32_t system;
    std::uint32_t go;
};
constexpr std::array<SpecialBit, 3> kSpecialBits{
    {{kSetuid, kGoSetuid}, {kSetgid, kGoSetgid}, {kSticky, kGoSticky}}};

void append_decimal(std::string& out, std::uint64_t number) {
    char digits[20];  // NOLINT: to_chars wants an array
    out.append(digits, std::to_chars(digits, digits + sizeof digits, number).ptr);
}

void append_time_field(std::string& out, std::string_view key, NodeTime time, ZoneClock& zone) {
    out += key;
    append_time(out, time.seconds, time.nanoseconds, zone.offset_at(time.seconds));
    out += '"';
}

/// A number that Go leaves out when it is zero.
void append_unless_zero(std::string& out, std::string_view key, std::uint64_t number) {
    if (number != 0) {
        out += key;
        append_decimal(out, number);
    }
}

void append_unless_empty(std::string& out, std::string_view key, std::string_view text) {
    if (!text.empty()) {
        out += key;
        append_json_string(out, text);
    }
}

void append_attributes(std::string& out, const std::vector<ExtendedAttribute>& attributes) {
    if (attributes.empty()) {
        return;
    }
    char separator = '[';
    out += R"(,"extended_attributes":)";
    for (const auto& attribute : attributes) {
        out += separator;
        out += R"({"name":)";
        append_json_string(out, attribute.name);
        out += R"(,"value":")";
        append_base64(out, bytes_of(attribute.value));
        out += R"("})";
        separator = ',';
    }
    out += ']';
}

void append_content(std::string& out, const Node& node) {
    out += R"(,"content":)";
    if (!node.is_file()) {
        out += "null";
        return;
    }
    char separator = '[';
    for (const auto& id : node.content) {
        out += separator;
        out += '"';
        out += id.hex();
        out += '"';
        separator = ',';
    }
    out += node.content.empty() ? "[]" : "]";
}

bool is_valid_utf8(std::string_view text) {
    while (!text.empty()) {
        const auto next = decode_rune(text);
        if (!next.rune) {
            return false;
        }
        text.remove_prefix(next.size);
    }
    return true;
}

/// A target that is not valid UTF-8 would not survive JSON: since 0.16 restic keeps its bytes.
void append_target(std::string& out, const Node& node) {
    if (node.link_target.empty()) {
        return;
    }
    out += R"(,"linktarget":)";
    append_json_string(out, node.link_target);
    if (!is_valid_utf8(node.link_target)) {
        out += R"(,"linktarget_raw":")";
        append_base64(out, bytes_of(node.link_target));
        out += '"';
    }
}

}  // namespace

std::string_view to_string(NodeType type) {
    constexpr std::array<std::string_view, 8> kNames{"file",    "dir",  "symlink", "dev",
                                                     "chardev", "fifo", "socket",  "irregular"};
    return kNames[static_cast<std::size_t>(type)];
}

std::uint32_t go_mode(std::uint32_t system_mode) {
    std::uint32_t mode = system_mode & kPermissions;
    for (const auto& bit : kSpecialBits) {
        mode |= (system_mode & bit.system) != 0 ? bit.go : 0;
    }
    for (const auto& type : kTypes) {
        if ((system_mode & kTypeMask) == type.system) {
            return mode | type.go;
        }
    }
    return mode | kGoIrregular;
}

std::uint32_t system_mode(std::uint32_t go_mode) {
    std::uint32_t mode = go_mode & kPermissions;
    for (const auto& bit : kSpecialBits) {
        mode |= (go_mode & bit.go) != 0 ? bit.system : 0;
    }
    for (const auto& type : kTypes) {
        if ((go_mode & kGoTypeMask) == type.go) {
            return mode | type.system;
        }
    }
    return mode;
}

void append_node(std::string& out, const Node& node, ZoneClock& zone) {
    out += R"({"name":)";
    append_quoted_name(out, node.name);
    out += R"(,"type":")";
    out += to_string(node.type);
    out += '"';
    append_unless_zero(out, R"(,"mode":)", node.mode);
    append_time_field(out, R"(,"mtime":")", node.mtime, zone);
    append_time_field(out, R"(,"atime":")", node.atime, zone);
    append_time_field(out, R"(,"ctime":")", node.ctime, zone);
    out += R"(,"uid":)";
    append_decimal(out, node.uid);
    out += R"(,"gid":)";
    append_decimal(out, node.gid);
    append_unless_empty(out, R"(,"user":)", node.user);
    append_unless_empty(out, R"(,"group":)", node.group);
    append_unless_zero(out, R"(,"inode":)", node.inode);
    append_unless_zero(out, R"(,"device_id":)", node.device_id);
    append_unless_zero(out, R"(,"size":)", node.size);
    append_unless_zero(out, R"(,"links":)", node.links);
    append_target(out, node);
    append_attributes(out, node.attributes);
    append_unless_zero(out, R"(,"device":)", node.device);
    append_content(out, node);
    if (node.subtree) {
        out += R"(,"subtree":")";
        out += node.subtree->hex();
        out += '"';
    }
    append_unless_empty(out, R"(,"error":)", node.error);
    out += '}';
}

}  // namespace muster::backup

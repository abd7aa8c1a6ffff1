#include "backup/restore/tar_header.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

namespace muster::backup {

namespace {

/// The fields of a ustar header, in their order.
struct Fields {
    char name[100];    // NOLINT: the format's own layout
    char mode[8];      // NOLINT
    char uid[8];       // NOLINT
    char gid[8];       // NOLINT
    char size[12];     // NOLINT
    char mtime[12];    // NOLINT
    char checksum[8];  // NOLINT
    char type;
    char link[100];    // NOLINT
    char magic[8];     // NOLINT
    char user[32];     // NOLINT
    char group[32];    // NOLINT
    char major[8];     // NOLINT
    char minor[8];     // NOLINT
    char prefix[155];  // NOLINT
    char padding[12];  // NOLINT
};
static_assert(sizeof(Fields) == kTarBlock);

constexpr unsigned kModeBits = 07777;
constexpr char kExtended = 'x';

/// A number in octal digits with a zero byte behind them; false when it does not fit.
template <std::size_t kSize>
bool put_number(char (&field)[kSize], std::uint64_t value) {  // NOLINT
    std::array<char, 24> digits{};
    const int count =
        std::snprintf(digits.data(), digits.size(), "%0*llo",  // NOLINT
                      static_cast<int>(kSize - 1), static_cast<unsigned long long>(value));
    if (count >= static_cast<int>(kSize)) {
        std::fill_n(field, kSize - 1, '0');
        return false;
    }
    std::memcpy(field, digits.data(), kSize - 1);
    return true;
}

/// A text cut to what fits; false when it was cut, or is not plain ASCII.
template <std::size_t kSize>
bool put_text(char (&field)[kSize], const std::string& text) {  // NOLINT
    std::memcpy(field, text.data(), std::min(kSize, text.size()));
    return text.size() <= kSize && std::ranges::all_of(text, [](char letter) {
               return static_cast<unsigned char>(letter) < 0x80U;
           });
}

/// "27 path=…\n": the length counts its own digits.
void add_record(std::string& records, const std::string& key, const std::string& value) {
    const std::size_t rest = key.size() + value.size() + 3;
    std::size_t length = rest + std::to_string(rest).size();
    length = rest + std::to_string(length).size();
    records += std::to_string(length) + " " + key + "=" + value + "\n";
}

std::string time_text(const NodeTime& time) {
    std::array<char, 16> fraction{};
    // Before 1970 the fraction counts the other way.
    const bool is_before = time.seconds < 0 && time.nanoseconds > 0;
    constexpr std::uint32_t kSecond = 1'000'000'000;
    const std::uint32_t part = is_before ? kSecond - time.nanoseconds : time.nanoseconds;
    const std::int64_t whole = is_before ? time.seconds + 1 : time.seconds;
    std::snprintf(fraction.data(), fraction.size(), ".%09u", part);  // NOLINT
    const std::string sign = is_before && whole == 0 ? "-" : "";
    return sign + std::to_string(whole) + (part == 0 ? "" : fraction.data());
}

char type_of(const Node& node) {
    switch (node.type) {
        case NodeType::kFile:
            return '0';
        case NodeType::kSymlink:
            return '2';
        case NodeType::kCharDevice:
            return '3';
        case NodeType::kDevice:
            return '4';
        case NodeType::kDirectory:
            return '5';
        case NodeType::kFifo:
            return '6';
        default:
            return '\0';
    }
}

/// Puts the checksum, and appends the block.
void append_block(std::string& out, Fields& fields) {
    std::memcpy(fields.magic, "ustar\00000", sizeof fields.magic);
    std::memset(fields.checksum, ' ', sizeof fields.checksum);
    std::array<unsigned char, kTarBlock> bytes{};
    std::memcpy(bytes.data(), &fields, kTarBlock);
    unsigned sum = 0;
    for (const auto byte : bytes) {
        sum += byte;
    }
    std::snprintf(fields.checksum, 7, "%06o", sum);                 // NOLINT
    out.append(reinterpret_cast<const char*>(&fields), kTarBlock);  // NOLINT
}

void append_extended(std::string& out, std::string records) {
    if (records.empty()) {
        return;
    }
    Fields fields{};
    put_text(fields.name, "PaxHeaders/entry");
    put_number(fields.mode, 0600U);
    put_number(fields.uid, 0);
    put_number(fields.gid, 0);
    put_number(fields.mtime, 0);
    put_number(fields.size, records.size());
    fields.type = kExtended;
    append_block(out, fields);
    records.resize((records.size() + kTarBlock - 1) / kTarBlock * kTarBlock, '\0');
    out += records;
}

std::uint32_t number_at(const std::string& bytes, std::size_t at, std::size_t size) {
    std::uint32_t number = 0;
    std::memcpy(&number, bytes.data() + at, size);  // Little-endian, as every machine we run on.
    return number;
}

constexpr std::array<const char*, 8> kAllowed{"---", "--x", "-w-", "-wx",
                                              "r--", "r-x", "rw-", "rwx"};

/// A POSIX ACL from the kernel's bytes (linux/posix_acl_xattr.h) as tar programs read it,
/// "user::rw-,user:1000:r--"; empty when it is none.
std::string acl_text(const std::string& bytes) {
    constexpr std::size_t kHead = 4;
    constexpr std::size_t kEntry = 8;
    std::string text;
    for (std::size_t at = kHead; at + kEntry <= bytes.size(); at += kEntry) {
        const auto tag = number_at(bytes, at, 2);
        const auto allowed = number_at(bytes, at + 2, 2);
        const bool is_named = tag == 0x02U || tag == 0x08U;
        const char* const word = tag <= 0x02U   ? "user:"
                                 : tag <= 0x08U ? "group:"
                                 : tag == 0x10U ? "mask:"
                                                : "other:";
        text += (text.empty() ? "" : ",") + std::string(word) +
                (is_named ? std::to_string(number_at(bytes, at + kHead, 4)) : "") + ":";
        text += kAllowed.at(allowed & 7U);
    }
    return text;
}

void add_attribute(std::string& records, const ExtendedAttribute& attribute) {
    if (attribute.name == "system.posix_acl_access") {
        add_record(records, "SCHILY.acl.access", acl_text(attribute.value));
    } else if (attribute.name == "system.posix_acl_default") {
        add_record(records, "SCHILY.acl.default", acl_text(attribute.value));
    } else {
        add_record(records, "SCHILY.xattr." + attribute.name, attribute.value);
    }
}

// As glibc's makedev has it.
std::uint64_t major_of(std::uint64_t device) {
    return ((device >> 8U) & 0xfffU) | ((device >> 32U) & 0xfffff000U);
}
std::uint64_t minor_of(std::uint64_t device) {
    return (device & 0xffU) | ((device >> 12U) & 0xffffff00U);
}

}  // namespace

std::string tar_header(const Node& node, const std::string& path, const std::string& link_to) {
    Fields fields{};
    std::string records;
    fields.type = link_to.empty() ? type_of(node) : '1';
    if (fields.type == '\0') {
        return {};
    }
    const std::string name = node.is_directory() ? path + "/" : path;
    const std::string& target = link_to.empty() ? node.link_target : link_to;
    const std::uint64_t size = node.is_file() && link_to.empty() ? node.size : 0;
    const auto record = [&](bool fits, const char* key, const std::string& value) {
        if (!fits) {
            add_record(records, key, value);
        }
    };
    record(put_text(fields.name, name), "path", name);
    record(put_text(fields.link, target), "linkpath", target);
    put_number(fields.mode, system_mode(node.mode) & kModeBits);
    record(put_number(fields.uid, node.uid), "uid", std::to_string(node.uid));
    record(put_number(fields.gid, node.gid), "gid", std::to_string(node.gid));
    record(put_number(fields.size, size), "size", std::to_string(size));
    const auto seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(node.mtime.seconds, 0));
    const bool is_plain = node.mtime.seconds >= 0 && node.mtime.nanoseconds == 0;
    record(put_number(fields.mtime, seconds) && is_plain, "mtime", time_text(node.mtime));
    record(put_text(fields.user, node.user), "uname", node.user);
    record(put_text(fields.group, node.group), "gname", node.group);
    put_number(fields.major, major_of(node.device));
    put_number(fields.minor, minor_of(node.device));
    for (const auto& attribute : node.attributes) {
        add_attribute(records, attribute);
    }
    std::string out;
    append_extended(out, std::move(records));
    append_block(out, fields);
    return out;
}

std::string tar_end() {
    return std::string(2 * kTarBlock, '\0');
}

}  // namespace muster::backup

#include "adapters/blob/sftp_wire.h"

#include <algorithm>
#include <limits>

namespace muster::adapters {

namespace {

// The most that an answer has: data of 32 KiB, or some hundred names.
constexpr std::uint32_t kMaxPacket = 1U << 20U;
constexpr std::uint32_t kHasSize = 1;
constexpr std::uint32_t kHasOwner = 2;
constexpr std::uint32_t kHasMode = 4;
constexpr std::uint32_t kHasTimes = 8;
constexpr std::uint32_t kHasMore = 0x80000000U;

Error not_sftp(std::string_view what) {
    return Error{Errc::kUnavailable, "the server speaks no SFTP: " + std::string(what)};
}

// Reads fields; the first that is not there makes all that follow empty.
class FieldReader {
  public:
    explicit FieldReader(std::string_view bytes) : bytes_(bytes) {}
    std::uint32_t number() { return static_cast<std::uint32_t>(big_endian(4)); }
    std::uint64_t long_number() { return big_endian(8); }
    std::string_view text() { return take(number()); }
    [[nodiscard]] bool is_good() const { return is_good_; }
    [[nodiscard]] bool is_at_end() const { return bytes_.empty(); }

    SftpAttributes attributes() {
        SftpAttributes found;
        const auto flags = number();
        if ((flags & kHasSize) != 0) {
            found.size = long_number();
        }
        if ((flags & kHasOwner) != 0) {
            long_number();
        }
        if ((flags & kHasMode) != 0) {
            found.mode = number();
        }
        if ((flags & kHasTimes) != 0) {
            long_number();
        }
        const auto more = (flags & kHasMore) != 0 ? number() : 0;
        for (std::uint32_t i = 0; i < more && is_good_; ++i) {
            text();
            text();
        }
        return found;
    }

  private:
    std::string_view take(std::size_t size) {
        if (size > bytes_.size()) {
            is_good_ = false;
            bytes_ = {};
            return {};
        }
        const auto taken = bytes_.substr(0, size);
        bytes_.remove_prefix(size);
        return taken;
    }
    std::uint64_t big_endian(std::size_t size) {
        std::uint64_t value = 0;
        for (const char letter : take(size)) {
            value = value << 8U | static_cast<unsigned char>(letter);
        }
        return value;
    }

    std::string_view bytes_;
    bool is_good_ = true;
};

void append_big_endian(std::string& bytes, std::uint64_t value, unsigned size) {
    for (unsigned shift = size * 8; shift > 0; shift -= 8) {
        bytes += static_cast<char>(value >> (shift - 8) & 0xFFU);
    }
}

}  // namespace

SftpFields& SftpFields::number(std::uint32_t value) {
    append_big_endian(bytes_, value, 4);
    return *this;
}

SftpFields& SftpFields::long_number(std::uint64_t value) {
    append_big_endian(bytes_, value, 8);
    return *this;
}

SftpFields& SftpFields::text(std::string_view value) {
    number(static_cast<std::uint32_t>(value.size()));
    bytes_ += value;
    return *this;
}

SftpFields& SftpFields::permissions(std::uint32_t mode) {
    return number(kHasMode).number(mode);
}

bool SftpAnswer::is_status(SftpStatus wanted) const {
    return type == SftpType::kStatus &&
           FieldReader(fields).number() == static_cast<std::uint32_t>(wanted);
}

Result<> SftpAnswer::ok() const {
    FieldReader reader(fields);
    const auto code = reader.number();
    if (type != SftpType::kStatus || !reader.is_good()) {
        return not_sftp("an answer of another kind");
    }
    std::string message(reader.text().substr(0, 200));
    std::ranges::replace_if(
        message, [](char letter) { return static_cast<unsigned char>(letter) < ' '; }, '?');
    switch (static_cast<SftpStatus>(code)) {
        case SftpStatus::kOk:
            return {};
        case SftpStatus::kNoSuchFile:
            return Error{Errc::kNotFound, message};
        case SftpStatus::kPermissionDenied:
            return Error{Errc::kDenied, message};
        default:
            return Error{Errc::kUnavailable,
                         message + " (sftp status " + std::to_string(code) + ")"};
    }
}

Result<std::string> SftpAnswer::handle() const {
    if (type != SftpType::kHandle) {
        TRY_OK(ok());
    }
    FieldReader reader(fields);
    auto text = std::string(reader.text());
    if (type != SftpType::kHandle || !reader.is_good()) {
        return not_sftp("no handle");
    }
    return text;
}

Result<std::string_view> SftpAnswer::data() const {
    if (type != SftpType::kData) {
        TRY_OK(ok());
    }
    FieldReader reader(fields);
    const auto text = reader.text();
    if (type != SftpType::kData || !reader.is_good()) {
        return not_sftp("no data");
    }
    return text;
}

Result<SftpAttributes> SftpAnswer::attributes() const {
    if (type != SftpType::kAttrs) {
        TRY_OK(ok());
    }
    FieldReader reader(fields);
    const auto found = reader.attributes();
    if (type != SftpType::kAttrs || !reader.is_good()) {
        return not_sftp("no attributes");
    }
    return found;
}

Result<std::vector<SftpEntry>> SftpAnswer::entries() const {
    if (type != SftpType::kName) {
        TRY_OK(ok());
    }
    FieldReader reader(fields);
    const auto count = reader.number();
    std::vector<SftpEntry> found;
    for (std::uint32_t i = 0; i < count && reader.is_good(); ++i) {
        SftpEntry entry;
        entry.name = reader.text();
        reader.text();  // As "ls -l" prints it.
        entry.attributes = reader.attributes();
        found.push_back(std::move(entry));
    }
    if (type != SftpType::kName || !reader.is_good() || !reader.is_at_end()) {
        return not_sftp("no names");
    }
    return found;
}

Result<std::uint64_t> SftpAnswer::room() const {
    if (type != SftpType::kExtendedReply) {
        TRY_OK(ok());
    }
    FieldReader reader(fields);
    reader.long_number();  // The size that is best for transfers.
    const auto unit = reader.long_number();
    reader.long_number();  // All units.
    reader.long_number();  // Those that are free for root.
    const auto free = reader.long_number();
    if (type != SftpType::kExtendedReply || !reader.is_good()) {
        return not_sftp("no numbers of a file system");
    }
    const bool is_too_much = unit != 0 && free > std::numeric_limits<std::uint64_t>::max() / unit;
    return is_too_much ? std::numeric_limits<std::uint64_t>::max() : free * unit;
}

Result<std::optional<SftpAnswer>> take_packet(std::string_view bytes, std::size_t& at) {
    const auto rest = bytes.substr(at);
    if (rest.size() < 4) {
        return std::optional<SftpAnswer>{};
    }
    const auto length = FieldReader(rest).number();
    if (length < 5 || length > kMaxPacket) {
        return not_sftp("a packet of " + std::to_string(length) +
                        " bytes; does its login print something?");
    }
    if (rest.size() < 4 + std::size_t{length}) {
        return std::optional<SftpAnswer>{};
    }
    at += 4 + std::size_t{length};
    SftpAnswer answer;
    answer.type = static_cast<SftpType>(rest[4]);
    answer.id = FieldReader(rest.substr(5)).number();
    answer.fields = rest.substr(9, length - 5);
    return std::optional<SftpAnswer>(std::move(answer));
}

std::string sftp_packet(SftpType type, std::uint32_t id, const SftpFields& fields) {
    std::string bytes;
    append_big_endian(bytes, fields.bytes().size() + 5, 4);
    bytes += static_cast<char>(type);
    append_big_endian(bytes, id, 4);
    return bytes + fields.bytes();
}

Result<std::vector<std::string>> read_version(const SftpAnswer& answer) {
    constexpr std::uint32_t kVersion = 3;
    if (answer.type != SftpType::kVersion || answer.id != kVersion) {
        return not_sftp("not its version 3");
    }
    std::vector<std::string> names;
    FieldReader reader(answer.fields);
    while (reader.is_good() && !reader.is_at_end()) {
        names.emplace_back(reader.text());
        reader.text();
    }
    if (!reader.is_good()) {
        return not_sftp("a broken greeting");
    }
    return names;
}

}  // namespace muster::adapters

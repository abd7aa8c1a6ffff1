#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace muster::adapters {

/// What packets are (draft-ietf-secsh-filexfer-02, which OpenSSH speaks as version 3).
enum class SftpType : std::uint8_t {
    kInit = 1,
    kVersion = 2,
    kOpen = 3,
    kClose = 4,
    kRead = 5,
    kWrite = 6,
    kFstat = 8,
    kOpendir = 11,
    kReaddir = 12,
    kRemove = 13,
    kMkdir = 14,
    kStat = 17,
    kRename = 18,
    kStatus = 101,
    kHandle = 102,
    kData = 103,
    kName = 104,
    kAttrs = 105,
    kExtended = 200,
    kExtendedReply = 201,
};

/// What a status says.
enum class SftpStatus : std::uint32_t {
    kOk = 0,
    kEof = 1,
    kNoSuchFile = 2,
    kPermissionDenied = 3,
    kUnsupported = 8,
};

/// The fields of a packet, one after another: `SftpFields().text(path).number(flags)`.
class SftpFields {
  public:
    SftpFields& number(std::uint32_t value);
    SftpFields& long_number(std::uint64_t value);
    SftpFields& text(std::string_view value);
    /// Attributes that have nothing but permissions.
    SftpFields& permissions(std::uint32_t mode);
    [[nodiscard]] const std::string& bytes() const { return bytes_; }

  private:
    std::string bytes_;
};

/// What of a file's attributes is of use.
struct SftpAttributes {
    std::optional<std::uint64_t> size;
    std::optional<std::uint32_t> mode;
    [[nodiscard]] bool is_folder() const { return mode && (*mode & 0170000U) == 0040000U; }
};

struct SftpEntry {
    std::string name;
    SftpAttributes attributes;
};

/// An answer: its type and what follows its id.
struct SftpAnswer {
    SftpType type = SftpType::kStatus;
    std::uint32_t id = 0;
    std::string fields;

    /// kUnavailable when it is no status; the meaning of one that is not kOk as an Error:
    /// kNotFound, kDenied, kUnavailable.
    [[nodiscard]] Result<> ok() const;
    [[nodiscard]] bool is_status(SftpStatus wanted) const;
    [[nodiscard]] Result<std::string> handle() const;
    [[nodiscard]] Result<std::string_view> data() const;
    [[nodiscard]] Result<SftpAttributes> attributes() const;
    [[nodiscard]] Result<std::vector<SftpEntry>> entries() const;
    /// The bytes that an ordinary user may still write, of an answer to statvfs@openssh.com
    /// (OpenSSH's PROTOCOL, section 4.4).
    [[nodiscard]] Result<std::uint64_t> room() const;
};

/// Takes one packet from the front of `bytes`, from `at` on, and moves `at` behind it; nullopt when
/// it is not whole yet. kUnavailable: what speaks there does not speak SFTP.
Result<std::optional<SftpAnswer>> take_packet(std::string_view bytes, std::size_t& at);

/// A packet as it is sent.
std::string sftp_packet(SftpType type, std::uint32_t id, const SftpFields& fields);

/// The greeting's answer is no answer to an id: version, then names and values of extensions. The
/// extensions' names. kUnavailable for another version than 3.
Result<std::vector<std::string>> read_version(const SftpAnswer& answer);

}  // namespace muster::adapters

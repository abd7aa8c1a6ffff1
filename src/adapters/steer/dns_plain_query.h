#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace muster::adapters {

/// A header (RFC 1035 section 4.1.1), and type and class behind a name.
inline constexpr std::size_t kDnsHeader = 12;
inline constexpr std::size_t kDnsTypeAndClass = 4;
/// QR, in the third byte.
inline constexpr std::uint8_t kDnsAnswerBit = 0x80;
/// An OPT record without options (RFC 6891 section 6.1.2).
inline constexpr std::size_t kDnsOpt = 11;

/// A query of the one form that nearly all have: one question of class IN with an uncompressed
/// name, and behind it nothing, or one OPT record of EDNS version 0 whatever its options.
class PlainQuery {
  public:
    /// Nothing for every other form. Reads nothing beyond the end.
    static std::optional<PlainQuery> read(std::span<const std::uint8_t> query);

    /// In wire form and lower case, with the root's zero byte.
    [[nodiscard]] std::string_view name() const { return {name_.data(), name_size_}; }
    [[nodiscard]] std::uint16_t type() const { return type_; }
    [[nodiscard]] bool has_edns() const { return has_edns_; }
    /// Where the question ends.
    [[nodiscard]] std::size_t end() const { return kDnsHeader + name_size_ + kDnsTypeAndClass; }
    /// How long an answer by UDP may be: what the asker takes, within our limits.
    [[nodiscard]] std::size_t room() const { return room_; }

  private:
    static constexpr std::size_t kMaxName = 255;  ///< RFC 1035 section 2.3.4.

    bool read_name(std::span<const std::uint8_t> query);
    bool read_edns(std::span<const std::uint8_t> query);

    std::array<char, kMaxName> name_;
    std::size_t name_size_ = 0;
    std::uint16_t type_ = 0;
    bool has_edns_ = false;
    std::size_t room_ = 0;
};

std::uint16_t dns_number_at(std::span<const std::uint8_t> bytes, std::size_t at);
void put_dns_number(std::span<std::uint8_t> bytes, std::size_t at, std::size_t number);

/// A name in wire form without its first label; empty behind the root.
std::string_view parent_of_wire(std::string_view name);

/// ASCII only, as DNS compares. Lengths of labels are below 'A', so that it may see whole names.
inline char lower_dns_byte(std::uint8_t byte) {
    return static_cast<char>(byte >= 'A' && byte <= 'Z' ? byte + ('a' - 'A') : byte);
}

}  // namespace muster::adapters

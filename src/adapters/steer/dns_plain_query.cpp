#include "adapters/steer/dns_plain_query.h"

#include <algorithm>

#include "adapters/steer/dns_message.h"

namespace muster::adapters {
namespace {

constexpr std::size_t kMaxLabel = 63;
constexpr std::uint8_t kOpcode = 0x78;

}  // namespace

std::uint16_t dns_number_at(std::span<const std::uint8_t> bytes, std::size_t at) {
    return static_cast<std::uint16_t>(bytes[at] << 8U | bytes[at + 1]);
}

void put_dns_number(std::span<std::uint8_t> bytes, std::size_t at, std::size_t number) {
    bytes[at] = static_cast<std::uint8_t>(number >> 8U);
    bytes[at + 1] = static_cast<std::uint8_t>(number);
}

std::string_view parent_of_wire(std::string_view name) {
    return name.size() <= 1 ? std::string_view()
                            : name.substr(1 + static_cast<std::uint8_t>(name[0]));
}

std::optional<PlainQuery> PlainQuery::read(std::span<const std::uint8_t> query) {
    PlainQuery plain;
    const bool has_form = query.size() > kDnsHeader &&
                          (query[2] & (kDnsAnswerBit | kOpcode)) == 0 &&
                          dns_number_at(query, 4) == 1 && dns_number_at(query, 6) == 0 &&
                          dns_number_at(query, 8) == 0 && dns_number_at(query, 10) <= 1;
    if (!has_form || !plain.read_name(query) || query.size() < plain.end()) {
        return std::nullopt;
    }
    plain.type_ = dns_number_at(query, plain.end() - kDnsTypeAndClass);
    const bool is_answered = dns_number_at(query, plain.end() - 2) == LDNS_RR_CLASS_IN &&
                             plain.type_ != LDNS_RR_TYPE_AXFR && plain.type_ != LDNS_RR_TYPE_IXFR;
    if (!is_answered || !plain.read_edns(query)) {
        return std::nullopt;
    }
    return plain;
}

bool PlainQuery::read_name(std::span<const std::uint8_t> query) {
    const auto rest = query.subspan(kDnsHeader);
    while (name_size_ < rest.size()) {
        const std::size_t label = rest[name_size_];
        name_size_ += 1 + label;
        if (label > kMaxLabel || name_size_ > std::min(kMaxName, rest.size())) {
            return false;
        }
        if (label == 0) {
            std::transform(rest.begin(), rest.begin() + static_cast<long>(name_size_),
                           name_.begin(), lower_dns_byte);
            return true;
        }
    }
    return false;
}

bool PlainQuery::read_edns(std::span<const std::uint8_t> query) {
    room_ = kPlainUdpAnswer;
    const auto rest = query.subspan(end());
    if (dns_number_at(query, 10) == 0) {
        return rest.empty();
    }
    has_edns_ = true;
    const bool is_version_zero = rest.size() >= kDnsOpt && rest[0] == 0 &&
                                 dns_number_at(rest, 1) == LDNS_RR_TYPE_OPT && rest[5] == 0 &&
                                 rest[6] == 0;
    if (!is_version_zero) {
        return false;
    }
    room_ = std::clamp<std::size_t>(dns_number_at(rest, 3), kPlainUdpAnswer, kMaxUdpAnswer);
    return rest.size() == kDnsOpt + dns_number_at(rest, 9);
}

}  // namespace muster::adapters

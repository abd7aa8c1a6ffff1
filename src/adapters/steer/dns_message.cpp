#include "adapters/steer/dns_message.h"

#include <algorithm>

#include "adapters/steer/dns_plain_query.h"

namespace muster::adapters {

namespace {

struct FreePacket {
    void operator()(ldns_pkt* packet) const { ldns_pkt_free(packet); }
};
using Packet = std::unique_ptr<ldns_pkt, FreePacket>;

constexpr std::uint8_t kOpcodeAndRecursion = 0x79;

// The header of what can't be parsed, sent back with FORMERR: RFC 1035 section 4.1.1.
std::vector<std::uint8_t> malformed(std::span<const std::uint8_t> query) {
    std::vector<std::uint8_t> out(kDnsHeader, 0);
    out[0] = query[0];
    out[1] = query[1];
    out[2] = static_cast<std::uint8_t>(kDnsAnswerBit | (query[2] & kOpcodeAndRecursion));
    out[3] = LDNS_RCODE_FORMERR;
    return out;
}

std::vector<std::uint8_t> to_wire(const ldns_pkt* packet) {
    std::uint8_t* wire = nullptr;
    std::size_t size = 0;
    if (ldns_pkt2wire(&wire, packet, &size) != LDNS_STATUS_OK) {
        return {};
    }
    std::vector<std::uint8_t> bytes(wire, wire + size);
    free(wire);
    return bytes;
}

void push(ldns_pkt* packet, ldns_pkt_section section, const ldns_rr_list* list) {
    for (std::size_t i = 0; i < ldns_rr_list_rr_count(list); ++i) {
        ldns_pkt_push_rr(packet, section, ldns_rr_clone(ldns_rr_list_rr(list, i)));
    }
}

Packet reply_to(const ldns_pkt* query) {
    Packet reply(ldns_pkt_new());
    ldns_pkt_set_id(reply.get(), ldns_pkt_id(query));
    ldns_pkt_set_qr(reply.get(), true);
    ldns_pkt_set_rd(reply.get(), ldns_pkt_rd(query));
    ldns_pkt_set_opcode(reply.get(), ldns_pkt_get_opcode(query));
    // What asks for more than one thing gets none of it back: hundreds would fit no answer.
    if (ldns_pkt_qdcount(query) == 1) {
        push(reply.get(), LDNS_SECTION_QUESTION, ldns_pkt_question(query));
    }
    if (ldns_pkt_edns(query)) {
        ldns_pkt_set_edns_udp_size(reply.get(), kMaxUdpAnswer);
    }
    return reply;
}

// Everything that is decided before a name is looked up.
ldns_pkt_rcode judge(const ldns_pkt* query, ldns_pkt* reply) {
    if (ldns_pkt_get_opcode(query) != LDNS_PACKET_QUERY) {
        return LDNS_RCODE_NOTIMPL;
    }
    if (ldns_pkt_qdcount(query) != 1) {
        return LDNS_RCODE_FORMERR;
    }
    if (ldns_pkt_edns(query) && ldns_pkt_edns_version(query) != 0) {
        ldns_pkt_set_edns_extended_rcode(reply, 1);  // BADVERS, RFC 6891 section 6.1.3
        return LDNS_RCODE_NOERROR;
    }
    const auto* question = ldns_rr_list_rr(ldns_pkt_question(query), 0);
    const auto type = ldns_rr_get_type(question);
    if (ldns_rr_get_class(question) != LDNS_RR_CLASS_IN || type == LDNS_RR_TYPE_AXFR ||
        type == LDNS_RR_TYPE_IXFR) {
        return LDNS_RCODE_REFUSED;
    }
    return LDNS_RCODE_NOERROR;
}

void look_up(const ldns_pkt* query, const DnsTable& table, ldns_pkt* reply) {
    const auto* question = ldns_rr_list_rr(ldns_pkt_question(query), 0);
    char* text = ldns_rdf2str(ldns_rr_owner(question));
    const auto finding = table.find(plain_name(text), ldns_rr_get_type(question));
    free(text);
    ldns_pkt_set_rcode(reply, finding.rcode);
    ldns_pkt_set_aa(reply, finding.is_authoritative);
    for (const auto* answers : finding.answers) {
        push(reply, LDNS_SECTION_ANSWER, answers);
    }
    if (finding.authority != nullptr) {
        push(reply, LDNS_SECTION_AUTHORITY, finding.authority);
    }
}

std::size_t room_of(const ldns_pkt* query) {
    if (!ldns_pkt_edns(query)) {
        return kPlainUdpAnswer;
    }
    return std::clamp<std::size_t>(ldns_pkt_edns_udp_size(query), kPlainUdpAnswer, kMaxUdpAnswer);
}

}  // namespace

std::vector<std::uint8_t> answer_query(std::span<const std::uint8_t> query, const DnsTable& table,
                                       bool is_udp) {
    if (query.size() < kDnsHeader || (query[2] & kDnsAnswerBit) != 0) {
        return {};
    }
    ldns_pkt* parsed = nullptr;
    if (ldns_wire2pkt(&parsed, query.data(), query.size()) != LDNS_STATUS_OK) {
        return malformed(query);
    }
    const Packet packet(parsed);
    auto reply = reply_to(packet.get());
    const auto verdict = judge(packet.get(), reply.get());
    ldns_pkt_set_rcode(reply.get(), verdict);
    const bool is_bad_version =
        ldns_pkt_edns(packet.get()) && ldns_pkt_edns_version(packet.get()) != 0;
    if (verdict == LDNS_RCODE_NOERROR && !is_bad_version) {
        look_up(packet.get(), table, reply.get());
    }
    auto wire = to_wire(reply.get());
    if (is_udp && wire.size() > room_of(packet.get())) {
        auto cut = reply_to(packet.get());
        ldns_pkt_set_aa(cut.get(), true);
        ldns_pkt_set_tc(cut.get(), true);
        wire = to_wire(cut.get());
    }
    return wire.empty() ? malformed(query) : wire;
}

}  // namespace muster::adapters

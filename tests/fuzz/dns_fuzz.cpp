// Messages to the name server, as they come by UDP and TCP. What is prepared must say the same as
// what is built for each query; both may refuse, neither may fail.
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "adapters/steer/dns_answers.h"
#include "adapters/steer/dns_message.h"

namespace {

using namespace muster;
using adapters::DnsAnswers;
using Message = std::vector<std::uint8_t>;

std::shared_ptr<const DnsAnswers> make_answers() {
    using std::chrono_literals::operator""s;
    const std::vector<adapters::DnsResponder::Zone> zones{
        {"example.com",
         {"ns1.example.com"},
         "hostmaster",
         {{{"ns1.example.com", "A", 60s}, {"127.0.0.1"}},
          {{"alias.example.com", "CNAME", 60s}, {"shop.example.com"}},
          {{"loop.example.com", "CNAME", 60s}, {"loop.example.com"}},
          {{"a.b.example.com", "TXT", 60s}, {"text"}},
          {{"big.example.com", "TXT", 60s}, std::vector<std::string>(7, std::string(200, 'b'))}}},
        {"in.b.example.com", {"ns.elsewhere.net"}, "hostmaster", {}}};
    const std::vector<adapters::DnsTable::Set> steered{
        {{"shop.example.com", "A", 30s}, {"192.0.2.1", "192.0.2.2"}, 5s}};
    return DnsAnswers::build(zones, steered, 1).value();
}

/// Flags, EDNS and all records in full, however they were compressed.
std::string meaning_of(const Message& wire) {
    ldns_pkt* packet = nullptr;
    if (ldns_wire2pkt(&packet, wire.data(), wire.size()) != LDNS_STATUS_OK) {
        return "not readable";
    }
    std::string text(wire.begin(), wire.begin() + adapters::kDnsHeader);
    text += std::to_string(ldns_pkt_edns_udp_size(packet));
    for (const auto* list : {ldns_pkt_question(packet), ldns_pkt_answer(packet),
                             ldns_pkt_authority(packet), ldns_pkt_additional(packet)}) {
        char* part = ldns_rr_list2str(list);
        text += adapters::plain_name(part == nullptr ? "" : part) + "\n";
        free(part);
    }
    ldns_pkt_free(packet);
    return text;
}

void demand(bool is_so, const char* what) {
    if (!is_so) {
        std::fprintf(stderr, "dns_fuzz: %s\n", what);
        std::abort();
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const std::shared_ptr<const DnsAnswers> kAnswers = make_answers();
    const std::span<const std::uint8_t> query(data, size);
    const auto by_tcp = adapters::answer_query(query, kAnswers->table(), false);
    const auto by_udp = adapters::answer_query(query, kAnswers->table(), true);
    demand(by_udp.size() <= adapters::kMaxUdpAnswer, "an answer is longer than UDP allows");
    demand(by_udp.empty() == by_tcp.empty(), "UDP and TCP don't agree whether to answer");
    demand(by_udp.empty() || (by_udp.size() >= adapters::kDnsHeader && by_udp[0] == data[0] &&
                              by_udp[1] == data[1] && (by_udp[2] & 0x80U) != 0),
           "an answer does not belong to its query");
    Message prepared(adapters::kMaxUdpAnswer);
    prepared.resize(kAnswers->answer_plain(query, prepared));
    demand(prepared.empty() || meaning_of(prepared) == meaning_of(by_udp),
           "the prepared answer says something else");
    return 0;
}

#include "adapters/steer/dns_answers.h"

#include <gtest/gtest.h>

#include <string>

#include "adapters/steer/dns_message.h"

namespace muster::adapters {
namespace {

using namespace std::chrono_literals;
using Bytes = std::vector<std::uint8_t>;

std::vector<DnsResponder::Zone> zones() {
    return {{"example.com",
             {"ns1.example.com", "ns.elsewhere.net"},
             "hostmaster",
             {{{"ns1.example.com", "A", 1h}, {"127.0.0.1"}},
              {{"www.example.com", "A", 60s}, {"192.0.2.1", "192.0.2.2"}},
              {{"www.example.com", "AAAA", 60s}, {"2001:db8::1"}},
              {{"a.deep.down.example.com", "TXT", 1h}, {"say \"hi\""}},
              {{"alias.example.com", "CNAME", 60s}, {"www.example.com"}},
              {{"twice.example.com", "CNAME", 60s}, {"alias.example.com"}},
              {{"away.example.com", "CNAME", 60s}, {"www.elsewhere.net"}},
              {{"loop.example.com", "CNAME", 60s}, {"loop.example.com"}},
              {{"*.example.com", "TXT", 60s}, {"no wildcard"}},
              {{"big.example.com", "TXT", 60s}, std::vector<std::string>(6, std::string(200, 'b'))},
              {{"huge.example.com", "TXT", 60s},
               std::vector<std::string>{std::string(250, 'c'), std::string(250, 'd'),
                                        std::string(250, 'e'), std::string(250, 'f'),
                                        std::string(250, 'g'), std::string(250, 'h')}}}},
            // Between this one and the first lies a name that holds nothing.
            {"inner.zone.example.com", {"ns1.example.com"}, "hostmaster", {}},
            {"example.org", {"ns.example.org"}, "x", {}}};
}

std::vector<DnsTable::Set> steered(const std::string& address) {
    return {{{"shop.example.com", "A", 30s}, {address, "192.0.2.9"}, 5s},
            {{"shop.inner.zone.example.com", "A", 30s}, {address}, 30s}};
}

const std::vector<std::string> kNames{"example.com",
                                      "shop.example.com",
                                      "www.example.com",
                                      "ns1.example.com",
                                      "alias.example.com",
                                      "twice.example.com",
                                      "away.example.com",
                                      "loop.example.com",
                                      "big.example.com",
                                      "huge.example.com",
                                      "deep.down.example.com",
                                      "down.example.com",
                                      "a.deep.down.example.com",
                                      "*.example.com",
                                      "nothing.example.com",
                                      "x.y.shop.example.com",
                                      "below.ns1.example.com",
                                      "zone.example.com",
                                      "nothing.zone.example.com",
                                      "inner.zone.example.com",
                                      "shop.inner.zone.example.com",
                                      "nothing.inner.zone.example.com",
                                      "example.org",
                                      "ns.example.org",
                                      "com",
                                      "notexample.com",
                                      "www.elsewhere.net",
                                      ""};

/// Numbers from a seed, the same on every machine.
class Draw {
  public:
    explicit Draw(std::uint64_t seed) : state_(seed) {}
    std::uint32_t below(std::uint32_t end) {
        state_ = state_ * 6364136223846793005U + 1442695040888963407U;
        return static_cast<std::uint32_t>(state_ >> 33U) % end;
    }
    bool one_in(std::uint32_t count) { return below(count) == 0; }

  private:
    std::uint64_t state_;
};

struct Asked {
    std::string name;
    std::uint16_t type = LDNS_RR_TYPE_A;
    std::uint16_t flags = 0x0100;  ///< As most clients send it: recursion desired.
    std::uint16_t klass = LDNS_RR_CLASS_IN;
};

Bytes query_of(const Asked& asked) {
    Bytes query(kDnsHeader, 0);
    put_dns_number(query, 0, 0xbeef);
    put_dns_number(query, 2, asked.flags);
    put_dns_number(query, 4, 1);
    for (std::size_t at = 0; at < asked.name.size();) {
        const auto end = std::min(asked.name.find('.', at), asked.name.size());
        query.push_back(static_cast<std::uint8_t>(end - at));
        query.insert(query.end(), asked.name.begin() + static_cast<long>(at),
                     asked.name.begin() + static_cast<long>(end));
        at = end + 1;
    }
    query.resize(query.size() + 1 + kDnsTypeAndClass);
    put_dns_number(query, query.size() - kDnsTypeAndClass, asked.type);
    put_dns_number(query, query.size() - 2, asked.klass);
    return query;
}

Bytes with_edns(Bytes query, std::uint16_t size, const Bytes& options = {}) {
    const auto at = query.size();
    query.resize(at + kDnsOpt);
    put_dns_number(query, 10, 1);
    put_dns_number(query, at + 1, LDNS_RR_TYPE_OPT);
    put_dns_number(query, at + 3, size);
    put_dns_number(query, at + 9, options.size());
    query.insert(query.end(), options.begin(), options.end());
    return query;
}

/// A query of the field, and sometimes one that somebody bent.
Bytes drawn_query(Draw& draw) {
    Asked asked{kNames[draw.below(static_cast<std::uint32_t>(kNames.size()))]};
    if (draw.one_in(4)) {
        asked.name = std::string(1 + draw.below(20), 'q') + "." + asked.name;
    }
    for (auto& letter : asked.name) {
        letter = draw.one_in(3) && letter >= 'a' ? static_cast<char>(letter - 32) : letter;
        letter = draw.one_in(200) ? static_cast<char>(draw.below(256)) : letter;
    }
    constexpr std::array<std::uint16_t, 12> kTypes{1, 1, 28, 5, 2, 6, 16, 255, 41, 252, 251, 0};
    asked.type = draw.one_in(8) ? static_cast<std::uint16_t>(draw.below(65'536))
                                : kTypes[draw.below(kTypes.size())];
    asked.flags = draw.one_in(4) ? static_cast<std::uint16_t>(draw.below(65'536)) : asked.flags;
    asked.klass = draw.one_in(16) ? static_cast<std::uint16_t>(draw.below(256)) : asked.klass;
    auto query = query_of(asked);
    if (draw.one_in(2)) {
        const auto size = static_cast<std::uint16_t>(draw.below(4096));
        query = with_edns(query, size, Bytes(draw.one_in(3) ? draw.below(40) : 0, 7));
        if (draw.one_in(8)) {  // Anything in its extended rcode, version and flags.
            query[query.size() - 1 -
                  draw.below(
                      std::min<std::uint32_t>(11, static_cast<std::uint32_t>(query.size())))] ^=
                static_cast<std::uint8_t>(1U << draw.below(8));
        }
    }
    for (int bent = draw.one_in(6) ? 1 + static_cast<int>(draw.below(3)) : 0; bent > 0; --bent) {
        query[draw.below(static_cast<std::uint32_t>(query.size()))] =
            static_cast<std::uint8_t>(draw.below(256));
    }
    if (draw.one_in(12)) {
        query.resize(draw.below(static_cast<std::uint32_t>(query.size()) + 12));
    }
    return query;
}

Bytes plain_answer(const DnsAnswers& answers, const Bytes& query) {
    Bytes out(kMaxUdpAnswer);
    out.resize(answers.answer_plain(query, out));
    return out;
}

/// All that an answer says, as text: names in full and lower case, however they were compressed.
std::string meaning_of(const Bytes& wire) {
    ldns_pkt* packet = nullptr;
    if (ldns_wire2pkt(&packet, wire.data(), wire.size()) != LDNS_STATUS_OK) {
        return "can't be read";
    }
    std::string text = std::to_string(wire[0] << 8U | wire[1]) + " flags " +
                       std::to_string(wire[2] << 8U | wire[3]) + " EDNS " +
                       std::to_string(ldns_pkt_edns(packet)) + " " +
                       std::to_string(ldns_pkt_edns_udp_size(packet)) + "\n";
    const auto add = [&text](const ldns_rr_list* list) {
        char* part = ldns_rr_list2str(list);
        text += std::string(part) + "--\n";
        free(part);
    };
    add(ldns_pkt_answer(packet));
    add(ldns_pkt_authority(packet));
    add(ldns_pkt_additional(packet));
    ldns_pkt_free(packet);
    return plain_name(text);
}

std::string question_of(const Bytes& wire, std::size_t size) {
    return {wire.begin() + kDnsHeader,
            wire.begin() + static_cast<long>(std::min(size, wire.size()))};
}

TEST(DnsAnswers, SayWhatTheGeneralWaySaysToEveryQuery) {
    const auto answers = DnsAnswers::build(zones(), steered("192.0.2.7"), 7).value();
    Draw draw(42);
    int plain = 0;
    for (int round = 0; round < 60'000; ++round) {
        const auto query = drawn_query(draw);
        const auto quick = plain_answer(*answers, query);
        if (quick.empty()) {
            continue;
        }
        ++plain;
        const auto general = answer_query(query, answers->table(), true);
        ASSERT_EQ(meaning_of(quick), meaning_of(general)) << "round " << round;
        const auto question = PlainQuery::read(query)->end();
        ASSERT_EQ(question_of(quick, question), question_of(query, question)) << "round " << round;
        // Only the SOA of a negative answer may be compressed otherwise.
        const bool is_positive = dns_number_at(quick, 6) > 0;
        ASSERT_TRUE(!is_positive || quick == general) << "round " << round;
    }
    EXPECT_GT(plain, 25'000);
}

TEST(DnsAnswers, ArePreparedForAllThatIsAskedEveryDay) {
    const auto answers = DnsAnswers::build(zones(), steered("192.0.2.7"), 7).value();
    for (const auto& name : kNames) {
        const bool is_long = name == "big.example.com" || name == "huge.example.com";
        for (const std::uint16_t type : {1, 2, 5, 6, 15, 28, 33, 65, 255, 257}) {
            const auto query = query_of({name, type});
            EXPECT_TRUE(is_long || !plain_answer(*answers, query).empty()) << name << type;
            const auto edns = with_edns(query, 1232, Bytes{0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8});
            EXPECT_TRUE(is_long || !plain_answer(*answers, edns).empty()) << name << type;
        }
    }
}

TEST(DnsAnswers, LeaveToTheGeneralWayWhatIsNotPlain) {
    const auto answers = DnsAnswers::build(zones(), steered("192.0.2.7"), 7).value();
    const auto query = query_of({"www.example.com"});
    EXPECT_FALSE(plain_answer(*answers, query).empty());
    for (const std::uint16_t flags : {0x8100, 0x2100, 0x0900}) {
        EXPECT_TRUE(plain_answer(*answers, query_of({"www.example.com", 1, flags})).empty());
    }
    for (std::size_t size = 0; size < query.size(); ++size) {
        EXPECT_TRUE(
            plain_answer(*answers, Bytes(query.begin(), query.begin() + static_cast<long>(size)))
                .empty());
    }
    auto trailing = query;
    trailing.push_back(0);
    EXPECT_TRUE(plain_answer(*answers, trailing).empty());
    auto version = with_edns(query, 1232);
    version[query.size() + 6] = 1;
    EXPECT_TRUE(plain_answer(*answers, version).empty());
    auto pointer = query;
    pointer[kDnsHeader] = 0xc0;
    EXPECT_TRUE(plain_answer(*answers, pointer).empty());
    EXPECT_TRUE(plain_answer(*answers, query_of({"huge.example.com", LDNS_RR_TYPE_TXT})).empty());
    EXPECT_TRUE(plain_answer(*answers, query_of({"www.example.com", LDNS_RR_TYPE_AXFR})).empty());
    EXPECT_TRUE(plain_answer(*answers, query_of({"www.example.com", 1, 0, 3})).empty());
}

TEST(DnsAnswers, AreTheSameWhetherBuiltAfreshOrFromTheOnesBefore) {
    auto sets = steered("192.0.2.7");
    auto grown = DnsAnswers::build(zones(), sets, 7).value();
    // A name to which an alias leads, one that is new, one between others, a type that is new.
    sets[0].answers = {"192.0.2.8"};
    sets.push_back({{"target.elsewhere.example.org", "A", 30s}, {"192.0.2.20"}, 5s});
    sets.push_back({{"elsewhere.example.org", "CNAME", 30s}, {"shop.example.com"}, 5s});
    sets.push_back({{"shop.example.com", "AAAA", 30s}, {"2001:db8::8"}, 5s});
    for (const auto at : {0U, 2U, 3U, 4U}) {
        grown = grown->with(sets[at], 7).value();
    }
    const auto afresh = DnsAnswers::build(zones(), sets, 7).value();
    Draw draw(1);
    for (int round = 0; round < 10'000; ++round) {
        const auto query = drawn_query(draw);
        ASSERT_EQ(plain_answer(*grown, query), plain_answer(*afresh, query)) << "round " << round;
    }
    for (const auto* name : {"elsewhere.example.org", "target.elsewhere.example.org"}) {
        for (const std::uint16_t type : {1, 5, 28, 255}) {
            const auto query = query_of({name, type});
            EXPECT_EQ(plain_answer(*grown, query), plain_answer(*afresh, query)) << name << type;
        }
    }
    EXPECT_EQ(dns_number_at(plain_answer(*grown, query_of({"elsewhere.example.org", 28})), 6), 2);
}

TEST(DnsAnswers, AChangeRaisesTheSerialOfItsZoneAlone) {
    const auto sets = steered("192.0.2.7");
    const auto before = DnsAnswers::build(zones(), sets, 7).value();
    const auto after = before->with(sets[0], 8).value();
    for (const auto* name : {"example.com", "nothing.example.com"}) {
        const auto query = query_of({name, LDNS_RR_TYPE_SOA});
        EXPECT_NE(plain_answer(*before, query), plain_answer(*after, query)) << name;
    }
    for (const auto* name : {"example.org", "inner.zone.example.com", "nothing.example.org"}) {
        const auto query = query_of({name, LDNS_RR_TYPE_SOA});
        EXPECT_EQ(plain_answer(*before, query), plain_answer(*after, query)) << name;
    }
}

TEST(DnsAnswers, OnlyASteeredSetMayBeReplaced) {
    const auto answers = DnsAnswers::build(zones(), steered("192.0.2.7"), 7).value();
    const std::vector<DnsTable::Set> wrong{
        {{"www.example.com", "A", 30s}, {"192.0.2.1"}, 5s},
        {{"shop.example.com", "CNAME", 30s}, {"www.example.com"}, 5s},
        {{"alias.example.com", "A", 30s}, {"192.0.2.1"}, 5s},
        {{"shop.example.com", "A", 30s}, {"no address"}, 5s},
        {{"shop.example.net", "A", 30s}, {"192.0.2.1"}, 5s},
        {{"example.org", "SOA", 30s}, {"x"}, 5s}};
    for (const auto& set : wrong) {
        const auto changed = answers->with(set, 8);
        ASSERT_FALSE(changed) << set.record.name;
        EXPECT_EQ(changed.error().code(), Errc::kInvalid);
    }
}

TEST(DnsAnswers, KeepADotInsideALabelApartFromOneBetweenLabels) {
    const auto answers = DnsAnswers::build(zones(), {}, 7).value();
    auto query = query_of({"www.example.com"});
    query[kDnsHeader + 4] = '.';
    query[kDnsHeader] = 11;  // The label "www.example".
    const auto quick = plain_answer(*answers, query);
    ASSERT_FALSE(quick.empty());
    EXPECT_EQ(quick[3] & 0x0fU, LDNS_RCODE_REFUSED);
    EXPECT_EQ(meaning_of(quick), meaning_of(answer_query(query, answers->table(), true)));
}

TEST(DnsAnswers, RefuseASetThatNoMessageCanHold) {
    std::vector<DnsTable::Set> sets{{{"many.example.com", "A", 1s}, {}, 1s}};
    for (int i = 0; i < 5000; ++i) {
        sets[0].answers.push_back("10.0." + std::to_string(i / 250) + "." +
                                  std::to_string(i % 250));
    }
    const auto built = DnsAnswers::build(zones(), sets, 1);
    ASSERT_FALSE(built);
    EXPECT_EQ(built.error().code(), Errc::kInvalid);
    EXPECT_NE(built.error().message().find("many.example.com"), std::string::npos);
}

}  // namespace
}  // namespace muster::adapters

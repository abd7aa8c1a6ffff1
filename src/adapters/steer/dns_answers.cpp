// Nearly every query of the field has one form: a header, one question, and perhaps an OPT record.
// Its answer depends on nothing but name and type, so it is made beforehand, by the same code that
// answers all the other queries (`answer_query`). What remains for a query is to read it strictly,
// to find its name, and to copy:
//
//   header        id and RD of the query, flags and counts of the answer
//   question      that of the query, byte by byte: its letters keep their case
//   tail          as prepared; its pointers lead into a question of the same length
//   OPT           when the query had one
//
// Names that don't exist can't be enumerated. Their tail is the zone's SOA, whose pointers are set
// for each question.
#include "adapters/steer/dns_answers.h"

#include <algorithm>

#include "adapters/steer/dns_message.h"

namespace muster::adapters {
namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kMaxMessage = 65'535;
constexpr std::uint8_t kAuthoritative = 0x04;
constexpr std::uint8_t kRecursionDesired = 0x01;
/// RFC 1035 section 4.1.4.
constexpr std::size_t kPointer = 0xc000;
constexpr std::array<std::uint8_t, kDnsOpt> kOpt{
    0, 0, LDNS_RR_TYPE_OPT, kMaxUdpAnswer >> 8U, kMaxUdpAnswer & 0xffU, 0, 0, 0, 0, 0, 0};
/// Nothing is held of it (RFC 6895: for private use), so it tells what a CNAME answers to whatever
/// it is asked.
constexpr auto kPrivateType = static_cast<ldns_rr_type>(65'280);
/// All types that a table holds, and ANY.
constexpr std::array kTypes{LDNS_RR_TYPE_A,  LDNS_RR_TYPE_AAAA, LDNS_RR_TYPE_CNAME,
                            LDNS_RR_TYPE_NS, LDNS_RR_TYPE_SOA,  LDNS_RR_TYPE_TXT,
                            LDNS_RR_TYPE_ANY};

std::string wire_of(const ldns_rdf* name) {
    const auto* data = ldns_rdf_data(name);
    std::string wire(ldns_rdf_size(name), 0);
    std::transform(data, data + wire.size(), wire.begin(), lower_dns_byte);
    return wire;
}

Bytes query_for(std::string_view name, ldns_rr_type type) {
    Bytes query(kDnsHeader + name.size() + kDnsTypeAndClass, 0);
    put_dns_number(query, 4, 1);
    std::ranges::copy(name, query.begin() + kDnsHeader);
    put_dns_number(query, query.size() - kDnsTypeAndClass, type);
    put_dns_number(query, query.size() - 2, LDNS_RR_CLASS_IN);
    return query;
}

}  // namespace

Result<std::shared_ptr<const DnsAnswers>> DnsAnswers::build(
    const std::vector<DnsResponder::Zone>& zones, const std::vector<DnsTable::Set>& steered,
    std::uint32_t serial) {
    // Shared by the threads that answer from it: whoever leaves it last frees it.
    auto answers = std::make_shared<DnsAnswers>();
    TRY(answers->table_, DnsTable::build(zones, steered, serial));
    answers->prepare_denials();
    for (const auto& [text, held] : answers->table_->names()) {
        TRY_OK(answers->prepare_name(text, *held));
    }
    return std::shared_ptr<const DnsAnswers>(std::move(answers));
}

Result<std::shared_ptr<const DnsAnswers>> DnsAnswers::with(const DnsTable::Set& steered,
                                                           std::uint32_t serial) const {
    auto answers = std::make_shared<DnsAnswers>();
    TRY(answers->table_, table_->with(steered, serial));
    answers->names_ = names_;
    answers->prepare_denials();
    const auto name = plain_name(steered.record.name);
    const auto* zone = table_->zone_name(name);
    for (const auto& [text, held] : answers->table_->names()) {
        // The zone's own name has the serial, and what an alias answers depends on others.
        if (text == name || text == *zone || held->held(LDNS_RR_TYPE_CNAME) != nullptr) {
            TRY_OK(answers->prepare_name(text, *held));
        }
    }
    return std::shared_ptr<const DnsAnswers>(std::move(answers));
}

void DnsAnswers::prepare_denials() {
    for (const auto& [zone, soa] : table_->denials()) {
        denials_.push_back(make_denial(zone, soa));
    }
}

DnsAnswers::Denial DnsAnswers::make_denial(std::string_view zone, const ldns_rr* soa) {
    Denial denial{.zone = std::string(zone), .bytes = {}, .pointers = {}};
    auto& bytes = denial.bytes;
    const auto put_name = [&](std::string_view name) {
        const bool ends_in_zone = zone.size() > 1 && name.ends_with(zone);
        const auto own = name.size() - (ends_in_zone ? zone.size() : 0);
        bytes.insert(bytes.end(), name.begin(), name.begin() + static_cast<long>(own));
        if (ends_in_zone) {
            denial.pointers.push_back(bytes.size());
            bytes.resize(bytes.size() + 2);
        }
    };
    put_name(zone);
    const auto at = bytes.size();
    constexpr std::size_t kTypeClassTtlLength = 10;
    bytes.resize(at + kTypeClassTtlLength);
    put_dns_number(bytes, at, LDNS_RR_TYPE_SOA);
    put_dns_number(bytes, at + 2, LDNS_RR_CLASS_IN);
    put_dns_number(bytes, at + 4, ldns_rr_ttl(soa) >> 16U);
    put_dns_number(bytes, at + 6, ldns_rr_ttl(soa));
    put_name(wire_of(ldns_rr_rdf(soa, 0)));
    put_name(wire_of(ldns_rr_rdf(soa, 1)));
    for (std::size_t i = 2; i < ldns_rr_rd_count(soa); ++i) {
        const auto* number = ldns_rr_rdf(soa, i);
        bytes.insert(bytes.end(), ldns_rdf_data(number),
                     ldns_rdf_data(number) + ldns_rdf_size(number));
    }
    put_dns_number(bytes, at + 8, bytes.size() - at - kTypeClassTtlLength);
    return denial;
}

/// That of the innermost zone.
std::optional<std::size_t> DnsAnswers::denial_of(std::string_view name) const {
    for (auto at = name; !at.empty(); at = parent_of_wire(at)) {
        const auto found = std::ranges::find(denials_, at, &Denial::zone);
        if (found != denials_.end()) {
            return static_cast<std::size_t>(found - denials_.begin());
        }
    }
    return std::nullopt;
}

Result<> DnsAnswers::prepare_name(const std::string& text, const DnsTable::Name& held) {
    const bool is_alias = held.held(LDNS_RR_TYPE_CNAME) != nullptr;
    auto tails = std::make_shared<Tails>();
    for (const auto type : kTypes) {
        if (!is_alias && type != LDNS_RR_TYPE_ANY && held.held(type) == nullptr) {
            continue;
        }
        TRY(auto tail, make_tail(text, held.wire, type));
        if (tail) {
            tails->by_type.emplace_back(type, std::move(*tail));
        }
    }
    if (is_alias) {
        TRY(tails->otherwise, make_tail(text, held.wire, kPrivateType));
    }
    prepare_parents(held.wire);
    names_.at(held.wire).tails = std::move(tails);
    return {};
}

/// The name and those above it, up to its outermost zone.
void DnsAnswers::prepare_parents(std::string_view name) {
    for (auto at = name; !at.empty() && !names_.contains(at); at = parent_of_wire(at)) {
        const auto denial = denial_of(at);
        if (!denial) {
            return;
        }
        names_.emplace(at, Name{*denial, nullptr});
    }
}

Result<std::optional<DnsAnswers::Tail>> DnsAnswers::make_tail(const std::string& text,
                                                              std::string_view wire,
                                                              ldns_rr_type type) const {
    if (table_->find(text, type).answers.empty()) {
        return std::optional<Tail>();
    }
    const auto query = query_for(wire, type);
    const auto whole = answer_query(query, *table_, false);
    if (whole.size() < query.size() || whole.size() + kDnsOpt > kMaxMessage) {
        return Error{Errc::kInvalid, "the answers of " + text + " don't fit a DNS message (64 KiB)",
                     "give it fewer"};
    }
    return std::optional(Tail{Bytes(whole.begin() + static_cast<long>(query.size()), whole.end()),
                              dns_number_at(whole, 6)});
}

const DnsAnswers::Tail* DnsAnswers::Tails::tail(std::uint16_t type) const {
    for (const auto& [held, tail] : by_type) {
        if (held == type) {
            return &tail;
        }
    }
    return otherwise ? &*otherwise : nullptr;
}

DnsAnswers::Found DnsAnswers::find(std::string_view name) const {
    for (auto at = name; !at.empty(); at = parent_of_wire(at)) {
        if (const auto found = names_.find(at); found != names_.end()) {
            return {&found->second, at.size() == name.size()};
        }
    }
    return {};
}

std::size_t DnsAnswers::answer_plain(std::span<const std::uint8_t> query,
                                     std::span<std::uint8_t> out) const {
    const auto plain = PlainQuery::read(query);
    if (!plain) {
        return 0;
    }
    const auto found = find(plain->name());
    const auto* tails = found.is_exact ? found.name->tails.get() : nullptr;
    const auto* tail = tails == nullptr ? nullptr : tails->tail(plain->type());
    const auto* denial =
        found.name == nullptr || tail != nullptr ? nullptr : &denials_[found.name->denial];
    std::span<const std::uint8_t> behind;
    if (tail != nullptr) {
        behind = tail->bytes;
    } else if (denial != nullptr) {
        behind = denial->bytes;
    }
    const auto end = plain->end() + behind.size();
    const auto size = end + (plain->has_edns() ? kDnsOpt : 0);
    if (size > plain->room() || size > out.size()) {
        return 0;
    }

    std::copy_n(query.begin(), plain->end(), out.begin());
    out[2] = kDnsAnswerBit | (query[2] & kRecursionDesired);
    out[2] |= found.name == nullptr ? 0 : kAuthoritative;
    out[3] = LDNS_RCODE_NOERROR;
    if (found.name == nullptr) {
        out[3] = LDNS_RCODE_REFUSED;
    } else if (!found.is_exact) {
        out[3] = LDNS_RCODE_NXDOMAIN;
    }
    put_dns_number(out, 6, tail == nullptr ? 0 : tail->answers);
    put_dns_number(out, 8, denial == nullptr ? 0 : 1);
    std::ranges::copy(behind, out.begin() + static_cast<long>(plain->end()));
    if (denial != nullptr) {
        const auto zone = kDnsHeader + plain->name().size() - denial->zone.size();
        for (const auto pointer : denial->pointers) {
            put_dns_number(out, plain->end() + pointer, kPointer | zone);
        }
    }
    if (plain->has_edns()) {
        std::ranges::copy(kOpt, out.begin() + static_cast<long>(end));
    }
    return size;
}

std::size_t DnsAnswers::answer(std::span<const std::uint8_t> query,
                               std::span<std::uint8_t> out) const {
    if (const auto size = answer_plain(query, out); size > 0) {
        return size;
    }
    const auto built = answer_query(query, *table_, true);
    const auto size = std::min(built.size(), out.size());
    std::copy_n(built.begin(), size, out.begin());
    return size;
}

}  // namespace muster::adapters

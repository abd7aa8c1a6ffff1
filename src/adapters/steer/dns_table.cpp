#include "adapters/steer/dns_table.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace muster::adapters {

namespace {

/// RFC 2308: a negative answer is kept for at most this long; a steered name that comes back is
/// then seen soon (health-dns: 30 s or less for steered zones).
constexpr int kNegativeSeconds = 30;
constexpr int kZoneSeconds = 3600;
constexpr std::array kTypes{LDNS_RR_TYPE_A, LDNS_RR_TYPE_AAAA, LDNS_RR_TYPE_CNAME, LDNS_RR_TYPE_TXT,
                            LDNS_RR_TYPE_NS};
constexpr int kMaxAliases = 8;

std::string quote(const std::string& text) {
    std::string out = "\"";
    for (const char c : text) {
        if (c == '"' || c == '\\') {
            out += '\\';
        }
        out += c;
    }
    return out + "\"";
}

std::string rdata_text(const std::string& type, const std::string& answer) {
    if (type == "TXT") {
        return quote(answer);
    }
    return type == "CNAME" || type == "NS" ? plain_name(answer) + "." : answer;
}

long seconds_of(Duration ttl) {
    return std::max<long>(1, std::chrono::duration_cast<std::chrono::seconds>(ttl).count());
}

}  // namespace

std::string plain_name(std::string name) {
    std::ranges::transform(name, name.begin(),
                           [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    if (name.ends_with('.')) {
        name.pop_back();
    }
    return name;
}

bool is_within(const std::string& name, const std::string& zone) {
    return name == zone || zone.empty() || name.ends_with("." + zone);
}

Result<> DnsTable::add_text(const std::string& text, const Key& key) {
    ldns_rr* record = nullptr;
    const auto status = ldns_rr_new_frm_str(&record, text.c_str(), 0, nullptr, nullptr);
    if (status != LDNS_STATUS_OK) {
        return Error{Errc::kInvalid,
                     "the DNS record \"" + text + "\" is wrong: " + ldns_get_errorstr_by_id(status),
                     "mend the record's name, type or answers in the plan"};
    }
    auto& set = sets_[key];
    if (!set) {
        set.reset(ldns_rr_list_new());
    }
    ldns_rr_list_push_rr(set.get(), record);
    return {};
}

Result<> DnsTable::add(const steer::Record& record, const std::vector<std::string>& answers,
                       Duration ttl) {
    const auto name = plain_name(record.name);
    const auto type = ldns_get_rr_type_by_name(record.type.c_str());
    if (std::ranges::find(kTypes, type) == kTypes.end()) {
        return Error{Errc::kInvalid, "the record type \"" + record.type + "\" is not served",
                     "use A, AAAA, CNAME or TXT"};
    }
    if (zone_of(name) == nullptr) {
        return Error{Errc::kInvalid, "the name " + record.name + " lies in none of the zones",
                     "add its zone under dns: zones: in the plan"};
    }
    const bool is_alias = type == LDNS_RR_TYPE_CNAME;
    for (const auto other : kTypes) {
        const bool clashes = sets_.contains({name, other}) &&
                             (other == type || is_alias || other == LDNS_RR_TYPE_CNAME);
        if (clashes) {
            return Error{Errc::kInvalid,
                         record.name + " is declared twice, or as an alias and more",
                         "a name is steered in one place, and a CNAME stands alone (RFC 1034)"};
        }
    }
    if (answers.empty() || (is_alias && answers.size() > 1)) {
        return Error{Errc::kInvalid,
                     record.name + " has " + std::to_string(answers.size()) + " answers",
                     "give it at least one; a CNAME exactly one"};
    }
    for (const auto& answer : answers) {
        TRY_OK(add_text(name + ". " + std::to_string(seconds_of(ttl)) + " IN " + record.type + " " +
                            rdata_text(record.type, answer),
                        {name, type}));
    }
    return {};
}

Result<> DnsTable::add_zone(const DnsResponder::Zone& zone, std::uint32_t serial) {
    const auto name = plain_name(zone.name);
    if (zone.name_servers.empty()) {
        return Error{Errc::kInvalid, "the zone " + zone.name + " has no name server",
                     "give it name_servers: [ns1." + zone.name + "]"};
    }
    const auto soa = [&](int ttl) {
        return name + ". " + std::to_string(ttl) + " IN SOA " + plain_name(zone.name_servers[0]) +
               ". " + plain_name(zone.contact) + "." + name + ". " + std::to_string(serial) +
               " 300 60 604800 " + std::to_string(kNegativeSeconds);
    };
    // Built through a set of its own, then moved out: the authority section of negative answers.
    const Key negative{name, LDNS_RR_TYPE_OPT};
    TRY_OK(add_text(soa(kNegativeSeconds), negative));
    zones_[name].soa_negative = std::move(sets_[negative]);
    sets_.erase(negative);
    TRY_OK(add_text(soa(kZoneSeconds), {name, LDNS_RR_TYPE_SOA}));
    for (const auto& server : zone.name_servers) {
        TRY_OK(add_text(
            name + ". " + std::to_string(kZoneSeconds) + " IN NS " + plain_name(server) + ".",
            {name, LDNS_RR_TYPE_NS}));
    }
    return {};
}

Result<std::unique_ptr<DnsTable>> DnsTable::build(const std::vector<DnsResponder::Zone>& zones,
                                                  const std::vector<Set>& steered,
                                                  std::uint32_t serial) {
    auto table = std::make_unique<DnsTable>();
    for (const auto& zone : zones) {
        TRY_OK(table->add_zone(zone, serial));
    }
    for (const auto& zone : zones) {
        for (const auto& fixed : zone.fixed) {
            TRY_OK(table->add(fixed.record, fixed.answers, fixed.record.ttl));
        }
    }
    for (const auto& set : steered) {
        TRY_OK(table->add(set.record, set.answers, set.ttl));
    }
    return table;
}

const DnsTable::Zone* DnsTable::zone_of(const std::string& name) const {
    const Zone* best = nullptr;
    std::size_t length = 0;
    for (const auto& [zone, held] : zones_) {
        if (is_within(name, zone) && (best == nullptr || zone.size() > length)) {
            best = &held;
            length = zone.size();
        }
    }
    return best;
}

bool DnsTable::exists(const std::string& name) const {
    return std::ranges::any_of(
        sets_, [&name](const auto& entry) { return is_within(entry.first.first, name); });
}

void DnsTable::follow_alias(const std::string& name, ldns_rr_type type, DnsFinding* finding) const {
    auto at = name;
    for (int i = 0; i < kMaxAliases; ++i) {
        const auto alias = sets_.find({at, LDNS_RR_TYPE_CNAME});
        if (alias == sets_.end()) {
            break;
        }
        finding->answers.push_back(alias->second.get());
        char* target = ldns_rdf2str(ldns_rr_rdf(ldns_rr_list_rr(alias->second.get(), 0), 0));
        at = plain_name(target);
        free(target);
    }
    const auto found = sets_.find({at, type});
    if (found != sets_.end() && type != LDNS_RR_TYPE_CNAME) {
        finding->answers.push_back(found->second.get());
    }
}

DnsFinding DnsTable::find(const std::string& name, ldns_rr_type type) const {
    DnsFinding finding;
    const auto* zone = zone_of(name);
    if (zone == nullptr) {
        return {LDNS_RCODE_REFUSED, false, {}, nullptr};
    }
    if (type == LDNS_RR_TYPE_ANY) {
        const auto* const held = std::ranges::find_if(
            kTypes, [&](ldns_rr_type one) { return sets_.contains({name, one}); });
        type = held == kTypes.end() ? type : *held;
    }
    const auto exact = sets_.find({name, type});
    if (exact != sets_.end()) {
        finding.answers.push_back(exact->second.get());
        return finding;
    }
    follow_alias(name, type, &finding);
    if (!finding.answers.empty()) {
        return finding;
    }
    finding.authority = zone->soa_negative.get();
    finding.rcode = exists(name) ? LDNS_RCODE_NOERROR : LDNS_RCODE_NXDOMAIN;
    return finding;
}

}  // namespace muster::adapters

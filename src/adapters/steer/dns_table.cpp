#include "adapters/steer/dns_table.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "adapters/steer/dns_plain_query.h"

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

Result<Records> read_records(const std::vector<std::string>& texts) {
    Records records(ldns_rr_list_new());
    for (const auto& text : texts) {
        ldns_rr* record = nullptr;
        const auto status = ldns_rr_new_frm_str(&record, text.c_str(), 0, nullptr, nullptr);
        if (status != LDNS_STATUS_OK) {
            return Error{
                Errc::kInvalid,
                "the DNS record \"" + text + "\" is wrong: " + ldns_get_errorstr_by_id(status),
                "mend the record's name, type or answers in the plan"};
        }
        ldns_rr_list_push_rr(records.get(), record);
    }
    return records;
}

std::string wire_name(const ldns_rr_list& records) {
    const auto* owner = ldns_rr_owner(ldns_rr_list_rr(&records, 0));
    const auto* data = ldns_rdf_data(owner);
    std::string wire(ldns_rdf_size(owner), 0);
    std::transform(data, data + wire.size(), wire.begin(), lower_dns_byte);
    return wire;
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
    if (name == zone || zone.empty()) {
        return true;
    }
    if (!name.ends_with("." + zone)) {
        return false;
    }
    const auto dot = name.size() - zone.size() - 1;
    std::size_t backslashes = 0;
    while (backslashes < dot && name[dot - 1 - backslashes] == '\\') {
        ++backslashes;
    }
    return backslashes % 2 == 0;
}

const DnsTable::Held* DnsTable::Name::held(ldns_rr_type type) const {
    for (const auto& [one, held] : sets) {
        if (one == type) {
            return held.get();
        }
    }
    return nullptr;
}

const DnsTable::Held* DnsTable::held(const Key& key) const {
    const auto found = names_.find(key.first);
    return found == names_.end() ? nullptr : found->second->held(key.second);
}

Result<> DnsTable::put(const Key& key, const std::vector<std::string>& texts, bool is_steered) {
    const auto type = key.second;
    TRY(auto records, read_records(texts));
    // A name is shared with other tables: what changes is a copy.
    auto& known = names_[key.first];
    auto name = known == nullptr ? std::make_shared<Name>(Name{wire_name(*records), {}})
                                 : std::make_shared<Name>(*known);
    std::erase_if(name->sets, [type](const auto& set) { return set.first == type; });
    name->sets.emplace_back(type,
                            std::make_shared<const Held>(Held{std::move(records), is_steered}));
    known = std::move(name);
    return {};
}

Result<> DnsTable::add(const Set& set, bool is_steered, bool may_replace) {
    const auto& record = set.record;
    const auto name = plain_name(record.name);
    const auto type = ldns_get_rr_type_by_name(record.type.c_str());
    if (std::ranges::find(kTypes, type) == kTypes.end()) {
        return Error{Errc::kInvalid, "the record type \"" + record.type + "\" is not served",
                     "use A, AAAA, CNAME or TXT"};
    }
    if (zone_of(name) == zones_.end()) {
        return Error{Errc::kInvalid, "the name " + record.name + " lies in none of the zones",
                     "add its zone under dns: zones: in the plan"};
    }
    const bool is_alias = type == LDNS_RR_TYPE_CNAME;
    const auto there = names_.find(name);
    const auto is_beside = [&](const auto& other) {
        const auto& [one, held] = other;
        if (one == type) {
            return !(may_replace && held->is_steered);
        }
        return is_alias || one == LDNS_RR_TYPE_CNAME;
    };
    if (there != names_.end() && std::ranges::any_of(there->second->sets, is_beside)) {
        return Error{Errc::kInvalid, record.name + " is declared twice, or as an alias and more",
                     "a name is steered in one place, and a CNAME stands alone (RFC 1034)"};
    }
    if (set.answers.empty() || (is_alias && set.answers.size() > 1)) {
        return Error{Errc::kInvalid,
                     record.name + " has " + std::to_string(set.answers.size()) + " answers",
                     "give it at least one; a CNAME exactly one"};
    }
    const auto start =
        name + ". " + std::to_string(seconds_of(set.ttl)) + " IN " + record.type + " ";
    std::vector<std::string> texts;
    texts.reserve(set.answers.size());
    for (const auto& answer : set.answers) {
        texts.push_back(start + rdata_text(record.type, answer));
    }
    return put({name, type}, texts, is_steered);
}

Result<> DnsTable::set_serial(const std::string& zone, std::uint32_t serial) {
    auto& known = zones_.at(zone);
    const auto soa = [&](int ttl) {
        return zone + ". " + std::to_string(ttl) + " IN SOA " + known.soa + " " +
               std::to_string(serial) + " 300 60 604800 " + std::to_string(kNegativeSeconds);
    };
    TRY(known.soa_negative, read_records({soa(kNegativeSeconds)}));
    return put({zone, LDNS_RR_TYPE_SOA}, {soa(kZoneSeconds)}, false);
}

Result<> DnsTable::add_zone(const DnsResponder::Zone& zone, std::uint32_t serial) {
    const auto name = plain_name(zone.name);
    if (zone.name_servers.empty()) {
        return Error{Errc::kInvalid, "the zone " + zone.name + " has no name server",
                     "give it name_servers: [ns1." + zone.name + "]"};
    }
    zones_[name].soa =
        plain_name(zone.name_servers[0]) + ". " + plain_name(zone.contact) + "." + name + ".";
    TRY_OK(set_serial(name, serial));
    std::vector<std::string> servers;
    servers.reserve(zone.name_servers.size());
    for (const auto& server : zone.name_servers) {
        servers.push_back(name + ". " + std::to_string(kZoneSeconds) + " IN NS " +
                          plain_name(server) + ".");
    }
    return put({name, LDNS_RR_TYPE_NS}, servers, false);
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
            TRY_OK(table->add({fixed.record, fixed.answers, fixed.record.ttl}, false, false));
        }
    }
    for (const auto& set : steered) {
        TRY_OK(table->add(set, true, false));
    }
    return table;
}

Result<std::unique_ptr<DnsTable>> DnsTable::with(const Set& steered, std::uint32_t serial) const {
    auto table = std::make_unique<DnsTable>(*this);
    TRY_OK(table->add(steered, true, true));
    TRY_OK(table->set_serial(*zone_name(plain_name(steered.record.name)), serial));
    return table;
}

std::vector<DnsTable::Denial> DnsTable::denials() const {
    std::vector<Denial> denials;
    denials.reserve(zones_.size());
    for (const auto& [name, zone] : zones_) {
        denials.push_back({names_.at(name)->wire, ldns_rr_list_rr(zone.soa_negative.get(), 0)});
    }
    return denials;
}

DnsTable::Zones::const_iterator DnsTable::zone_of(const std::string& name) const {
    auto best = zones_.end();
    for (auto zone = zones_.begin(); zone != zones_.end(); ++zone) {
        if (is_within(name, zone->first) &&
            (best == zones_.end() || zone->first.size() > best->first.size())) {
            best = zone;
        }
    }
    return best;
}

const std::string* DnsTable::zone_name(const std::string& name) const {
    const auto zone = zone_of(name);
    return zone == zones_.end() ? nullptr : &zone->first;
}

bool DnsTable::exists(const std::string& name) const {
    return std::ranges::any_of(names_,
                               [&name](const auto& entry) { return is_within(entry.first, name); });
}

void DnsTable::follow_alias(const std::string& name, ldns_rr_type type, DnsFinding* finding) const {
    auto at = name;
    for (int i = 0; i < kMaxAliases; ++i) {
        const auto* alias = held({at, LDNS_RR_TYPE_CNAME});
        if (alias == nullptr) {
            break;
        }
        const auto* records = alias->records.get();
        finding->answers.push_back(records);
        char* target = ldns_rdf2str(ldns_rr_rdf(ldns_rr_list_rr(records, 0), 0));
        at = plain_name(target);
        free(target);
    }
    const auto* found = held({at, type});
    if (found != nullptr && type != LDNS_RR_TYPE_CNAME) {
        finding->answers.push_back(found->records.get());
    }
}

DnsFinding DnsTable::find(const std::string& name, ldns_rr_type type) const {
    DnsFinding finding;
    const auto zone = zone_of(name);
    if (zone == zones_.end()) {
        return {LDNS_RCODE_REFUSED, false, {}, nullptr};
    }
    if (type == LDNS_RR_TYPE_ANY) {
        const auto* const first = std::ranges::find_if(
            kTypes, [&](ldns_rr_type one) { return held({name, one}) != nullptr; });
        type = first == kTypes.end() ? type : *first;
    }
    if (const auto* exact = held({name, type})) {
        finding.answers.push_back(exact->records.get());
        return finding;
    }
    follow_alias(name, type, &finding);
    if (!finding.answers.empty()) {
        return finding;
    }
    finding.authority = zone->second.soa_negative.get();
    finding.rcode = exists(name) ? LDNS_RCODE_NOERROR : LDNS_RCODE_NXDOMAIN;
    return finding;
}

}  // namespace muster::adapters

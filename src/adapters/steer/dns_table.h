#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "adapters/steer/dns_responder.h"
#include "adapters/steer/ldns.h"
#include "base/result.h"

namespace muster::adapters {

struct FreeRecords {
    void operator()(ldns_rr_list* list) const { ldns_rr_list_deep_free(list); }
};
using Records = std::unique_ptr<ldns_rr_list, FreeRecords>;

/// What a name server has to say to one question.
struct DnsFinding {
    ldns_pkt_rcode rcode = LDNS_RCODE_NOERROR;
    bool is_authoritative = true;
    std::vector<const ldns_rr_list*> answers;
    const ldns_rr_list* authority = nullptr;
};

/// The zones in one state: every record set built, ready to be pointed at. It never changes: a
/// change makes a new one, which shares with the old what is alike.
class DnsTable {
  public:
    /// One record set that does not belong to the zones' own: the steered ones.
    struct Set {
        steer::Record record;
        std::vector<std::string> answers;
        Duration ttl{};
    };

    /// kInvalid names the record that is wrong: bad address, outside every zone, a CNAME beside
    /// others.
    static Result<std::unique_ptr<DnsTable>> build(const std::vector<DnsResponder::Zone>& zones,
                                                   const std::vector<Set>& steered,
                                                   std::uint32_t serial);
    /// The same with one steered set more, or in place of the one with its name and type. Its zone
    /// gets the serial. kInvalid as `build`.
    [[nodiscard]] Result<std::unique_ptr<DnsTable>> with(const Set& steered,
                                                         std::uint32_t serial) const;

    /// `name` in lower case without the final dot. RFC 1034 section 4.3.2; NXDOMAIN and NODATA
    /// carry the SOA (RFC 2308), an empty non-terminal is NODATA (RFC 8020), ANY gives one set (RFC
    /// 8482).
    [[nodiscard]] DnsFinding find(const std::string& name, ldns_rr_type type) const;

    /// The records of one type.
    struct Held {
        Records records;
        bool is_steered = false;
    };
    /// The records of one name.
    struct Name {
        std::string wire;  ///< In wire form and lower case.
        std::vector<std::pair<ldns_rr_type, std::shared_ptr<const Held>>> sets;

        [[nodiscard]] const Held* held(ldns_rr_type type) const;
    };
    /// All names with records, shared with the tables that have them alike.
    using Names = std::map<std::string, std::shared_ptr<const Name>>;
    [[nodiscard]] const Names& names() const { return names_; }
    /// A zone's own name in wire form, and the SOA of its negative answers.
    struct Denial {
        std::string_view wire;
        const ldns_rr* soa;
    };
    /// Of each zone, in an order that stays.
    [[nodiscard]] std::vector<Denial> denials() const;
    /// The zone in which a name lies; nullptr outside all of them.
    [[nodiscard]] const std::string* zone_name(const std::string& name) const;

  private:
    struct Zone {
        std::string soa;  ///< "server. contact.zone.", as the SOA has them.
        /// With the negative TTL, for the authority section.
        std::shared_ptr<const ldns_rr_list> soa_negative;
    };
    using Zones = std::map<std::string, Zone>;

    /// A name and a type.
    using Key = std::pair<std::string, ldns_rr_type>;

    Result<> add(const Set& set, bool is_steered, bool may_replace);
    Result<> add_zone(const DnsResponder::Zone& zone, std::uint32_t serial);
    Result<> set_serial(const std::string& zone, std::uint32_t serial);
    Result<> put(const Key& key, const std::vector<std::string>& texts, bool is_steered);
    [[nodiscard]] const Held* held(const Key& key) const;
    [[nodiscard]] Zones::const_iterator zone_of(const std::string& name) const;
    [[nodiscard]] bool exists(const std::string& name) const;
    void follow_alias(const std::string& name, ldns_rr_type type, DnsFinding* finding) const;

    Zones zones_;
    Names names_;
};

/// Lower case, without the final dot.
std::string plain_name(std::string name);
/// Whether `name` is `zone` or below it. A dot inside a label ("\.") separates nothing.
bool is_within(const std::string& name, const std::string& zone);

}  // namespace muster::adapters

#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
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

/// The zones in one state: every record set built, ready to be pointed at. Replaced whole on a
/// change.
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
    /// Records that `before` holds alike are shared with it.
    static Result<std::unique_ptr<DnsTable>> build(const std::vector<DnsResponder::Zone>& zones,
                                                   const std::vector<Set>& steered,
                                                   std::uint32_t serial,
                                                   const DnsTable* before = nullptr);

    /// `name` in lower case without the final dot. RFC 1034 section 4.3.2; NXDOMAIN and NODATA
    /// carry the SOA (RFC 2308), an empty non-terminal is NODATA (RFC 8020), ANY gives one set (RFC
    /// 8482).
    [[nodiscard]] DnsFinding find(const std::string& name, ldns_rr_type type) const;

    /// The records of one type, and the text they were read from.
    struct Held {
        std::vector<std::string> texts;
        Records records;
    };
    /// The records of one name. Shared with the table that follows, where nothing changed.
    struct Name {
        std::string wire;  ///< In wire form and lower case.
        std::vector<std::pair<ldns_rr_type, std::shared_ptr<const Held>>> sets;

        [[nodiscard]] std::shared_ptr<const Held> held(ldns_rr_type type) const;
    };
    /// All names with records.
    [[nodiscard]] const std::map<std::string, Name>& names() const { return names_; }
    /// Each zone's name in wire form, and the SOA of its negative answers.
    [[nodiscard]] std::vector<std::pair<std::string, const ldns_rr*>> denials() const;

  private:
    struct Zone {
        Records soa_negative;  ///< With the negative TTL, for the authority section.
    };

    /// A name and a type.
    using Key = std::pair<std::string, ldns_rr_type>;

    Result<> add(const steer::Record& record, const std::vector<std::string>& answers,
                 Duration ttl);
    Result<> add_zone(const DnsResponder::Zone& zone, std::uint32_t serial);
    Result<> add_set(const Key& key, std::vector<std::string> texts);
    [[nodiscard]] std::shared_ptr<const Held> held(const Key& key) const;
    [[nodiscard]] const Zone* zone_of(const std::string& name) const;
    [[nodiscard]] bool exists(const std::string& name) const;
    void follow_alias(const std::string& name, ldns_rr_type type, DnsFinding* finding) const;

    const DnsTable* before_ = nullptr;  ///< While it is built.
    std::map<std::string, Zone> zones_;
    std::map<std::string, Name> names_;
};

/// Lower case, without the final dot.
std::string plain_name(std::string name);
/// Whether `name` is `zone` or below it. A dot inside a label ("\.") separates nothing.
bool is_within(const std::string& name, const std::string& zone);

}  // namespace muster::adapters

#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "adapters/steer/dns_plain_query.h"
#include "adapters/steer/dns_table.h"

namespace muster::adapters {

/// All answers of one state, ready to be copied out. It never changes: a change makes a new one,
/// which takes the place of the old by one pointer. Several threads may read it.
class DnsAnswers {
  public:
    /// Refuses everything: it has no zones.
    DnsAnswers() = default;
    DnsAnswers(const DnsAnswers&) = delete;
    DnsAnswers& operator=(const DnsAnswers&) = delete;

    /// kInvalid as `DnsTable::build`, and for a name whose answer is longer than a message can be.
    static Result<std::shared_ptr<const DnsAnswers>> build(
        const std::vector<DnsResponder::Zone>& zones, const std::vector<DnsTable::Set>& steered,
        std::uint32_t serial);
    /// As `DnsTable::with`. What the change leaves alike is shared.
    [[nodiscard]] Result<std::shared_ptr<const DnsAnswers>> with(const DnsTable::Set& steered,
                                                                 std::uint32_t serial) const;

    /// Writes the answer to a query that came by UDP into `out`, which has room for kMaxUdpAnswer,
    /// and says how long it is; 0 when the query deserves none.
    std::size_t answer(std::span<const std::uint8_t> query, std::span<std::uint8_t> out) const;

    /// The same from what was prepared; 0 when the query is not plain, or its answer does not fit.
    std::size_t answer_plain(std::span<const std::uint8_t> query,
                             std::span<std::uint8_t> out) const;

    /// The records behind the answers, for all other queries.
    [[nodiscard]] const DnsTable& table() const { return *table_; }

  private:
    /// What stands behind the question of a positive answer.
    struct Tail {
        std::vector<std::uint8_t> bytes;
        std::size_t answers = 0;
    };
    /// The SOA of a zone's negative answers. Names in it end in a pointer to the zone's name within
    /// the question, and where that stands depends on the question.
    struct Denial {
        std::string zone;
        std::vector<std::uint8_t> bytes;
        std::vector<std::size_t> pointers;
    };
    /// The positive answers of a name.
    struct Tails {
        std::vector<std::pair<std::uint16_t, Tail>> by_type;
        std::optional<Tail> otherwise;  ///< A CNAME answers every type.

        [[nodiscard]] const Tail* tail(std::uint16_t type) const;
    };
    struct Name {
        std::size_t denial = 0;              ///< Which one, in the order of the zones.
        std::shared_ptr<const Tails> tails;  ///< None of a name without records between others.
    };
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(std::string_view name) const {
            return std::hash<std::string_view>()(name);
        }
    };
    /// The closest name that exists; none outside the zones.
    struct Found {
        const Name* name = nullptr;
        bool is_exact = false;
    };

    void prepare_denials();
    static Denial make_denial(std::string_view zone, const ldns_rr* soa);
    Result<> prepare_name(const std::string& text, const DnsTable::Name& held);
    void prepare_parents(std::string_view name);
    Result<std::optional<Tail>> make_tail(const std::string& text, std::string_view wire,
                                          ldns_rr_type type) const;
    [[nodiscard]] std::optional<std::size_t> denial_of(std::string_view name) const;
    [[nodiscard]] Found find(std::string_view name) const;

    std::unique_ptr<DnsTable> table_ = std::make_unique<DnsTable>();  ///< Without zones at first.
    std::vector<Denial> denials_;
    /// Whatever exists, names without records between others included, by the name in wire form and
    /// lower case.
    std::unordered_map<std::string, Name, Hash, std::equal_to<>> names_;
};

}  // namespace muster::adapters

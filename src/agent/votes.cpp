#include "agent/votes.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>

namespace muster::agent {

namespace json = boost::json;

namespace {

constexpr std::array kHealths{probe::Health::kUnknown, probe::Health::kUp, probe::Health::kDown};
constexpr std::array kEvidences{probe::Evidence::kGood, probe::Evidence::kSlow,
                                probe::Evidence::kSilence, probe::Evidence::kHard};
using Says = decide::Witness::Says;
constexpr std::array kSays{Says::kNothing, Says::kAlive, Says::kDead};

template <class T, std::size_t N>
Result<T> pick(const std::array<T, N>& all, const json::value& index) {
    const auto* number = index.if_int64();
    if (number == nullptr || *number < 0 || static_cast<std::size_t>(*number) >= N) {
        return Error{Errc::kCorrupt, "a ballot holds a value that is not known"};
    }
    return all.at(static_cast<std::size_t>(*number));
}

template <class T, std::size_t N>
std::int64_t index_of(const std::array<T, N>& all, T value) {
    std::int64_t at = 0;
    while (static_cast<std::size_t>(at) + 1 < N && all.at(static_cast<std::size_t>(at)) != value) {
        ++at;
    }
    return at;
}

std::int64_t age(Instant then, Instant now) {
    return (now - then).count();
}

json::array encode_vote(const decide::Vote& vote, Instant now) {
    return {vote.target.service.str(),
            vote.target.component.str(),
            vote.target.site.str(),
            vote.target.instance,
            index_of(kHealths, vote.health),
            index_of(kEvidences, vote.evidence),
            age(vote.since, now),
            age(vote.received, now),
            vote.detail};
}

json::array encode_witness(const decide::Witness& witness, Instant now) {
    return {witness.name,
            witness.site.str(),
            index_of(kSays, witness.says),
            witness.is_confirmed_stop,
            age(witness.at, now),
            witness.detail,
            witness.service.str()};
}

std::string text(const json::value& value) {
    const auto* found = value.if_string();
    return found == nullptr ? std::string() : std::string(*found);
}

Instant ago(const json::value& value, Instant now) {
    const auto* found = value.if_int64();
    // Far beyond any age, and far from where the clock's numbers end.
    constexpr std::int64_t kLongest = Duration(std::chrono::years(10)).count();
    return found == nullptr ? Instant{} : now - Duration(std::clamp(*found, -kLongest, kLongest));
}

Result<decide::Vote> decode_vote(const json::array& row, Instant now) {
    if (row.size() != 9) {
        return Error{Errc::kCorrupt,
                     "a ballot's vote has " + std::to_string(row.size()) + " parts"};
    }
    decide::Vote vote;
    vote.target = {ServiceId(text(row[0])), ComponentId(text(row[1])), SiteId(text(row[2])),
                   text(row[3])};
    TRY(vote.health, pick(kHealths, row[4]));
    TRY(vote.evidence, pick(kEvidences, row[5]));
    vote.since = ago(row[6], now);
    vote.received = ago(row[7], now);
    vote.detail = text(row[8]);
    return vote;
}

Result<decide::Witness> decode_witness(const json::array& row, Instant now) {
    if (row.size() != 7) {
        return Error{Errc::kCorrupt,
                     "a ballot's witness has " + std::to_string(row.size()) + " parts"};
    }
    decide::Witness witness;
    witness.name = text(row[0]);
    witness.site = SiteId(text(row[1]));
    TRY(witness.says, pick(kSays, row[2]));
    witness.is_confirmed_stop = row[3].is_bool() && row[3].get_bool();
    witness.at = ago(row[4], now);
    witness.detail = text(row[5]);
    witness.service = ServiceId(text(row[6]));
    return witness;
}

const json::array* list_in(const json::object& object, std::string_view key) {
    const auto* found = object.if_contains(key);
    return found == nullptr ? nullptr : found->if_array();
}

}  // namespace

std::string ballot_key(const SiteId& vantage) {
    return std::string(kVotesPrefix) + vantage.str();
}

std::string encode(const Ballot& ballot, Instant now) {
    json::array votes;
    for (const auto& vote : ballot.votes) {
        votes.push_back(encode_vote(vote, now));
    }
    json::array witnesses;
    for (const auto& witness : ballot.witnesses) {
        witnesses.push_back(encode_witness(witness, now));
    }
    return json::serialize(json::object{{"version", 1},
                                        {"site", ballot.vantage.site.str()},
                                        {"is_eligible", ballot.vantage.is_eligible},
                                        {"why_not", ballot.vantage.why_not},
                                        {"votes", std::move(votes)},
                                        {"witnesses", std::move(witnesses)}});
}

Result<Ballot> decode_ballot(const std::string& source, Instant now) {
    boost::system::error_code failed;
    const auto value = json::parse(source, failed);
    const auto* object = failed ? nullptr : value.if_object();
    const auto* votes = object == nullptr ? nullptr : list_in(*object, "votes");
    const auto* witnesses = object == nullptr ? nullptr : list_in(*object, "witnesses");
    const auto* eligible = object == nullptr ? nullptr : object->if_contains("is_eligible");
    if (votes == nullptr || witnesses == nullptr || eligible == nullptr || !eligible->is_bool()) {
        return Error{Errc::kCorrupt, "a ballot can't be read"};
    }
    Ballot ballot;
    const auto* site = object->if_contains("site");
    const auto* why_not = object->if_contains("why_not");
    ballot.vantage = {SiteId(site == nullptr ? std::string() : text(*site)), eligible->get_bool(),
                      why_not == nullptr ? std::string() : text(*why_not)};
    for (const auto& row : *votes) {
        if (row.is_array()) {
            TRY(auto vote, decode_vote(row.get_array(), now));
            vote.vantage = ballot.vantage.site;
            ballot.votes.push_back(std::move(vote));
        }
    }
    for (const auto& row : *witnesses) {
        if (row.is_array()) {
            TRY(auto witness, decode_witness(row.get_array(), now));
            ballot.witnesses.push_back(std::move(witness));
        }
    }
    return ballot;
}

}  // namespace muster::agent

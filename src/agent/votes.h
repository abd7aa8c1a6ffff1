#pragma once

#include <string>
#include <vector>

#include "base/task.h"
#include "decide/decide.h"
#include "state/store.h"

namespace muster::agent {

/// What one vantage publishes for the others: its own standing and its verdicts. Times travel as
/// ages.
struct Ballot {
    decide::Vantage vantage;
    std::vector<decide::Vote> votes;
    std::vector<decide::Witness> witnesses;
};

inline constexpr std::string_view kVotesPrefix = "votes/";
std::string ballot_key(const SiteId& vantage);

std::string encode(const Ballot& ballot, Instant now);
/// Ages become instants on the reader's clock, `now` being the moment of receipt. kCorrupt
/// otherwise.
Result<Ballot> decode_ballot(const std::string& text, Instant now);

}  // namespace muster::agent

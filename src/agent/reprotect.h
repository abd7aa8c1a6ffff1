#pragma once

#include <map>
#include <string>

#include "base/id.h"
#include "base/result.h"
#include "base/time.h"

namespace muster::agent {

/// How far a site that a move has left is on its way back as a standby. Durable, so that a node
/// that starts anew neither hurries nor starts over.
struct Reprotect {
    enum class State { kWaiting, kRunning, kDone, kGivenUp };
    /// After so many failed attempts a person is needed.
    static constexpr int kMostAttempts = 10;

    State state = State::kWaiting;
    Epoch left;           ///< Of the move that left the site: another one starts the count again.
    int attempts = 0;     ///< Failed ones.
    WallTime next{};      ///< Not before.
    RunId run{};          ///< The attempt under way, or the last one.
    std::string error{};  ///< Of the last failed attempt.
};
std::string_view to_string(Reprotect::State state);

using Reprotects = std::map<SiteId, Reprotect>;

/// The pause after so many failed attempts: 1 min, doubled each time, at most 1 h.
Duration pause_after(int attempts);
/// It was set aside for a move: begun again as soon as may be, and no failure.
void put_off(Reprotect* reprotect);
/// Counts a failed attempt and sets when the next one may begin.
void note_failure(Reprotect* reprotect, std::string error, WallTime now);

std::string reprotect_key(const ServiceId& service);
std::string encode(const Reprotects& reprotects);
/// kCorrupt when the text is no such record.
Result<Reprotects> decode_reprotects(const std::string& text);

}  // namespace muster::agent

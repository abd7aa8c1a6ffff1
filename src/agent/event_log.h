#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "agent/status.h"
#include "base/clock.h"
#include "base/event.h"
#include "base/log.h"
#include "base/task_group.h"
#include "state/store.h"

namespace muster::agent {

/// What happened, kept durably: the newest `kKept` events, numbered without a gap. Appending never
/// waits: a task writes behind.
class EventLog {
  public:
    static constexpr std::int64_t kKept = 10'000;
    static constexpr std::size_t kQueued = 4'096;  ///< Beyond it the oldest unwritten are dropped.

    EventLog(SiteId site, Executor executor, Clock& clock, Log& log, state::Store& store);

    /// Reads where the numbering stands; call before the first append.
    Task<> open();
    void append(Event event);
    /// Writes what is queued, until `stop()`.
    Task<> write_behind();
    /// Events with an id above `after`, oldest first, at most `limit`; a negative `after`: the
    /// newest.
    Task<std::vector<Event>> read(std::int64_t after, std::size_t limit);

  private:
    Task<> write_one();
    [[nodiscard]] std::string key_of(std::int64_t id) const;

    std::string prefix_;  ///< Each node numbers its own events.
    Clock& clock_;
    Log& log_;
    state::Store& store_;
    std::int64_t next_id_ = 1;
    std::deque<Event> queue_;
    muster::Event queued_;
};

std::string encode(const Event& event);
/// kCorrupt when the text is not an event.
Result<Event> decode_event(const std::string& text);

}  // namespace muster::agent

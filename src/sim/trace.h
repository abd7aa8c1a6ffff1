#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "sim/virtual_clock.h"

namespace muster::sim {

/// What happened in a simulated world, folded into one number: the same seed must give the same
/// number twice. Also keeps what must never happen, with when it did.
class Trace {
  public:
    explicit Trace(const VirtualClock& clock) : clock_(clock) {}

    void add(std::string_view what);
    void violate(const std::string& what);
    /// Also keeps the text of what happened, for looking at one seed.
    void keep_text() { keeps_text_ = true; }

    [[nodiscard]] std::uint64_t hash() const { return hash_; }
    [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
    [[nodiscard]] const std::vector<std::string>& text() const { return text_; }

  private:
    const VirtualClock& clock_;
    std::uint64_t hash_ = 0;
    bool keeps_text_ = false;
    std::vector<std::string> violations_;
    std::vector<std::string> text_;
};

/// A node's log, as part of the trace.
class TraceLog final : public Log {
  public:
    TraceLog(Trace& trace, std::string node) : trace_(trace), node_(std::move(node)) {}
    void write(Level level, std::string_view event, std::span<const LogField> fields) override;

  private:
    Trace& trace_;
    std::string node_;
};

}  // namespace muster::sim

#pragma once

#include <iosfwd>
#include <memory>
#include <string>

#include "base/clock.h"
#include "base/log.h"

namespace muster::adapters {

/// Writes each event as one line:
///
///     2026-11-21T05:08:28.123Z info  fence.acquired site=east epoch=7
///     {"time":"2026-11-21T05:08:28.123Z","level":"info","event":"fence.acquired","site":"east"}
///
/// Values are quoted when they hold more than plain characters, and control characters are escaped,
/// so that one event is always one line. May be called from any thread.
class SpdlogLog final : public Log {
  public:
    enum class Format { kText, kJson };
    struct Options {
        Level least = Level::kInfo;  ///< Lower ones are dropped.
        Format format = Format::kText;
    };

    /// To standard error.
    SpdlogLog(Clock& clock, Options options);
    /// To a stream, which outlives it.
    SpdlogLog(Clock& clock, Options options, std::ostream& out);
    ~SpdlogLog() override;

    void write(Level level, std::string_view event, std::span<const LogField> fields) override;

  private:
    struct Sink;
    Clock& clock_;
    Options options_;
    std::unique_ptr<Sink> sink_;
};

/// "debug", "info", "warn", "error"; kInvalid otherwise.
Result<Level> parse_level(std::string_view name);

}  // namespace muster::adapters

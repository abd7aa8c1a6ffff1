#pragma once

#include <concepts>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

#include "base/id.h"
#include "base/result.h"
#include "base/time.h"

namespace muster {

enum class Level {
    kDebug,  ///< The rest.
    kInfo,   ///< State changed.
    kWarn,   ///< Degraded, handled.
    kError,  ///< A person must act; it fails a simulation.
};

/// One key and value of an event. A `Secret` does not convert to it.
struct LogField {
    std::string_view key;
    std::string value;

    LogField(std::string_view k, std::string v) : key(k), value(std::move(v)) {}
    LogField(std::string_view k, std::string_view v) : key(k), value(v) {}
    LogField(std::string_view k, const char* v) : key(k), value(v) {}
    LogField(std::string_view k, bool v) : key(k), value(v ? "true" : "false") {}
    LogField(std::string_view k, std::integral auto v) : key(k), value(std::to_string(v)) {}
    LogField(std::string_view k, Duration v) : key(k), value(human_duration(v)) {}
    LogField(std::string_view k, Epoch v) : key(k), value(std::to_string(v.value)) {}
    template <class Tag>
    LogField(std::string_view k, const Id<Tag>& v) : key(k), value(v.str()) {}
};

/// Events, not sentences: `log.info("fence.acquired", {{"site", site}, {"epoch", epoch}})`. The
/// names are stable and listed in docs/reference/events.md.
class Log {
  public:
    virtual ~Log() = default;
    virtual void write(Level level, std::string_view event, std::span<const LogField> fields) = 0;

    void debug(std::string_view event, std::initializer_list<LogField> fields = {}) {
        write(Level::kDebug, event, fields);
    }
    void info(std::string_view event, std::initializer_list<LogField> fields = {}) {
        write(Level::kInfo, event, fields);
    }
    void warn(std::string_view event, std::initializer_list<LogField> fields = {}) {
        write(Level::kWarn, event, fields);
    }
    void error(std::string_view event, std::initializer_list<LogField> fields = {}) {
        write(Level::kError, event, fields);
    }
};

/// Keeps nothing; for tests and for commands that print their own result.
class NullLog final : public Log {
  public:
    void write(Level /*level*/, std::string_view /*event*/,
               std::span<const LogField> /*fields*/) override {}
};

}  // namespace muster

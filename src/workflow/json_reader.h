#pragma once

#include <boost/json/fwd.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/fields.h"
#include "base/result.h"
#include "base/time.h"

namespace muster::workflow {

/// Reads a JSON object that should be of a known shape. Never throws; the first thing that is not
/// as expected is remembered, and everything after reads as empty.
class JsonReader {
  public:
    JsonReader(const boost::json::value& value, std::string_view what);

    [[nodiscard]] bool has(std::string_view key) const;
    std::string text(std::string_view key);
    std::int64_t integer(std::string_view key);
    bool flag(std::string_view key);
    Fields fields(std::string_view key);
    /// An empty array or object when it is not there.
    const boost::json::array& array(std::string_view key);
    const boost::json::object& object(std::string_view key);

    Duration duration(std::string_view key) { return Duration(integer(key)); }
    WallTime wall(std::string_view key) {
        return WallTime(std::chrono::microseconds(integer(key)));
    }
    std::optional<Duration> maybe_duration(std::string_view key) {
        return has(key) ? std::optional(duration(key)) : std::nullopt;
    }
    std::optional<WallTime> maybe_wall(std::string_view key) {
        return has(key) ? std::optional(wall(key)) : std::nullopt;
    }

    void fail(std::string_view what);
    /// kCorrupt with the first thing that was wrong.
    [[nodiscard]] Result<> status() const;

  private:
    const boost::json::value* find(std::string_view key);

    const boost::json::object* object_ = nullptr;
    std::string what_;
    std::string wrong_;
};

}  // namespace muster::workflow

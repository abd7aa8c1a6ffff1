#pragma once

#include <string>

namespace muster {

/// Where a node's bulky history goes: segments, each one readable by itself. Neither call waits:
/// what can't be kept in time is dropped, and the oldest segments go when there are too many.
class SegmentSink {
  public:
    virtual ~SegmentSink() = default;
    /// A new segment that begins with these bytes.
    virtual void begin(std::string bytes) = 0;
    /// More of the newest segment; dropped with the rest of it when something before was dropped.
    virtual void append(std::string bytes) = 0;
};

}  // namespace muster

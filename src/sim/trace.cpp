#include "sim/trace.h"

#include "base/random.h"

namespace muster::sim {

void Trace::add(std::string_view what) {
    std::string line = std::to_string(clock_.now().time_since_epoch().count()) + " ";
    line += what;
    hash_ = hash_ * 0x100000001b3U ^ stable_hash(line);
    if (keeps_text_) {
        const auto at = std::chrono::duration<double>(clock_.now().time_since_epoch()).count();
        text_.push_back(std::to_string(at) + " " + std::string(what));
    }
}

void Trace::violate(const std::string& what) {
    add("VIOLATION " + what);
    violations_.push_back(std::to_string(to_seconds(clock_.now().time_since_epoch())) +
                          " s: " + what);
}

void TraceLog::write(Level /*level*/, std::string_view event, std::span<const LogField> fields) {
    std::string line = node_ + " " + std::string(event);
    for (const auto& field : fields) {
        line += " " + std::string(field.key) + "=" + field.value;
    }
    trace_.add(line);
}

}  // namespace muster::sim

#pragma once

#include <string>
#include <vector>

#include "base/id.h"
#include "base/task.h"
#include "base/time.h"

namespace muster::steer {

/// A name that points users somewhere.
struct Record {
    std::string name;  ///< "shop.example.com", without the final dot.
    std::string type;  ///< "A", "AAAA", "CNAME", "TXT".
    Duration ttl = std::chrono::seconds(30);
    auto operator<=>(const Record&) const = default;
};

/// What it should answer, and from which decision that comes.
struct Wanted {
    Record record;
    std::vector<std::string> answers;  ///< Never empty.
    Epoch epoch;                       ///< An older one is refused with kConflict.
    bool is_suspect = false;           ///< A target is suspect: hand out the short TTL.
};

struct Actual {
    std::vector<std::string> answers;
    Duration ttl{};
    Epoch epoch;
    std::uint32_t serial = 0;
};

/// Port: sets where traffic goes, compare-and-set by epoch. kInvalid for an empty set of answers.
class Steerer {
  public:
    virtual ~Steerer() = default;
    virtual Task<Actual> current(Record record, Instant deadline) = 0;
    virtual Task<> apply(Wanted wanted, Instant deadline) = 0;
};

}  // namespace muster::steer

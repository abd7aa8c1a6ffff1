#pragma once

#include <string>

#include "adapters/net/pg_connection.h"
#include "base/clock.h"
#include "base/fields.h"

namespace muster::adapters {

/// The row in muster.heartbeat that the probe of a primary writes and the probe of a standby reads:
/// proof of writing there, and here the age of what has arrived, which is the RPO of this moment.
class Heartbeat {
  public:
    struct Row {
        std::string service;
        std::string writer;  ///< The node that probes.
        std::string epoch;   ///< Empty: 0.
    };
    Heartbeat(Row row, PgConnection& connection, Clock& clock);

    /// Writes a beat, and makes the table when it is not there. Errors as PgConnection::query.
    /// Facts: heartbeat_at_ns, heartbeat_age_ms.
    Task<Fields> write(Instant deadline);
    /// Reads the newest beat that arrived; no facts when none has.
    Task<Fields> read(Instant deadline);

  private:
    Row row_;
    PgConnection& connection_;
    Clock& clock_;
};

}  // namespace muster::adapters

#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/log.h"
#include "steer/steerer.h"

namespace muster::adapters {

/// The embedded authoritative DNS server (UDP, TCP, EDNS): answers are built once per change and
/// put in force by one pointer. UDP has a thread of its own (`DnsUdp`), all else runs on the
/// executor. Listens once `listen` was called; answers REFUSED for names it does not own.
class DnsResponder final : public steer::Steerer {
  public:
    /// The zones it is authoritative for, with what stands in them besides the steered records.
    struct Zone {
        std::string name;                       ///< "example.com"
        std::vector<std::string> name_servers;  ///< "ns1.example.com"; at least one.
        std::string contact = "hostmaster";
        struct Fixed {  ///< NS glue and other records that never move.
            steer::Record record;
            std::vector<std::string> answers;
        };
        std::vector<Fixed> fixed;
    };

    DnsResponder(Executor executor, Clock& clock, Log& log);
    ~DnsResponder() override;

    /// Puts the zones in force; steered records keep their answers. kInvalid names the bad one.
    Result<> set_zones(std::vector<Zone> zones);
    /// Once. "127.0.0.1:5353"; UDP and TCP on one port; the port taken. kDenied without the
    /// privilege.
    Result<std::uint16_t> listen(const std::string& address);
    Task<> stop();

    Task<steer::Actual> current(steer::Record record, Instant deadline) override;
    Task<> apply(steer::Wanted wanted, Instant deadline) override;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace muster::adapters

#pragma once

#include <string>

#include "probe/probe.h"

namespace muster::adapters {

/// Healthy when a TCP connection opens and, with `expect`, the server then says so. A mere connect
/// proves that the kernel lives, not the program: see docs/reference/probes/tcp.md.
class TcpProbe final : public probe::Probe {
  public:
    static constexpr std::string_view kType = "tcp";
    static constexpr bool kIsRetried = true;  ///< check() keeps nothing.
    static plan::Type settings();
    static Result<std::unique_ptr<probe::Probe>> make(const probe::Settings& settings,
                                                      probe::Deps deps);

    struct Wanted {
        std::string host;
        std::string port;
        std::string send;    ///< Sent after connecting; may be empty.
        std::string expect;  ///< Must stand in what the server says; empty: connecting is enough.
        Duration slow_after{};
    };
    TcpProbe(Wanted wanted, probe::Deps deps);
    Task<probe::Sample> check(Instant deadline) override;

  private:
    struct Attempt;
    Task<> exchange(std::shared_ptr<Attempt> attempt);

    Wanted wanted_;
    probe::Deps deps_;
};

/// "host:port" or "[v6]:port" taken apart. kInvalid otherwise.
Result<TcpProbe::Wanted> parse_host_port(const std::string& text);

}  // namespace muster::adapters

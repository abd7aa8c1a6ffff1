#pragma once

#include "backup/host.h"

namespace muster::adapters {

/// The machine under a command of the backup engine. From `watch_signals` on, SIGINT and SIGTERM
/// ask the work to end; a second one ends the process as usual.
class SystemHost final : public backup::Host {
  public:
    static void watch_signals();

    [[nodiscard]] Instant now() const override;
    [[nodiscard]] WallTime wall() const override;
    [[nodiscard]] int utc_offset(std::int64_t unix_seconds) const override;
    void pause(Duration duration) override;
    [[nodiscard]] bool is_stopped() const override;
    void fill_random(backup::ByteSpan into) override;
    [[nodiscard]] unsigned cores() const override;
    void run_parallel(unsigned copies, const std::function<void(unsigned)>& body) override;
    [[nodiscard]] backup::Identity identity() const override;
    [[nodiscard]] bool is_alive(std::int64_t pid) const override;
};

}  // namespace muster::adapters

#pragma once

#include <optional>
#include <regex>
#include <string>
#include <vector>

#include "adapters/net/http_client.h"
#include "probe/probe.h"

namespace muster::adapters {

/// Healthy when an HTTP request is answered with a wanted status, and the body says what it should.
class HttpProbe final : public probe::Probe {
  public:
    static constexpr std::string_view kType = "http";
    static constexpr bool kIsRetried = true;  ///< check() may run several times at once.
    static plan::Type settings();
    /// `client` is shared by all the probes of an event loop: it keeps connections and the
    /// certificates of the authorities.
    static Result<std::unique_ptr<probe::Probe>> make(const probe::Settings& settings,
                                                      probe::Deps deps,
                                                      std::shared_ptr<HttpClient> client);

    struct Wanted {
        HttpRequest request;
        std::vector<int> statuses;  ///< Empty: 200 to 399.
        std::string body;           ///< Must stand in the body.
        std::optional<std::regex> matches;
        long tls_days = 0;  ///< Fewer days left of the certificate are slow evidence.
        Duration slow_after{};
    };
    HttpProbe(Wanted wanted, probe::Deps deps, std::shared_ptr<HttpClient> client);
    Task<probe::Sample> check(Instant deadline) override;

  private:
    [[nodiscard]] probe::Sample judge(const HttpResponse& response, Duration took) const;
    [[nodiscard]] std::string complaint(const HttpResponse& response) const;

    Wanted wanted_;
    probe::Deps deps_;
    std::shared_ptr<HttpClient> client_;
    Instant fresh_at_{};  ///< When a TLS connection was last made anew.
};

}  // namespace muster::adapters

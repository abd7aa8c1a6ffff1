#pragma once

#include <boost/regex.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "adapters/net/http_client.h"
#include "adapters/net/plain_http.h"
#include "probe/probe.h"

namespace muster::adapters {

/// What the http probes of one event loop share: libcurl for TLS, names and Unix sockets, and the
/// lean way for plain HTTP to a known address.
struct HttpProbeClients {
    HttpProbeClients(const Executor& executor, Clock& the_clock)
        : any(executor, the_clock), plain(executor, the_clock), clock(the_clock) {}

    HttpClient any;
    PlainHttpClient plain;
    Clock& clock;
};

/// Healthy when an HTTP request is answered with a wanted status, and the body says what it should.
class HttpProbe final : public probe::Probe {
  public:
    static constexpr std::string_view kType = "http";
    static constexpr bool kIsRetried = true;  ///< check() may run several times at once.
    static plan::Type settings();
    static Result<std::unique_ptr<probe::Probe>> make(const probe::Settings& settings,
                                                      std::shared_ptr<HttpProbeClients> clients);

    struct Wanted {
        std::vector<int> statuses;  ///< Empty: 200 to 399.
        std::string body;           ///< Must stand in the body.
        std::unique_ptr<boost::regex> matches;
        long tls_days = 0;  ///< Fewer days left of the certificate are slow evidence.
        Duration slow_after{};
    };
    /// How the request is sent.
    struct Way {
        std::unique_ptr<HttpRequest> request;           ///< Missing when the address is a number.
        std::shared_ptr<const PlainHttpRequest> plain;  ///< Missing until an address is known.
        std::unique_ptr<KeptHttpConnection> kept;       ///< With "connection: keep".
        bool is_tls = false;
        bool is_kept = false;
    };
    HttpProbe(Wanted wanted, Way way, std::shared_ptr<HttpProbeClients> clients);
    Task<probe::Sample> check(Instant deadline) override;

  private:
    [[nodiscard]] bool knows_the_way(Instant now) const;
    Task<HttpResponse> ask_anyhow(Instant deadline);
    void learn_the_way(const Result<HttpResponse>& response, Instant now);
    [[nodiscard]] probe::Sample judge(const HttpResponse& response, Duration took) const;
    [[nodiscard]] std::string complaint(const HttpResponse& response) const;

    Wanted wanted_;
    Way way_;
    // Shared with the other probes of the loop, and gone with the last of them.
    std::shared_ptr<HttpProbeClients> clients_;
    Instant fresh_at_{};    ///< When a TLS connection was last made anew.
    Instant learned_at_{};  ///< When the name was last looked up.
};

}  // namespace muster::adapters

#pragma once

#include <ostream>
#include <string>

#include "base/log.h"
#include "base/result.h"

namespace muster::daemon {

struct ServeOptions {
    std::string plan;                       ///< Path of the plan file.
    std::string data;                       ///< The data directory.
    std::string site;                       ///< Empty: the only arbiter.
    std::string listen = "127.0.0.1:8420";  ///< API and status page.
    std::string dns;                        ///< The DNS responder; empty: it does not listen.
    std::string tls_certificate;
    std::string tls_key;
    Level log_level = Level::kInfo;
    bool is_log_json = false;
};

/// Runs a node until SIGTERM or SIGINT; SIGHUP reads the plan again. Prints one line to `out` when
/// it is ready. kInvalid and kNotFound: bad options, a bad plan, or none.
Result<> serve(const ServeOptions& options, std::ostream& out);

/// Whether only this machine can reach the address.
bool is_loopback(const std::string& address);

}  // namespace muster::daemon

#pragma once

#include <string>

#include "cli/streams.h"

namespace muster::cli {

struct ServeArguments {
    std::string plan;
    std::string site;
    std::string listen = "127.0.0.1:8420";
    std::string dns;
    std::string tls_certificate;
    std::string tls_key;
    std::string log_level = "info";
};

/// `muster serve PLAN`: runs until it is told to end. With `--json`, the log is JSON lines.
int run_serve(const ServeArguments& arguments, const std::string& data, Streams streams);

}  // namespace muster::cli

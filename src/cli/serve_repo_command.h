#pragma once

#include <string>

#include "cli/streams.h"

namespace muster::cli {

struct ServeRepoArguments {
    std::string path;
    std::string listen = "127.0.0.1:8000";
    std::string accounts_file;
    std::string tls_certificate;
    std::string tls_key;
    std::string max_size;
    std::string log_level = "info";
    bool is_append_only = false;
    bool has_private_repos = false;
    bool is_open = false;           ///< Without accounts.
    bool is_plain_allowed = false;  ///< Without TLS, not only on loopback.
};

/// `muster serve-repo`: runs until SIGTERM or SIGINT; SIGHUP reads accounts and certificate again.
/// With `--json`, the log is JSON lines.
int run_serve_repo(const ServeRepoArguments& arguments, Streams streams);

}  // namespace muster::cli

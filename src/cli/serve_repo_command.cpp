#include "cli/serve_repo_command.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <csignal>

#include "adapters/log/spdlog_log.h"
#include "adapters/os/process_safety.h"
#include "adapters/os/system.h"
#include "adapters/repo_server/repo_server.h"
#include "cli/commands.h"
#include "daemon/serve.h"

namespace muster::cli {

namespace repo_server = adapters::repo_server;

namespace {

constexpr const char* kDefaultAccounts = ".htpasswd";

// As rest-server: a file in the served folder, unless another one is named.
Result<std::string> find_accounts(const ServeRepoArguments& arguments) {
    if (!arguments.accounts_file.empty()) {
        return arguments.accounts_file;
    }
    std::string file = arguments.path + "/" + kDefaultAccounts;
    struct stat entry{};
    if (::stat(file.c_str(), &entry) == 0) {
        return file;
    }
    return Error{Errc::kInvalid,
                 "there are no accounts: --htpasswd-file is not given, and there is no " + file,
                 "make one with htpasswd -B -c FILE ACCOUNT and give it as --htpasswd-file, or let "
                 "everybody in with --no-auth"};
}

Result<> check_accounts(const ServeRepoArguments& arguments) {
    if (arguments.is_open && !arguments.accounts_file.empty()) {
        return Error{Errc::kInvalid, "--no-auth asks for no accounts, but --htpasswd-file has some",
                     "leave one of them out"};
    }
    if (arguments.is_open && arguments.has_private_repos) {
        return Error{Errc::kInvalid, "--private-repos needs accounts, and --no-auth has none",
                     "leave --no-auth out and give --htpasswd-file"};
    }
    return {};
}

Result<> check_tls(const ServeRepoArguments& arguments) {
    if (arguments.tls_certificate.empty() != arguments.tls_key.empty()) {
        return Error{Errc::kInvalid, "TLS needs a certificate and its key",
                     "give both --tls-cert and --tls-key"};
    }
    const bool is_plain = arguments.tls_certificate.empty();
    if (is_plain && !daemon::is_loopback(arguments.listen) && !arguments.is_plain_allowed) {
        return Error{Errc::kInvalid,
                     "listening on " + arguments.listen +
                         " without TLS would show the accounts' passwords to the network",
                     "give --tls-cert and --tls-key, listen on 127.0.0.1 behind a proxy that has "
                     "TLS, or give --insecure-no-tls on a network that is closed by other means"};
    }
    return {};
}

Result<repo_server::Options> read_options(const ServeRepoArguments& arguments) {
    TRY_OK(check_accounts(arguments));
    TRY_OK(check_tls(arguments));
    repo_server::Options options;
    options.folder = arguments.path;
    options.listen = arguments.listen;
    options.is_append_only = arguments.is_append_only;
    options.has_private_repos = arguments.has_private_repos;
    if (!arguments.is_open) {
        TRY(options.accounts_file, find_accounts(arguments));
    }
    if (!arguments.tls_certificate.empty()) {
        options.tls = {arguments.tls_certificate, arguments.tls_key};
    }
    if (!arguments.max_size.empty()) {
        TRY(options.max_size, parse_size(arguments.max_size));
        if (options.max_size->bytes == 0) {
            return Error{Errc::kInvalid, "--max-size is 0: nothing could be saved",
                         "give a size such as 500GiB, or leave it out for no limit"};
        }
    }
    return options;
}

// 256 connections with a file each: the usual soft limit of 1,024 does, a lower one would not.
void raise_file_limit() {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        ::setrlimit(RLIMIT_NOFILE, &limit);
    }
}

// Blocked in all threads, which inherit it, and taken by this one alone.
sigset_t block_signals() {
    sigset_t signals;
    sigemptyset(&signals);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) {
        sigaddset(&signals, signal);
    }
    ::pthread_sigmask(SIG_BLOCK, &signals, nullptr);
    return signals;
}

std::string url_of(const ServeRepoArguments& arguments, std::uint16_t port) {
    const auto host = arguments.listen.substr(0, arguments.listen.rfind(':'));
    return (arguments.tls_key.empty() ? "http://" : "https://") + host + ":" +
           std::to_string(port) + "/";
}

Result<> serve_repo(const ServeRepoArguments& arguments, Streams streams) {
    TRY(auto options, read_options(arguments));
    TRY(const auto level, adapters::parse_level(arguments.log_level));
    TRY_OK(adapters::disable_core_dumps());
    raise_file_limit();
    const auto signals = block_signals();
    using Format = adapters::SpdlogLog::Format;
    adapters::SystemClock clock;
    adapters::SpdlogLog log(clock, {level, streams.is_json ? Format::kJson : Format::kText});
    TRY(const auto server, repo_server::RepoServer::start(std::move(options), clock, log));
    const auto url = url_of(arguments, server->port());
    log.info("repo.listening", {{"url", url},
                                {"folder", arguments.path},
                                {"append_only", arguments.is_append_only},
                                {"private_repos", arguments.has_private_repos}});
    streams.out << "muster: serving " << arguments.path << " to restic at rest:" << url
                << std::endl;
    int signal = 0;
    while (::sigwait(&signals, &signal) == 0 && signal == SIGHUP) {
        server->reload();
    }
    log.info("repo.stopping");
    server->stop();
    log.info("repo.stopped");
    return {};
}

}  // namespace

int run_serve_repo(const ServeRepoArguments& arguments, Streams streams) {
    const auto ended = serve_repo(arguments, streams);
    if (ended) {
        return kExitDone;
    }
    print_error(streams, ended.error());
    const auto code = ended.error().code();
    return code == Errc::kInvalid || code == Errc::kNotFound ? kExitUsage : kExitFailed;
}

}  // namespace muster::cli

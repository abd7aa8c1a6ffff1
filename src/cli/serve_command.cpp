#include "cli/serve_command.h"

#include "adapters/log/spdlog_log.h"
#include "cli/commands.h"
#include "daemon/serve.h"

namespace muster::cli {

int run_serve(const ServeArguments& arguments, const std::string& data, Streams streams) {
    const auto level = adapters::parse_level(arguments.log_level);
    daemon::ServeOptions options;
    options.plan = arguments.plan;
    options.data = data;
    options.site = arguments.site;
    options.listen = arguments.listen;
    options.dns = arguments.dns;
    options.tls_certificate = arguments.tls_certificate;
    options.tls_key = arguments.tls_key;
    options.log_level = level ? *level : Level::kInfo;
    options.is_log_json = streams.is_json;
    const auto ended = daemon::serve(options, streams.out);
    if (ended) {
        return kExitDone;
    }
    print_error(streams, ended.error());
    const auto code = ended.error().code();
    return code == Errc::kInvalid || code == Errc::kNotFound ? kExitUsage : kExitFailed;
}

}  // namespace muster::cli

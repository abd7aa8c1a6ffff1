#include "cli/repository/repository_command_line.h"

#include <algorithm>
#include <array>
#include <ranges>

#include "base/time.h"

namespace muster::cli {

namespace {

constexpr const char* kCommands = "Backup repositories (restic's)";
constexpr const char* kOptions = "Options of all commands on repositories, also before the command";

std::string refuse_unless_duration(const std::string& text) {
    const auto duration = parse_duration(text);
    return duration ? "" : duration.error().message();
}

/// Where an empty text says something: no grouping, no tags, a word of a command's.
bool may_be_empty(const CLI::Option& option) {
    constexpr std::array<const char*, 4> kNames{"--group-by", "--tag", "--set", "--keep-tag"};
    return (option.check_name("PATH") && option.get_items_expected_max() > 1) ||
           std::ranges::any_of(kNames, [&](const char* name) { return option.check_name(name); });
}

/// What holds for all options with a value: each takes one, so that what follows is no more of it,
/// and a script's variable that is not set never means the default.
void make_strict(CLI::Option& option) {
    if (option.get_items_expected_max() == 0) {
        return;  // A flag.
    }
    if (!option.get_positional()) {
        option.allow_extra_args(false);
    }
    if (!may_be_empty(option)) {
        option.check(
            [](const std::string& text) { return std::string(text.empty() ? "it is empty" : ""); });
    }
}

void add_shared_options(CLI::App& app, RepositoryOptions& options) {
    auto* place = app.add_option("-r,--repo", options.repository,
                                 "where the repository is; default: $MUSTER_REPOSITORY");
    app.add_option("--repository-file", options.repository_file, "a file that says where")
        ->excludes(place);
    auto* password = app.add_option("-p,--password-file", options.password_file,
                                    "a file with the password; default: $MUSTER_PASSWORD_FILE");
    app.add_option("--password-command", options.password_command,
                   "a command that prints the password")
        ->excludes(password);
    app.add_option("--key-hint", options.key_hint, "the key to try first");
    app.add_option("--cache-dir", options.cache_folder, "where the local cache is");
    app.add_flag("--no-cache", options.is_cacheless, "use no local cache");
    app.add_flag("--no-lock", options.is_lockless, "do not lock the repository");
    app.add_option("--retry-lock", options.retry_lock,
                   "how long to wait for a lock of somebody else, such as 10m")
        ->check(refuse_unless_duration);
    constexpr long kMostKib = 1'000'000'000;
    app.add_option("--limit-upload", options.limit_upload, "KiB/s at most")
        ->check(CLI::Range(0L, kMostKib));
    app.add_option("--limit-download", options.limit_download, "KiB/s at most")
        ->check(CLI::Range(0L, kMostKib));
    app.add_option("--cacert", options.ca_certificate, "certificates to trust, PEM")
        ->check(CLI::ExistingFile);
    app.add_option("--tls-client-cert", options.client_certificate,
                   "our certificate and its key, PEM")
        ->check(CLI::ExistingFile);
    app.add_flag("--insecure-tls", options.is_tls_trusted_blindly,
                 "trust any certificate: for tests only");
    constexpr long kMostLockDays = 36'500;
    app.add_option("--object-lock-days", options.object_lock_days,
                   "on S3, what is written can't be removed for so long (compliance mode)")
        ->check(CLI::Range(0L, kMostLockDays));
    app.add_option("-o,--option", options.extended, "KEY=VALUE for the kind of repository");
    app.add_flag("-q,--quiet", options.is_quiet, "print nothing but errors");
    app.add_flag("-v,--verbose", options.verbosity, "print more; twice: still more");
    constexpr long kLeastPack = 4;
    constexpr long kMostPack = 128;
    app.add_option("--compression", options.compression, "auto, max or off")
        ->check(CLI::IsMember({"auto", "max", "off"}))
        ->capture_default_str();
    app.add_option("--pack-size", options.pack_size, "MiB that a pack grows to")
        ->check(CLI::Range(kLeastPack, kMostPack))
        ->capture_default_str();
}

/// For the help of each command, which shows its own options only.
std::string shared_help(const CLI::App& app) {
    return CLI::Formatter().make_group(
        kOptions, false,
        app.get_options([](const CLI::Option* option) { return is_repository_option(*option); }));
}

}  // namespace

bool is_repository_command(const CLI::App& command) {
    return command.get_group() == kCommands;
}

bool is_repository_option(const CLI::Option& option) {
    return option.get_group() == kOptions;
}

RepositoryCommandLine::RepositoryCommandLine(CLI::App& app, const bool& is_json, Command& chosen)
    : app_(app), is_json_(is_json), chosen_(chosen) {
    const auto others = app.get_options().size();
    add_shared_options(app, *options_);
    for (auto* option : std::views::drop(app.get_options(), static_cast<long>(others))) {
        option->group(kOptions);
        make_strict(*option);
    }
}

CLI::App* RepositoryCommandLine::add(const std::string& name, const std::string& what,
                                     CLI::App* parent) const {
    auto* command = (parent == nullptr ? app_ : *parent).add_subcommand(name, what);
    command->group(kCommands)->fallthrough();
    return command;
}

void RepositoryCommandLine::run(CLI::App* command, std::function<int(Session&)> body) const {
    for (auto* option : command->get_options()) {
        make_strict(*option);
    }
    command->footer([&app = app_] { return shared_help(app); });
    command->footer(
        "Exit status: 0 done; 1 it failed; 2 bad usage; 3 done, but for a part; 10 no repository; "
        "11 it is locked; 12 wrong password.");
    command->callback(
        [this_options = options_, &is_json = is_json_, &chosen = chosen_, body = std::move(body)] {
            chosen = [this_options, is_json, body](std::ostream& out, std::ostream& err) {
                Session session(*this_options, Streams{out, err, is_json});
                return body(session);
            };
        });
}

void add_repository_commands(CLI::App& app, const bool& is_json,
                             RepositoryCommandLine::Command& chosen) {
    const RepositoryCommandLine line(app, is_json, chosen);
    add_writing_commands(line);
    add_looking_commands(line);
    add_care_commands(line);
    add_restore_commands(line);
}

}  // namespace muster::cli

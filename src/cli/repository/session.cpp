#include "cli/repository/session.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <sstream>

#include "adapters/blob/all_blob_stores.h"
#include "adapters/files/folder_cache.h"
#include "adapters/os/secret_source.h"
#include "cli/commands.h"
#include "cli/terminal_text.h"

namespace muster::cli {

using backup::Repository;

struct Session::Opened {
    std::unique_ptr<backup::BlobStore> store;
    std::unique_ptr<adapters::FolderCache> cache;
    std::unique_ptr<Repository> repository;
};

namespace {

constexpr std::array<const char*, 2> kPrefixes{"MUSTER_", "RESTIC_"};  // In this order.

std::string variable(const char* prefix, const char* name) {
    const char* value = std::getenv((std::string(prefix) + name).c_str());  // NOLINT
    return value == nullptr ? "" : value;
}

/// muster's own name of a variable first, then restic's.
std::string setting(const std::string& given, const char* name) {
    std::string found = given;
    for (const char* prefix : kPrefixes) {
        if (found.empty()) {
            found = variable(prefix, name);
        }
    }
    return found;
}

void drop_line_end(std::string& text) {
    while (text.ends_with('\n') || text.ends_with('\r')) {
        text.pop_back();
    }
}

Result<std::string> read_location(const std::string& file) {
    std::ifstream stream(file);
    std::string location;
    std::getline(stream, location);
    drop_line_end(location);
    if (location.empty()) {
        return Error(Errc::kInvalid, "can't read a location from " + file,
                     "its first line says where the repository is");
    }
    return location;
}

/// What is typed counts before any variable, and muster's variables before restic's: a location in
/// a file of the one never yields to a plain location of the other.
Result<RepositoryPlace> named_place(const RepositoryOptions& options) {
    std::string location = options.repository;
    std::string file = options.repository_file;
    for (const char* prefix : kPrefixes) {
        if (location.empty() && file.empty()) {
            location = variable(prefix, "REPOSITORY");
            file = location.empty() ? variable(prefix, "REPOSITORY_FILE") : "";
        }
    }
    RepositoryPlace place;
    place.location = std::move(location);
    if (!file.empty()) {
        TRY(place.location, read_location(file));
    }
    return place;
}

/// The same for the password; both stay empty when a variable holds the password itself.
void take_password_source(const RepositoryOptions& options, RepositoryPlace& place) {
    place.password_file = options.password_file;
    place.password_command = options.password_command;
    for (const char* prefix : kPrefixes) {
        if (!place.password_file.empty() || !place.password_command.empty()) {
            return;
        }
        place.password_command = variable(prefix, "PASSWORD_COMMAND");
        place.password_file =
            place.password_command.empty() ? variable(prefix, "PASSWORD_FILE") : "";
        if (!variable(prefix, "PASSWORD").empty()) {
            return;
        }
    }
}

Result<Secret> run_password_command(const std::string& command) {
    FILE* pipe = ::popen(command.c_str(), "r");  // NOLINT: a person's own command line
    if (pipe == nullptr) {
        return Error(Errc::kUnavailable, "can't start the password command");
    }
    std::string output;
    char piece[512];  // NOLINT: fread wants an array
    for (std::size_t got = 0; (got = ::fread(piece, 1, sizeof piece, pipe)) > 0;) {
        output.append(piece, got);
    }
    const int status = ::pclose(pipe);
    if (status != 0) {
        return Error(Errc::kDenied,
                     "the password command failed with status " +
                         std::to_string(WIFEXITED(status) ? WEXITSTATUS(status) : 1),
                     "run it by hand and see what it says");
    }
    drop_line_end(output);
    return Secret(std::move(output));
}

Result<Secret> ask_password(bool is_new) {
    if (::isatty(STDIN_FILENO) == 0) {
        return Error(Errc::kInvalid, "no password was given",
                     "use --password-file, --password-command, or MUSTER_PASSWORD");
    }
    Secret first(::getpass("repository password: "));               // NOLINT: what a terminal has
    if (is_new && !first.matches(::getpass("the same again: "))) {  // NOLINT
        return Error(Errc::kInvalid, "the two are not the same");
    }
    return first;
}

}  // namespace

Session::Session(RepositoryOptions options, Streams streams)
    : options_(std::move(options)), streams_(streams) {
    adapters::SystemHost::watch_signals();
}

Session::~Session() = default;

Result<RepositoryPlace> Session::place() const {
    TRY(auto place, named_place(options_));
    if (place.location.empty()) {
        return Error(Errc::kInvalid, "no repository was named",
                     "use --repo LOCATION or MUSTER_REPOSITORY");
    }
    if (options_.object_lock_days > 0 && !place.location.starts_with("s3:")) {
        return Error(
            Errc::kInvalid,
            "only an S3 store locks objects: --object-lock-days would protect nothing here",
            "leave it away; `muster serve-repo --append-only` protects a folder");
    }
    take_password_source(options_, place);
    place.key_hint = setting(options_.key_hint, "KEY_HINT");
    return place;
}

Result<backup::BlobStore*> Session::open_store(const RepositoryPlace& place) {
    adapters::StoreOptions wanted;
    wanted.environment = adapters::store_environment();
    for (const auto& text : options_.extended) {
        const auto equals = text.find('=');
        if (equals == std::string::npos || equals == 0) {
            return Error(Errc::kInvalid, "the option -o " + text + " is not NAME=VALUE");
        }
        wanted.extended[text.substr(0, equals)] = text.substr(equals + 1);
    }
    wanted.ca_file = options_.ca_certificate;
    wanted.client_cert_file = options_.client_certificate;
    wanted.verify_tls = !options_.is_tls_trusted_blindly;
    wanted.object_lock_days = static_cast<unsigned>(options_.object_lock_days);
    wanted.upload_kib_s = static_cast<std::uint64_t>(options_.limit_upload);
    wanted.download_kib_s = static_cast<std::uint64_t>(options_.limit_download);
    wanted.on_retry = [this](const std::string& what, const Error& error, Duration pause) {
        if (!streams_.is_json && !options_.is_quiet) {
            streams_.err << "muster: could not " << what << ": " << printable_lines(error.message())
                         << "; again in " << human_duration(pause) << "\n";
        }
    };
    auto opened = std::make_unique<Opened>();
    TRY(opened->store, adapters::open_store(place.location, wanted, host_));
    opened_.push_back(std::move(opened));
    return opened_.back()->store.get();
}

Result<Secret> Session::read_password(const RepositoryPlace& place, bool is_new) {
    if (!place.password_command.empty()) {
        return run_password_command(place.password_command);
    }
    if (!place.password_file.empty()) {
        return adapters::read_secret({place.password_file, {}});
    }
    if (auto password = setting("", "PASSWORD"); !password.empty()) {
        return Secret(std::move(password));
    }
    return ask_password(is_new);
}

Result<Secret> Session::read_new_password(const std::string& file, const std::string& command) {
    if (file.empty() && command.empty() && ::isatty(STDIN_FILENO) == 0) {
        return Error(Errc::kInvalid, "no new password was given",
                     "use --new-password-file or --new-password-command");
    }
    TRY(auto password, !command.empty() ? run_password_command(command)
                       : !file.empty()  ? adapters::read_secret({file, {}})
                                        : ask_password(true));
    if (password.empty()) {
        return Error(Errc::kInvalid, "an empty password is no password");
    }
    return password;
}

Result<Repository*> Session::open() {
    TRY(const auto where, place());
    return open_at(where);
}

Result<Repository*> Session::open_at(const RepositoryPlace& where) {
    TRY(auto* const store, open_store(where));
    Opened& opened = *opened_.back();
    TRY(const auto password, read_password(where, false));
    const std::string folder = !options_.cache_folder.empty() ? options_.cache_folder
                               : !setting("", "CACHE_DIR").empty()
                                   ? setting("", "CACHE_DIR")
                                   : adapters::default_cache_folder();
    // The cache's place follows from the repository's id, which only the open repository knows.
    TRY(opened.repository, Repository::open({host_, *store, nullptr}, password, where.key_hint));
    if (!options_.is_cacheless && !folder.empty()) {
        opened.cache =
            std::make_unique<adapters::FolderCache>(folder + "/" + opened.repository->config().id);
        opened.repository->use_cache(*opened.cache);
    }
    return opened.repository.get();
}

Result<std::vector<backup::Snapshot>> Session::load_snapshots(const Repository& repository,
                                                              std::vector<Error>* problems) {
    TRY(const auto files, repository.store().list(backup::FileKind::kSnapshot));
    std::vector<backup::Snapshot> snapshots;
    for (const auto& file : files) {
        TRY(const auto id, backup::ObjectId::parse(file.name));
        const auto json = repository.load_unpacked(backup::FileKind::kSnapshot, id);
        auto snapshot = json ? backup::decode_snapshot(json->text(), id)
                             : Result<backup::Snapshot>(json.error());
        if (snapshot) {
            snapshots.push_back(std::move(*snapshot));
        } else if (problems != nullptr && snapshot.error().code() == Errc::kCorrupt) {
            problems->push_back(std::move(snapshot).error().with("snapshot " + id.brief()));
        } else if (snapshot.error().code() != Errc::kNotFound) {  // Else it was just forgotten.
            return std::move(snapshot).error().with("snapshot " + id.brief());
        }
    }
    std::ranges::sort(snapshots, [](const auto& a, const auto& b) { return b.is_newer_than(a); });
    return snapshots;
}

Result<std::vector<backup::Snapshot>> Session::sound_snapshots(const Repository& repository) {
    std::vector<Error> problems;
    TRY(auto snapshots, load_snapshots(repository, &problems));
    for (const auto& problem : problems) {
        has_left_out_ = true;
        streams_.err << "warning: " << printable_lines(problem.message())
                     << "; it is left out\n  hint: `muster check` looks for more damage\n";
    }
    return snapshots;
}

backup::LockSettings Session::lock_settings(backup::LockKind kind) const {
    const auto retry = parse_duration(options_.retry_lock.empty() ? "0s" : options_.retry_lock);
    return {kind, !options_.is_lockless, retry ? *retry : Duration(0)};
}

backup::LockSettings Session::changing_lock(backup::LockKind kind, bool is_dry_run) const {
    auto settings = lock_settings(kind);
    settings.is_wanted = settings.is_wanted || !is_dry_run;
    return settings;
}

int Session::fail(const Error& error) {
    print_error(streams_, error);
    return status_of(error);
}

int Session::status_of(const Error& error) {
    struct Meaning {
        Errc code;
        std::string_view words;
        int status;
    };
    constexpr std::array<Meaning, 4> kMeanings{
        {{Errc::kConflict, "the repository is locked", kExitLocked},
         {Errc::kNotFound, "there is no repository", kExitNoRepository},
         {Errc::kDenied, "the password fits no key", kExitWrongPassword},
         {Errc::kInvalid, "", kExitUsage}}};
    for (const auto& meaning : kMeanings) {
        if (error.code() == meaning.code && error.message().starts_with(meaning.words)) {
            return meaning.status;
        }
    }
    return kExitFailed;
}

}  // namespace muster::cli

#include "backup/codec/sha256.h"
#include "backup/format/key_file.h"
#include "cli/repository/look_format.h"
#include "cli/repository/looking_commands.h"
#include "cli/table.h"
#include "cli/terminal_text.h"

namespace muster::cli {

using backup::FileKind;
using backup::Repository;

namespace {

constexpr std::size_t kBriefName = 8;

/// A key that can't be read stands in the list as what it is, so that it can be removed.
backup::KeyFile read_key(const Repository& repository, const std::string& name) {
    const auto content = repository.store().load({FileKind::kKey, name});
    auto file =
        content ? backup::decode_key_file(*content) : Result<backup::KeyFile>(content.error());
    if (file) {
        return std::move(*file);
    }
    backup::KeyFile unreadable;
    unreadable.username = "(unreadable)";
    return unreadable;
}

std::string created_text(const backup::Host& host, const std::string& created) {
    const auto time = backup::parse_time(created);
    return time ? local_time(host, time->seconds) : "";
}

Result<int> list_keys(Session& session, const Repository& repository) {
    TRY(const auto names, stored_names(repository, FileKind::kKey));
    Table table({"", "ID", "User", "Host", "Created"});
    std::vector<std::string> items;
    auto& streams = session.streams();
    for (const auto& name : names) {
        const auto key = read_key(repository, name);
        const bool is_current = name == repository.key_name();
        const std::string created = created_text(session.host(), key.created);
        items.push_back(JsonLine()
                            .flag("current", is_current)
                            .text("id", name)
                            .text("userName", key.username)
                            .text("hostName", key.hostname)
                            .text("created", created)
                            .str());
        table.add({{is_current ? "*" : ""},
                   {name.substr(0, kBriefName)},
                   {shown(key.username, streams)},
                   {shown(key.hostname, streams)},
                   {created}});
    }
    streams.out << (streams.is_json ? json_list(items) + "\n" : table.render(is_terminal(streams)));
    return kExitDone;
}

/// Stores a key for the password and sees that it opens the repository, as it lies in the store.
Result<std::string> add_key(Session& session, const KeyOptions& options,
                            const Repository& repository) {
    TRY(const auto password,
        Session::read_new_password(options.new_password_file, options.new_password_command));
    TRY(auto file, backup::lock_master_key(repository.master_key(), password, session.host()));
    file.username = options.user.empty() ? file.username : options.user;
    file.hostname = options.host.empty() ? file.hostname : options.host;
    const std::string text = backup::encode_key_file(file);
    const backup::StoredName name{FileKind::kKey, backup::sha256(backup::bytes_of(text)).hex()};
    TRY_OK(repository.store().write(name, backup::bytes_of(text)));
    TRY(const auto stored, repository.store().load(name));
    if (stored.text() != text) {
        return Error(Errc::kCorrupt, "the store does not give back the new key as it was written",
                     "the old password still opens the repository; check the store");
    }
    return name.name;
}

void tell(Session& session, std::string_view what, const std::string& key) {
    auto& streams = session.streams();
    if (streams.is_json) {
        streams.out << JsonLine().text("message_type", what).text("id", key).str() << "\n";
    } else if (!session.options().is_quiet) {
        streams.out << (what == "key_removed" ? "removed key " : "saved new key ")
                    << key.substr(0, kBriefName) << "\n";
    }
}

}  // namespace

int run_key_list(Session& session) {
    return run_locked(session, Reads::kFiles,
                      [&](const Repository& repository) { return list_keys(session, repository); });
}

int run_key_add(Session& session, const KeyOptions& options) {
    return run_locked(session, Reads::kFiles, [&](const Repository& repository) -> Result<int> {
        TRY(const auto key, add_key(session, options, repository));
        tell(session, "key_added", key);
        return kExitDone;
    });
}

int run_key_remove(Session& session, const KeyOptions& options) {
    return run_changing(
        session, [&](const Repository& repository, backup::RepositoryLock& lock) -> Result<int> {
            TRY(const auto id, find_stored(repository, FileKind::kKey, options.key));
            if (id.hex() == repository.key_name()) {
                return Error(Errc::kInvalid, "this is the key in use; it can't be removed",
                             "change it by `muster key passwd`, or open the repository by another "
                             "password");
            }
            TRY_OK(lock.verify());
            TRY_OK(repository.store().remove({FileKind::kKey, id.hex()}));
            tell(session, "key_removed", id.hex());
            return kExitDone;
        });
}

int run_key_passwd(Session& session, const KeyOptions& options) {
    return run_changing(
        session, [&](const Repository& repository, backup::RepositoryLock& lock) -> Result<int> {
            TRY(const auto key, add_key(session, options, repository));
            // Only now: at each moment one of the two opens the repository.
            const auto remove_old = [&]() -> Result<> {
                TRY_OK(lock.verify());
                return repository.store().remove({FileKind::kKey, repository.key_name()});
            };
            TRY_OK(remove_old().with("the new password is set, but the old key is still there"));
            tell(session, "key_changed", key);
            return kExitDone;
        });
}

}  // namespace muster::cli

#include <array>
#include <cstring>

#include "backup/format/go_json.h"
#include "cli/repository/repository_commands.h"

namespace muster::cli {

namespace {

Result<unsigned> version_of(const std::string& word) {
    if (word == "latest" || word == "stable" || word == "2") {
        return 2U;
    }
    if (word == "1") {
        return 1U;
    }
    return Error(Errc::kInvalid, "there is no repository version " + word,
                 "use 1, 2, stable or latest");
}

std::string draw_id(backup::Host& host) {
    backup::ObjectId id;
    host.fill_random(id.bytes);
    return id.hex();
}

std::uint64_t draw_bits(backup::Host& host) {
    std::array<std::uint8_t, 8> bytes{};
    host.fill_random(bytes);
    std::uint64_t bits = 0;
    std::memcpy(&bits, bytes.data(), sizeof bits);
    return bits;
}

Result<backup::Repository*> create(Session& session, const RepoInitOptions& options,
                                   std::unique_ptr<backup::Repository>& made) {
    backup::RepositoryConfig config;
    TRY(config.version, version_of(options.version));
    config.id = draw_id(session.host());
    TRY(const auto place, session.place());
    if (options.copied.location.empty()) {
        config.polynomial = backup::draw_polynomial([&] { return draw_bits(session.host()); });
    } else {
        auto from = options.copied;
        if (from.password_file.empty() && from.password_command.empty()) {
            from.password_file = place.password_file;
            from.password_command = place.password_command;
        }
        TRY(const auto* other, session.open_at(from));
        config.polynomial = other->config().polynomial;
    }
    TRY(auto* const store, session.open_store(place));
    TRY(const auto password, session.read_password(place, true));
    TRY(made, backup::Repository::create({session.host(), *store, nullptr}, password, config));
    return made.get();
}

}  // namespace

int run_repo_init(Session& session, const RepoInitOptions& options) {
    std::unique_ptr<backup::Repository> made;
    const auto repository = create(session, options, made);
    if (!repository) {
        return session.fail(repository.error());
    }
    auto& streams = session.streams();
    const std::string location = (*repository)->store().traits().location;
    if (streams.is_json) {
        streams.out << R"({"message_type":"initialized","id":")" << (*repository)->config().id
                    << R"(","repository":)";
        std::string text;
        backup::append_json_string(text, location);
        streams.out << text << "}\n";
        return kExitDone;
    }
    if (session.options().is_quiet) {
        return kExitDone;
    }
    streams.out << "created repository " << (*repository)->config().id.substr(0, 10) << " at "
                << location
                << "\n\nWithout its password the data can't be read by anybody; keep the password "
                   "where it survives the loss of this machine.\n";
    return kExitDone;
}

}  // namespace muster::cli

#include <algorithm>

#include "adapters/blob/sftp_store.h"
#include "adapters/blob/shell_words.h"
#include "adapters/blob/url_parts.h"

namespace muster::adapters {

namespace {

struct Place {
    std::string user;
    std::string host;
    std::string port;
    std::string path;
};

Result<Place> url_place(const std::string& address) {
    TRY(const auto split, split_url(address));
    Place place{split.user, split.host, {}, split.path};
    if (!split.password.empty()) {
        return Error{Errc::kInvalid, "a password in the address is not used"};
    }
    const auto bracket = place.host.rfind(']');
    const auto colon = place.host.find(':', bracket == std::string::npos ? 0 : bracket);
    if (colon != std::string::npos) {
        place.port = place.host.substr(colon + 1);
        place.host.resize(colon);
    }
    place.path.erase(0, 1);
    return place;
}

Result<Place> scp_place(const std::string& address) {
    const auto bracket = address.find("]:");
    const auto colon = bracket == std::string::npos ? address.find(':') : bracket + 1;
    if (colon == std::string::npos) {
        return Error{Errc::kInvalid, "the address has no colon before its path"};
    }
    auto host = address.substr(0, colon);
    const auto at = host.rfind('@');
    const auto user = at == std::string::npos ? std::string() : host.substr(0, at);
    host.erase(0, at == std::string::npos ? 0 : at + 1);
    return Place{user, host, {}, address.substr(colon + 1)};
}

// What ssh would take for an option, or what is no word, is none of these.
bool is_word(const std::string& text) {
    return !text.starts_with('-') && std::ranges::none_of(text, [](char letter) {
        return static_cast<unsigned char>(letter) <= ' ' || letter == 127;
    });
}

Result<std::vector<std::string>> words_of(const StoreOptions& options, const std::string& name) {
    const auto found = options.extended.find(name);
    return found == options.extended.end() ? std::vector<std::string>{}
                                           : split_words(found->second).with("in -o " + name);
}

Result<std::vector<std::string>> command_for(const Place& place, const StoreOptions& options) {
    TRY(auto command, words_of(options, "sftp.command"));
    TRY(const auto more, words_of(options, "sftp.args"));
    if (!command.empty()) {
        if (!more.empty()) {
            return Error{Errc::kInvalid, "sftp.command and sftp.args exclude each other"};
        }
        return command;
    }
    command = {"ssh"};
    if (!place.port.empty()) {
        command.insert(command.end(), {"-p", place.port});
    }
    if (!place.user.empty()) {
        command.insert(command.end(), {"-l", place.user});
    }
    command.insert(command.end(), more.begin(), more.end());
    auto host = place.host;
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    }
    command.insert(command.end(), {host, "-s", "sftp"});
    return command;
}

}  // namespace

Result<SftpSettings> SftpSettings::read(const std::string& address, const StoreOptions& options) {
    TRY_OK(check_extended(options, "sftp", {"args", "command", "connections"}));
    auto place = address.starts_with("//") ? url_place(address.substr(2)) : scp_place(address);
    constexpr std::string_view kDigits = "0123456789";
    if (place &&
        (place->host.empty() || place->path.empty() || !is_word(place->host) ||
         !is_word(place->user) || place->port.find_first_not_of(kDigits) != std::string::npos)) {
        place = Error{Errc::kInvalid, "it does not name a host and a path"};
    }
    if (!place) {
        return std::move(place.error())
            .with("in the location sftp:…")
            .hinting("write sftp:user@host:/path or sftp://user@host:port//path");
    }
    SftpSettings settings;
    TRY(settings.argv, command_for(*place, options));
    settings.root = place->path;
    while (settings.root.size() > 1 && settings.root.ends_with('/')) {
        settings.root.pop_back();
    }
    TRY(settings.connections, connections_option(options, "sftp", 5));
    settings.location = "sftp:" + address;
    settings.environment = options.environment;
    return settings;
}

}  // namespace muster::adapters

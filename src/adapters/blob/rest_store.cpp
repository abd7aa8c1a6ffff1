#include "adapters/blob/rest_store.h"

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>

#include "adapters/blob/stored_names.h"
#include "adapters/blob/url_parts.h"

namespace muster::adapters {

namespace json = boost::json;
using backup::FileKind;
using backup::Listed;
using backup::StoredName;

namespace {

constexpr std::string_view kVersion2 = "application/vnd.x.restic.rest.v2";
// Ten million files of one kind take less.
constexpr std::uint64_t kMaxList = 1U << 30U;

std::string detail_of(const HttpAnswer& answer) {
    const auto text = answer.body.text();
    const auto line = text.substr(0, std::min<std::size_t>(text.find_first_of("\r\n"), 200));
    const auto is_odd = [](char letter) { return letter < ' ' || letter == 127; };
    return std::ranges::any_of(line, is_odd) ? std::string() : std::string(line);
}

Result<std::vector<Listed>> parse_list(const HttpCall& call, std::string_view text) {
    const auto broken = [&call](std::string_view what) {
        return Error{Errc::kUnavailable,
                     call.name + ": the list is not whole: " + std::string(what)};
    };
    boost::system::error_code problem;
    const auto value = json::parse({text.data(), text.size()}, problem);
    const auto* entries = problem ? nullptr : value.if_array();
    if (entries == nullptr && !value.is_null()) {
        return broken("no JSON array");
    }
    if (problem) {
        return broken(problem.message());
    }
    std::vector<Listed> listed;
    if (entries == nullptr) {
        return listed;  // rest-server says null for an empty folder.
    }
    for (const auto& entry : *entries) {
        const auto* object = entry.if_object();
        const auto* name = object == nullptr ? nullptr : object->if_contains("name");
        const auto* size = object == nullptr ? nullptr : object->if_contains("size");
        if (name == nullptr || size == nullptr || !name->is_string() || !size->is_int64() ||
            size->get_int64() < 0) {
            return broken("an entry without name and size");
        }
        if (const std::string_view text_name = name->get_string(); is_stored_name(text_name)) {
            listed.push_back(
                {std::string(text_name), static_cast<std::uint64_t>(size->get_int64())});
        }
    }
    return listed;
}

}  // namespace

Result<std::unique_ptr<backup::BlobStore>> RestStore::make(const std::string& address,
                                                           const StoreDeps& deps) {
    TRY_OK(check_extended(deps.options, "rest", {"connections"}));
    TRY(const auto connections, connections_option(deps.options, "rest", 5));
    auto split = split_url(address).with("in the location rest:…");
    if (split && split->scheme != "http" && split->scheme != "https") {
        split = Error{Errc::kInvalid, "the location rest:… has no http:// or https:// address"};
    }
    if (!split) {
        return std::move(split.error()).hinting("write rest:https://host:port/path/");
    }
    const bool has_user = !split->user.empty();
    HttpLogin login{
        has_user ? split->user : variable(deps.options, "RESTIC_REST_USERNAME"),
        has_user ? split->password : Secret(variable(deps.options, "RESTIC_REST_PASSWORD")),
        {}};
    auto path = split->path;
    if (!path.ends_with('/')) {
        path += '/';
    }
    const auto base = split->scheme + "://" + split->host + path;
    backup::StoreTraits traits{"rest:" + base, connections, false};
    HttpSettings settings{.ca_file = deps.options.ca_file,
                          .client_cert_file = deps.options.client_cert_file,
                          .verify_tls = deps.options.verify_tls};
    return std::unique_ptr<backup::BlobStore>(
        new RestStore({base, std::move(login)}, std::move(settings), std::move(traits)));
}

RestStore::RestStore(Target target, HttpSettings settings, backup::StoreTraits traits)
    : target_(std::move(target)), traits_(std::move(traits)), http_(std::move(settings)) {
}

HttpCall RestStore::request(std::string method, const StoredName& name) const {
    HttpCall call{.method = std::move(method),
                  .url = target_.base + name.str(),
                  .name = {},
                  .headers = {},
                  .body = {}};
    call.name = call.method + " " + call.url;
    return call;
}

Result<HttpAnswer> RestStore::good(const HttpCall& call) {
    TRY(auto answer, http_.call(call, target_.login));
    if (!answer.is_good()) {
        return status_error(call, answer.status, detail_of(answer));
    }
    return answer;
}

Result<> RestStore::create() {
    auto call = request("POST", {});
    call.url = target_.base + "?create=true";
    call.name = "POST " + target_.base;
    call.body.emplace();
    TRY_OK(good(call));
    return {};
}

Result<std::vector<Listed>> RestStore::list(FileKind kind) {
    if (kind == FileKind::kConfig) {
        return std::vector<Listed>{};
    }
    auto call = request("GET", {kind, ""});  // Ends in a slash.
    call.headers.push_back("Accept: " + std::string(kVersion2));
    call.max_answer = kMaxList;
    TRY(const auto answer, http_.call(call, target_.login));
    // A folder that is not there is an empty one, as stock restic takes it. rclone answers 404 for
    // failures of other kinds too, and never for that (rclone pull request 7550).
    if (answer.status == 404 && !answer.header("server").starts_with("rclone/")) {
        return std::vector<Listed>{};
    }
    if (answer.status == 404) {
        return Error{Errc::kUnavailable, call.name + ": rclone can't list it"};
    }
    if (!answer.is_good()) {
        return status_error(call, answer.status, detail_of(answer));
    }
    if (!answer.header("content-type").starts_with(kVersion2)) {
        return Error{Errc::kInvalid,
                     call.name + ": no server of restic's REST protocol, version 2, answers there",
                     "correct the address, or renew the server"};
    }
    return parse_list(call, answer.body.text());
}

Result<std::uint64_t> RestStore::size(const StoredName& name) {
    const auto call = request("HEAD", name);
    TRY(const auto answer, good(call));
    return answer.length().with(call.name);
}

Result<> RestStore::read(const StoredName& name, std::uint64_t offset, backup::ByteSpan into) {
    if (into.empty()) {
        TRY_OK(size(name));
        return {};
    }
    auto call = request("GET", name);
    call.headers.push_back(range_header(offset, into.size()));
    call.max_answer = kMaxStoredFile;
    TRY(const auto answer, http_.call(call, target_.login));
    if (answer.status == 416) {
        TRY(const auto whole, size(name));
        return ends_before(name, whole, offset);
    }
    if (!answer.is_good()) {
        return status_error(call, answer.status, detail_of(answer));
    }
    return copy_range(call, answer, offset, into);
}

Result<backup::Buffer> RestStore::load(const StoredName& name) {
    auto call = request("GET", name);
    call.max_answer = kMaxStoredFile;
    TRY(auto answer, good(call));
    return std::move(answer.body);
}

// rest-server replaces nothing and answers 403 for a file that is there, as for what its rules
// forbid; rclone replaces everything, the config too.
Result<> RestStore::write(const StoredName& name, backup::ByteView content) {
    auto call = request("POST", name);
    call.body = content;
    if (name.kind == FileKind::kConfig) {
        TRY_OK(refuse_second_config(*this));
        call.is_fresh = true;
    }
    auto done = good(call);
    if (done) {
        return {};
    }
    const auto code = done.error().code();
    if (code != Errc::kDenied && code != Errc::kConflict) {
        return std::move(done).error();
    }
    return settle_refused(name, content.size(), std::move(done).error());
}

Result<> RestStore::settle_refused(const StoredName& name, std::uint64_t size, Error refusal) {
    const auto found = this->size(name);
    if (!found) {
        return refusal;
    }
    if (name.kind == FileKind::kConfig) {
        return config_exists();
    }
    return *found == size ? Result<>() : Result<>(std::move(refusal));
}

Result<> RestStore::remove(const StoredName& name) {
    TRY_OK(good(request("DELETE", name)));
    return {};
}

}  // namespace muster::adapters

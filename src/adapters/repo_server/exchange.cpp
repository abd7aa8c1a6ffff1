#include "adapters/repo_server/exchange.h"

#include <utility>
#include <vector>

#include "adapters/repo_server/range.h"

namespace muster::adapters::repo_server {

namespace {

constexpr std::size_t kPiece = 128U << 10U;
constexpr const char* kVersion1 = "application/vnd.x.restic.rest.v1";
constexpr const char* kVersion2 = "application/vnd.x.restic.rest.v2";
constexpr const char* kBinary = "application/octet-stream";

int status_of(Errc code) {
    switch (code) {
        case Errc::kInvalid:
            return 400;
        case Errc::kConflict:
            return 403;  // As rest-server; restic takes it for final.
        case Errc::kNotFound:
            return 404;
        case Errc::kTimedOut:
            return 408;
        case Errc::kUnavailable:
            return 507;
        default:
            return 500;
    }
}

/// A listing on its way, in pieces, so that its size does not matter.
class Listing {
  public:
    Listing(ResponseWriter& writer, bool is_version_2)
        : writer_(writer), is_version_2_(is_version_2) {}

    Result<> add(const RepoFolder::Entry& entry) {
        text_ += is_first_ ? "" : ",";
        is_first_ = false;
        // Names are hexadecimal: nothing to escape.
        if (is_version_2_) {
            text_ +=
                R"({"name":")" + entry.name + R"(","size":)" + std::to_string(entry.size) + "}";
        } else {
            text_ += '"' + entry.name + '"';
        }
        return text_.size() < kPiece ? Result<>() : flush();
    }

    Result<> end() {
        text_ += "]";
        TRY_OK(flush());
        return writer_.end();
    }

    [[nodiscard]] bool has_begun() const { return has_begun_; }

  private:
    Result<> flush() {
        if (!std::exchange(has_begun_, true)) {
            TRY_OK(writer_.begin({200, is_version_2_ ? kVersion2 : kVersion1, {}}));
        }
        return writer_.piece(std::exchange(text_, {}));
    }

    ResponseWriter& writer_;
    bool is_version_2_;
    bool is_first_ = true;
    bool has_begun_ = false;
    std::string text_ = "[";
};

RepoFolder folder_of(const std::string& served, const Target& target) {
    std::string path = served;
    for (const auto& name : target.folders) {
        path += "/" + name;
    }
    return RepoFolder(std::move(path));
}

}  // namespace

Result<> Exchange::answer() {
    if (head_.method != "POST" && head_.has_body) {
        ends_.writer.close_after();
    }
    Credentials credentials;
    if (!is_admitted(&credentials)) {
        return status(401);
    }
    const auto target = read_target(head_.target);
    if (!target) {
        return status(404);
    }
    if (shared_.options.has_private_repos &&
        (target->folders.empty() || target->folders.front() != credentials.account)) {
        return status(401);
    }
    const auto folder = folder_of(shared_.options.folder, *target);
    switch (target->kind) {
        case Target::Kind::kRepository:
            return answer_repository(*target, folder);
        case Target::Kind::kList:
            return head_.method == "GET" ? list(target->type, folder) : not_allowed("GET");
        default:
            return answer_object(*target, folder);
    }
}

bool Exchange::is_admitted(Credentials* credentials) {
    if (!shared_.accounts) {
        return true;
    }
    *credentials = read_credentials(head_.authorization);
    if (credentials->is_given && shared_.accounts->verify(*credentials)) {
        return true;
    }
    // Restic asks with its account at once; who does not is no client to warn of.
    const auto times = credentials->is_given ? shared_.denied.pass() : std::nullopt;
    if (times) {
        // What is no account may be a password that was typed into the wrong field.
        const bool is_known = shared_.accounts->has(credentials->account);
        shared_.log.warn("repo.denied", {{"peer", ends_.peer},
                                         {"account", is_known ? credentials->account : "unknown"},
                                         {"times", *times}});
    }
    return false;
}

Result<> Exchange::answer_repository(const Target& target, const RepoFolder& folder) {
    if (head_.method != "POST") {
        return not_allowed("POST");
    }
    if (!target.asks_creation) {
        return status(400);
    }
    const auto created = folder.create();
    if (!created) {
        return refuse(created.error());
    }
    shared_.log.info("repo.created", {{"repository", folder.path()}, {"peer", ends_.peer}});
    return status(200);
}

Result<> Exchange::answer_object(const Target& target, const RepoFolder& folder) {
    if (head_.method == "GET") {
        return get(target, folder);
    }
    if (head_.method == "HEAD") {
        return tell_size(target, folder);
    }
    if (head_.method == "POST") {
        return save(target, folder);
    }
    if (head_.method == "DELETE") {
        return remove(target, folder);
    }
    return not_allowed("GET, HEAD, POST, DELETE");
}

Result<> Exchange::list(ObjectType type, const RepoFolder& folder) {
    const bool is_version_2 = head_.accept == kVersion2;
    Listing listing(ends_.writer, is_version_2);
    const auto listed = folder.list(
        type, is_version_2, [&](const RepoFolder::Entry& entry) { return listing.add(entry); });
    if (!listed && listing.has_begun()) {
        // Without its last chunk no client takes the listing for whole.
        if (listed.error().code() == Errc::kCorrupt) {
            shared_.log.error("repo.failed", {{"reason", listed.error().message()}});
        }
        return listed.error();
    }
    return listed ? listing.end() : refuse(listed.error());
}

Result<> Exchange::get(const Target& target, const RepoFolder& folder) {
    const auto file = folder.open(target.type, target.name);
    if (!file) {
        return refuse(file.error());
    }
    const auto range = read_range(head_.range, file->size);
    ResponseHead head{200, kBinary, {{"Accept-Ranges", "bytes"}}};
    if (range.kind == ByteRange::Kind::kUnusable) {
        head.status = 416;
        head.headers.emplace_back("Content-Range", "bytes */" + std::to_string(file->size));
        return ends_.writer.send(head, "");
    }
    if (range.kind == ByteRange::Kind::kPart) {
        head.status = 206;
        head.headers.emplace_back("Content-Range",
                                  "bytes " + std::to_string(range.first) + "-" +
                                      std::to_string(range.first + range.size - 1) + "/" +
                                      std::to_string(file->size));
    }
    const auto first = static_cast<std::int64_t>(range.first);
    auto sent = ends_.writer.send_file(head, {file->descriptor.get(), first, range.size});
    if (!sent && sent.error().code() == Errc::kCorrupt) {
        shared_.log.error("repo.failed", {{"reason", sent.error().message()},
                                          {"file", folder.file(target.type, target.name)}});
    }
    return sent;
}

Result<> Exchange::tell_size(const Target& target, const RepoFolder& folder) {
    const auto size = folder.size(target.type, target.name);
    return size ? ends_.writer.send_length({200, kBinary, {}}, *size) : refuse(size.error());
}

std::uint64_t Exchange::most_bytes(ObjectType type) const {
    const bool is_large = type == ObjectType::kData || type == ObjectType::kIndex;
    const auto& limits = shared_.options.limits;
    return is_large ? limits.object_bytes : limits.small_object_bytes;
}

// By the answer all that a failed upload took is given back: its file and its share of the quota.
Result<> Exchange::save(const Target& target, const RepoFolder& folder) {
    const auto outcome = receive(target, folder);
    if (outcome.is_over_quota) {
        return refuse_full(folder);
    }
    return outcome.error ? refuse(*outcome.error) : status(outcome.status);
}

Exchange::Outcome Exchange::receive(const Target& target, const RepoFolder& folder) {
    const auto announced = head_.content_length.value_or(0);
    if (announced > most_bytes(target.type)) {
        return {.status = 413};
    }
    Reservation reservation(shared_.quota.get());
    if (!reservation.cover(static_cast<std::int64_t>(announced))) {
        return {.is_over_quota = true};
    }
    const auto upload = Upload::begin(folder, target.type, target.name);
    if (!upload) {
        return {.error = upload.error()};
    }
    auto outcome = receive_body(target.type, **upload, reservation);
    if (outcome.status != 200 || outcome.is_over_quota || outcome.error) {
        return outcome;
    }
    const auto committed = (*upload)->commit();
    if (!committed) {
        return {.error = committed.error()};
    }
    if (*committed) {
        reservation.keep();
    }
    return outcome;
}

Exchange::Outcome Exchange::receive_body(ObjectType type, Upload& upload,
                                         Reservation& reservation) {
    std::vector<char> piece(kPiece);
    std::uint64_t total = 0;
    Pace pace(shared_.clock, shared_.options.limits.pace);
    while (true) {
        const auto size = ends_.reader.read_body(piece, pace.deadline());
        if (!size) {
            // A peer that only closed its own direction can still read why.
            const bool is_cut = size.error().code() == Errc::kUnavailable;
            return {.status = is_cut ? 400 : status_of(size.error().code())};
        }
        if (*size == 0) {
            return {};
        }
        pace.moved(*size);
        total += *size;
        if (total > most_bytes(type)) {
            return {.status = 413};
        }
        if (!reservation.cover(static_cast<std::int64_t>(total))) {
            return {.is_over_quota = true};
        }
        const auto kept = upload.append(std::span(piece).first(*size));
        if (!kept) {
            return {.error = kept.error()};
        }
    }
}

Result<> Exchange::remove(const Target& target, const RepoFolder& folder) {
    if (shared_.options.is_append_only && target.type != ObjectType::kLocks) {
        if (const auto times = shared_.kept.pass()) {
            shared_.log.warn("repo.kept", {{"peer", ends_.peer},
                                           {"file", folder.file(target.type, target.name)},
                                           {"times", *times}});
        }
        return status(403);
    }
    const auto removed = folder.remove(target.type, target.name);
    if (removed && shared_.quota) {
        shared_.quota->removed(static_cast<std::int64_t>(*removed));
    }
    // What is gone already is what was wanted: the answer to a first attempt may have been lost.
    const bool is_gone = removed || removed.error().code() == Errc::kNotFound;
    return is_gone ? status(200) : refuse(removed.error());
}

Result<> Exchange::status(int status) {
    if (!ends_.reader.is_body_read()) {
        ends_.writer.close_after();
    }
    return ends_.writer.send_status(status);
}

Result<> Exchange::not_allowed(const std::string& methods) {
    if (!ends_.reader.is_body_read()) {
        ends_.writer.close_after();
    }
    ResponseHead head;
    head.status = 405;
    head.headers.emplace_back("Allow", methods);
    return ends_.writer.send(head, "Method Not Allowed\n");
}

Result<> Exchange::refuse_full(const RepoFolder& folder) {
    if (const auto times = shared_.full.pass()) {
        shared_.log.error("repo.full", {{"repository", folder.path()},
                                        {"used_bytes", shared_.quota->used().bytes},
                                        {"most_bytes", shared_.options.max_size->bytes},
                                        {"times", *times}});
    }
    return status(507);
}

// The messages name paths of this machine: they are for the log alone.
Result<> Exchange::refuse(const Error& error) {
    const int answer = status_of(error.code());
    if (answer >= 500) {
        shared_.log.error("repo.failed", {{"reason", error.message()}, {"status", answer}});
    }
    return status(answer);
}

}  // namespace muster::adapters::repo_server

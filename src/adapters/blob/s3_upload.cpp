// How files get into a bucket: small ones in one request, big ones in parts that become visible
// together (Amazon S3 user guide, "Uploading objects using multipart upload").

#include <algorithm>

#include "adapters/blob/content_hash.h"
#include "adapters/blob/s3_store.h"
#include "adapters/blob/stored_names.h"

namespace muster::adapters {

using backup::ByteView;
using backup::FileKind;
using backup::StoredName;

namespace {

std::string xml_text(std::string_view text) {
    std::string escaped;
    for (const char letter : text) {
        if (std::string_view("<>&\"").contains(letter)) {
            escaped += "&#" + std::to_string(static_cast<int>(letter)) + ";";
        } else {
            escaped += letter;
        }
    }
    return escaped;
}

}  // namespace

std::vector<std::string> S3Store::headers_for(const StoredName& name) const {
    std::vector<std::string> headers;
    if (!settings_.storage_class.empty() && name.kind == FileKind::kPack) {
        headers.push_back("x-amz-storage-class: " + settings_.storage_class);
    }
    if (is_to_lock(name)) {
        headers.emplace_back("x-amz-object-lock-mode: COMPLIANCE");
        headers.push_back("x-amz-object-lock-retain-until-date: " + format_wall(lock_from_now()));
    }
    return headers;
}

bool S3Store::is_to_lock(const StoredName& name) const {
    return settings_.object_lock_days > 0 && name.kind != FileKind::kLock;
}

WallTime S3Store::lock_from_now() const {
    return host_.wall() + std::chrono::days(settings_.object_lock_days);
}

Result<> S3Store::write(const StoredName& name, ByteView content) {
    if (is_to_lock(name)) {
        TRY_OK(check_lockable());
    }
    if (content.size() > settings_.part_size) {
        return put_parts(name, content);
    }
    return put(name, content);
}

Result<> S3Store::put(const StoredName& name, ByteView content) {
    auto call = request("PUT", key_of(name));
    call.body = content;
    call.headers = headers_for(name);
    if (settings_.object_lock_days > 0) {
        call.headers.push_back("Content-MD5: " + md5_base64(content));
    }
    if (name.kind == FileKind::kConfig) {
        return put_config(std::move(call), sha256_hex(content));
    }
    TRY_OK(good(call, name.name));
    return {};
}

// Amazon and Ceph write only where nothing is ("If-None-Match: *"). Swift answers 501, others do
// not know the header and replace the object, therefore the look before.
Result<> S3Store::put_config(HttpCall call, const std::string& hash) {
    TRY_OK(refuse_second_config(*this));
    call.is_fresh = true;
    auto careful = call;
    careful.headers.emplace_back("If-None-Match: *");
    TRY(const auto answer, send(careful, hash));
    if (answer.is_good()) {
        return {};
    }
    if (answer.status == 412) {
        return config_exists();
    }
    if (answer.status != 501) {
        return failure(careful, answer);
    }
    TRY_OK(good(call, hash));
    return {};
}

// Parts that nobody joins are seen by nobody, so only the last request can leave a doubt. Whether
// the file is there then counts, whatever was answered.
Result<> S3Store::put_parts(const StoredName& name, ByteView content) {
    auto begin = request("POST", key_of(name), {{"uploads", ""}});
    begin.body.emplace();
    begin.headers = headers_for(name);
    const auto unseen = [](Error error) {
        const bool is_doubt = error.code() == Errc::kOutcomeUnknown;
        return Error{is_doubt ? Errc::kUnavailable : error.code(), error.message(), error.hint()};
    };
    const auto begun = good(begin);
    if (!begun) {
        return unseen(begun.error());
    }
    TRY(const auto id, read_upload_id(begun->body.text()).with(begin.name));
    const Query upload = {{"uploadId", id}};
    const auto drop = request("DELETE", key_of(name), upload);
    const auto parts = send_parts(key_of(name), upload, content);
    if (!parts) {
        // What can't be dropped now costs space until a rule of the bucket drops it.
        static_cast<void>(send(drop).has_value());
        return unseen(parts.error());
    }
    auto join = request("POST", key_of(name), upload);
    join.body = backup::bytes_of(*parts);
    const auto joined = good(join, sha256_hex(*join.body));
    const auto there = size(name);
    if (there && *there == content.size()) {
        return is_to_lock(name) ? keep_locked(name) : Result<>();
    }
    static_cast<void>(send(drop).has_value());
    if (!joined) {
        return joined.error();
    }
    const auto problem = read_problem(joined->body.text());
    return Error{Errc::kOutcomeUnknown,
                 join.name + ": the parts were not joined (" + problem.code + ")"};
}

// Ceph 16 forgets the lock that the first request of an upload in parts asked for.
Result<> S3Store::keep_locked(const StoredName& name) {
    TRY(const auto until, retained_until(name));
    return until ? Result<>() : retain(name, lock_from_now());
}

Result<> S3Store::retain(const StoredName& name, WallTime until) {
    TRY_OK(check_lockable());
    TRY(const auto now, retained_until(name));
    if (now && *now >= until) {
        return {};
    }
    const auto body =
        "<Retention xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Mode>COMPLIANCE"
        "</Mode><RetainUntilDate>" +
        format_wall(until) + "</RetainUntilDate></Retention>";
    auto call = request("PUT", key_of(name), {{"retention", ""}});
    call.body = backup::bytes_of(body);
    call.headers.push_back("Content-MD5: " + md5_base64(*call.body));
    TRY_OK(good(call, sha256_hex(*call.body)));
    return {};
}

// The parts' tags as the list that joins them.
Result<std::string> S3Store::send_parts(const std::string& key, const Query& upload,
                                        ByteView content) {
    std::string list = "<CompleteMultipartUpload>";
    unsigned number = 1;
    for (std::size_t at = 0; at < content.size(); at += settings_.part_size, ++number) {
        const auto piece =
            content.subspan(at, std::min<std::size_t>(settings_.part_size, content.size() - at));
        auto query = upload;
        query["partNumber"] = std::to_string(number);
        auto call = request("PUT", key, query);
        call.body = piece;
        if (settings_.object_lock_days > 0) {
            call.headers.push_back("Content-MD5: " + md5_base64(piece));
        }
        TRY(const auto answer, good(call, sha256_hex(piece)));
        const auto tag = answer.header("etag");
        if (tag.empty()) {
            return Error{Errc::kUnavailable, call.name + ": a part without a tag"};
        }
        list += "<Part><PartNumber>" + std::to_string(number) + "</PartNumber><ETag>" +
                xml_text(tag) + "</ETag></Part>";
    }
    return list + "</CompleteMultipartUpload>";
}

}  // namespace muster::adapters

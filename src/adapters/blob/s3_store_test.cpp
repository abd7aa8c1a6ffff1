#include "adapters/blob/s3_store.h"

#include "adapters/blob/blob_test_support.h"
#include "adapters/blob/retrying_store.h"
#include "adapters/blob/rgw_test_support.h"
#include "adapters/blob/scripted_server_test_support.h"
#include "adapters/blob/stored_names.h"
#include "adapters/blob/url_parts.h"
#include "conformance/blob_store_suite.h"

namespace muster::adapters {
namespace {

using backup::FileKind;
using backup::StoredName;

test::PausingHost& host() {
    static test::PausingHost host;
    return host;
}

StoreOptions options_with_key(const std::string& secret = test::RgwCluster::kSecretKey) {
    StoreOptions options;
    options.environment = {{"AWS_ACCESS_KEY_ID", test::RgwCluster::kAccessKey},
                           {"AWS_SECRET_ACCESS_KEY", secret}};
    return options;
}

std::string new_name() {
    static std::atomic<int> count{0};
    return "bucket-" + std::to_string(++count);
}

S3Settings settings_for(const std::string& address, const StoreOptions& options) {
    auto settings = S3Settings::read(address, options);
    EXPECT_TRUE(settings.has_value()) << settings.error().message();
    return std::move(settings).value();
}

std::string gateway(const std::string& bucket) {
    return "http://127.0.0.1:" + test::RgwCluster::common().port() + "/" + bucket;
}

StoredName pack_of(std::string_view content) {
    return {FileKind::kPack, test::hash_of(backup::bytes_of(content))};
}

// Pages and parts are small, so that every list has several and a big file too.
struct S3World {
    S3World() {
        auto settings = settings_for(gateway(new_name()), options_with_key());
        settings.page_size = 7;
        settings.part_size = 5U << 20U;
        held = std::make_unique<S3Store>(std::move(settings), host());
    }
    std::unique_ptr<backup::BlobStore> held;
    backup::BlobStore& store() { return *held; }
    static std::size_t big() { return 11'000'001; }
};

// The bucket in the host's name, a prefix that needs every kind of code, a session's token would be
// refused here.
struct VirtualHostWorld {
    VirtualHostWorld() {
        auto options = options_with_key();
        options.extended = {{"s3.bucket-lookup", "dns"}};
        auto settings = settings_for("http://localhost:" + test::RgwCluster::common().port() + "/" +
                                         new_name() + "/a+b/c~d=(1)/ü&%20/",
                                     options);
        held = std::make_unique<S3Store>(std::move(settings), host());
    }
    std::unique_ptr<backup::BlobStore> held;
    backup::BlobStore& store() { return *held; }
    static std::size_t big() { return 1'000'001; }
};

TEST(S3Store, IsRefusedWithAWrongKey) {
    S3Store store(settings_for(gateway(new_name()), options_with_key()), host());
    ASSERT_TRUE(store.create().has_value());
    const std::string bucket = store.traits().location.substr(3);
    S3Store other(settings_for(bucket, options_with_key("wrong")), host());
    const auto listed = other.list(FileKind::kPack);
    ASSERT_FALSE(listed.has_value());
    EXPECT_EQ(listed.error().code(), Errc::kDenied) << listed.error().message();
    EXPECT_TRUE(listed.error().message().contains("SignatureDoesNotMatch"))
        << listed.error().message();
    EXPECT_TRUE(listed.error().hint().contains("AWS_SECRET_ACCESS_KEY")) << listed.error().hint();
    const auto written = other.write(pack_of("x"), backup::bytes_of("x"));
    ASSERT_FALSE(written.has_value());
    EXPECT_EQ(written.error().code(), Errc::kDenied);
    // The answer to a HEAD has no body that could say why.
    const auto seen = other.size({});
    ASSERT_FALSE(seen.has_value());
    EXPECT_EQ(seen.error().code(), Errc::kDenied);
    EXPECT_TRUE(seen.error().hint().contains("AWS_SECRET_ACCESS_KEY")) << seen.error().hint();
    auto options = options_with_key();
    options.environment["AWS_ACCESS_KEY_ID"] = "NOBODY";
    const auto unknown = S3Store(settings_for(bucket, options), host()).size({});
    ASSERT_FALSE(unknown.has_value());
    EXPECT_TRUE(unknown.error().hint().contains("AWS_ACCESS_KEY_ID")) << unknown.error().hint();
}

TEST(S3Store, TrustsOnlyTheAuthorityThatItIsGiven) {
    const auto& server = test::RgwCluster::common();
    auto options = options_with_key();
    const auto address = "https://127.0.0.1:" + server.tls_port() + "/" + new_name();
    const auto refused = S3Store(settings_for(address, options), host()).create();
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code(), Errc::kDenied) << refused.error().message();
    EXPECT_TRUE(refused.error().message().contains("certificate")) << refused.error().message();
    EXPECT_TRUE(refused.error().hint().contains("--cacert")) << refused.error().hint();
    options.ca_file = server.authority();
    S3Store store(settings_for(address, options), host());
    const auto created = store.create();
    ASSERT_TRUE(created.has_value()) << created.error().message();
    ASSERT_TRUE(store.write(pack_of("x"), backup::bytes_of("x")).has_value());
    EXPECT_EQ(store.load(pack_of("x"))->text(), "x");
    const auto plain = "https://127.0.0.1:" + server.port() + "/bucket";
    const auto wrong = S3Store(settings_for(plain, options), host()).create();
    ASSERT_FALSE(wrong.has_value());
    EXPECT_EQ(wrong.error().code(), Errc::kInvalid) << wrong.error().message();
    EXPECT_TRUE(wrong.error().hint().contains("http://")) << wrong.error().hint();
}

TEST(S3Store, SaysThatThereIsNoBucket) {
    S3Store store(settings_for(gateway("absent"), options_with_key()), host());
    const auto listed = store.list(FileKind::kPack);
    ASSERT_FALSE(listed.has_value());
    EXPECT_EQ(listed.error().code(), Errc::kNotFound);
    EXPECT_TRUE(listed.error().hint().contains("absent")) << listed.error().hint();
    const auto written = store.write(pack_of("x"), backup::bytes_of("x"));
    ASSERT_FALSE(written.has_value());
    EXPECT_EQ(written.error().code(), Errc::kNotFound);
}

TEST(S3Store, TheServerRefusesWhatIsNotWhatItsNameSays) {
    S3Store store(settings_for(gateway(new_name()), options_with_key()), host());
    ASSERT_TRUE(store.create().has_value());
    const auto written = store.write(pack_of("x"), backup::bytes_of("y"));
    ASSERT_FALSE(written.has_value());
    EXPECT_EQ(written.error().code(), Errc::kCorrupt) << written.error().message();
    EXPECT_TRUE(store.list(FileKind::kPack)->empty());
}

// The status that a removal of the object's version itself meets.
int remove_version(const S3Store& store, const StoredName& name) {
    HttpCalls http({});
    const HttpLogin login{test::RgwCluster::kAccessKey, Secret(test::RgwCluster::kSecretKey),
                          "aws:amz:us-east-1:s3"};
    HttpCall call;
    call.method = "HEAD";
    call.url = store.traits().location.substr(3) + path_of(name);
    call.headers = {"x-amz-content-sha256: UNSIGNED-PAYLOAD"};
    const auto version = http.call(call, login)->header("x-amz-version-id");
    EXPECT_FALSE(version.empty());
    call.method = "DELETE";
    call.url += "?versionId=" + percent_encode(version);
    return http.call(call, login)->status;
}

TEST(S3Store, LocksWhatItWritesButNoLocks) {
    auto options = options_with_key();
    options.object_lock_days = 3;
    auto settings = settings_for(gateway(new_name()), options);
    settings.part_size = 5U << 20U;
    S3Store store(std::move(settings), host());
    const auto created = store.create();
    ASSERT_TRUE(created.has_value()) << created.error().message();
    const std::string big(6'000'000, 'x');
    const std::vector<std::pair<StoredName, std::string>> kept = {
        {{}, "config"},
        {pack_of("pack"), "pack"},
        {pack_of(big), big},
        {{FileKind::kSnapshot, pack_of("snapshot").name}, "snapshot"}};
    for (const auto& [name, content] : kept) {
        const auto written = store.write(name, backup::bytes_of(content));
        ASSERT_TRUE(written.has_value()) << name.str() << written.error().message();
        const auto until = backup::retained_until(store, name);
        ASSERT_TRUE(until.has_value()) << until.error().message();
        ASSERT_TRUE(until->has_value()) << name.str();
        EXPECT_GT(**until, host().wall() + std::chrono::hours(71));
        EXPECT_LT(**until, host().wall() + std::chrono::hours(73));
        const auto removed = store.remove(name);
        ASSERT_FALSE(removed.has_value());
        EXPECT_EQ(removed.error().code(), Errc::kDenied);
        EXPECT_TRUE(removed.error().message().contains("is locked until 20"))
            << removed.error().message();
        EXPECT_EQ(store.load(name)->text(), content);
    }
    const StoredName lock{FileKind::kLock, pack_of("lock").name};
    ASSERT_TRUE(store.write(lock, backup::bytes_of("lock")).has_value());
    EXPECT_FALSE(backup::retained_until(store, lock)->has_value());
    EXPECT_TRUE(store.remove(lock).has_value());
    EXPECT_TRUE(store.list(FileKind::kLock)->empty());
    EXPECT_EQ(backup::retained_until(store, pack_of("absent")).error().code(), Errc::kNotFound);
    // The server itself keeps the version against whoever does not look first.
    EXPECT_EQ(remove_version(store, kept[1].first), 403);
    EXPECT_EQ(remove_version(store, kept[2].first), 403);
}

TEST(S3Store, LengthensALockAndNeverShortensIt) {
    auto options = options_with_key();
    options.object_lock_days = 2;
    RetryingStore store(
        std::make_unique<S3Store>(settings_for(gateway(new_name()), options), host()), host(), {});
    ASSERT_TRUE(store.create().has_value());
    ASSERT_TRUE(store.write(pack_of("x"), backup::bytes_of("x")).has_value());
    const auto first = **backup::retained_until(store, pack_of("x"));
    const auto later = std::chrono::floor<std::chrono::seconds>(first) + std::chrono::hours(24);
    const auto done = backup::retain(store, pack_of("x"), later);
    ASSERT_TRUE(done.has_value()) << done.error().message();
    EXPECT_EQ(**backup::retained_until(store, pack_of("x")), later);
    ASSERT_TRUE(backup::retain(store, pack_of("x"), first).has_value());
    EXPECT_EQ(**backup::retained_until(store, pack_of("x")), later);
    S3Store plain(settings_for(gateway(new_name()), options_with_key()), host());
    ASSERT_TRUE(plain.create().has_value());
    ASSERT_TRUE(plain.write(pack_of("x"), backup::bytes_of("x")).has_value());
    EXPECT_FALSE(backup::retain(plain, pack_of("x"), later).has_value()) << "no lock, no word";
    S3Store late(settings_for(plain.traits().location.substr(3), options), host());
    const auto refused = late.write(pack_of("y"), backup::bytes_of("y"));
    ASSERT_FALSE(refused.has_value());
    EXPECT_EQ(refused.error().code(), Errc::kInvalid) << refused.error().message();
    EXPECT_TRUE(refused.error().message().contains("no object lock")) << refused.error().message();
    EXPECT_EQ(late.create().error().code(), Errc::kInvalid);
}

TEST(S3Store, LeavesNoPartsBehind) {
    auto settings = settings_for(gateway(new_name()), options_with_key());
    settings.part_size = 1U << 20U;  // Less than S3 takes for a part that is not the last.
    S3Store store(std::move(settings), host());
    ASSERT_TRUE(store.create().has_value());
    const std::string big(2'500'000, 'x');
    const auto written = store.write(pack_of(big), backup::bytes_of(big));
    ASSERT_FALSE(written.has_value());
    EXPECT_EQ(written.error().code(), Errc::kInvalid) << written.error().message();
    EXPECT_TRUE(written.error().message().contains("EntityTooSmall")) << written.error().message();
    EXPECT_TRUE(store.list(FileKind::kPack)->empty());
}

// What stock restic wrote through its own client is read by ours.
TEST(S3Store, ReadsWhatResticWrote) {
    const test::Folder folder;
    const auto address = gateway(new_name() + "/deep/prefix");
    folder.write("password", "x");
    const auto restic = "AWS_ACCESS_KEY_ID=" + std::string(test::RgwCluster::kAccessKey) +
                        " AWS_SECRET_ACCESS_KEY=" + test::RgwCluster::kSecretKey +
                        " XDG_CACHE_HOME=" + folder.path() + " restic -q -r s3:" + address +
                        " --password-file " + folder.file("password");
    ASSERT_EQ(test::run_program(restic + " init", folder.file("log")), 0)
        << test::text_of_file(folder.file("log"));
    ASSERT_EQ(test::run_program(restic + " backup " + folder.path(), folder.file("log")), 0)
        << test::text_of_file(folder.file("log"));
    S3Store store(settings_for(address, options_with_key()), host());
    EXPECT_GT(store.size({}).value_or(0), 0U);
    EXPECT_EQ(store.list(FileKind::kSnapshot)->size(), 1U);
    const auto packs = store.list(FileKind::kPack);
    ASSERT_TRUE(packs.has_value());
    ASSERT_FALSE(packs->empty());
    for (const auto& pack : *packs) {
        const auto loaded = store.load({FileKind::kPack, pack.name});
        ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
        EXPECT_EQ(test::hash_of(loaded->view()), pack.name);
    }
}

// A server that says what a test wants.
class S3Answers : public testing::Test {
  protected:
    void answer(test::ScriptedServer::Script script, const StoreOptions& options) {
        server_ = std::make_unique<test::ScriptedServer>(std::move(script));
        auto settings = settings_for("http://" + server_->address() + "/bucket", options);
        settings.part_size = 1'000'000;
        store_ = std::make_unique<S3Store>(std::move(settings), host());
    }
    void answer(const std::string& reply) {
        answer([reply](const std::string&) { return reply; }, options_with_key());
    }
    static std::string error(int status, const std::string& code) {
        return test::http_reply(status, "<Error><Code>" + code + "</Code><Message/></Error>");
    }
    Errc list() {
        const auto listed = store_->list(FileKind::kPack);
        EXPECT_FALSE(listed.has_value());
        return listed ? Errc::kInvalid : listed.error().code();
    }
    Errc write(const StoredName& name, const std::string& content) {
        const auto written = store_->write(name, backup::bytes_of(content));
        EXPECT_FALSE(written.has_value());
        return written ? Errc::kInvalid : written.error().code();
    }

    std::unique_ptr<test::ScriptedServer> server_;
    std::unique_ptr<S3Store> store_;
};

TEST_F(S3Answers, CodesSayWhatToDo) {
    const std::vector<std::tuple<int, std::string, Errc, Errc>> cases = {
        {503, "SlowDown", Errc::kUnavailable, Errc::kUnavailable},
        {500, "InternalError", Errc::kUnavailable, Errc::kOutcomeUnknown},
        {403, "AccessDenied", Errc::kDenied, Errc::kDenied},
        {403, "RequestTimeTooSkewed", Errc::kDenied, Errc::kDenied},
        {400, "ExpiredToken", Errc::kUnavailable, Errc::kUnavailable},
        {400, "RequestTimeout", Errc::kUnavailable, Errc::kUnavailable},
        {400, "BadDigest", Errc::kCorrupt, Errc::kCorrupt},
        {400, "AuthorizationHeaderMalformed", Errc::kInvalid, Errc::kInvalid},
        {400, "InvalidStorageClass", Errc::kInvalid, Errc::kInvalid},
        {301, "PermanentRedirect", Errc::kInvalid, Errc::kInvalid},
        {404, "NoSuchBucket", Errc::kNotFound, Errc::kNotFound}};
    for (const auto& [status, code, reading, writing] : cases) {
        answer(error(status, code));
        EXPECT_EQ(list(), reading) << code;
        EXPECT_EQ(write(pack_of("x"), "x"), writing) << code;
    }
    answer("");
    EXPECT_EQ(list(), Errc::kUnavailable);
    EXPECT_EQ(write(pack_of("x"), "x"), Errc::kOutcomeUnknown);
}

TEST_F(S3Answers, ARefusalSaysWhatToLookAt) {
    answer(error(403, "AccessDenied"));
    EXPECT_TRUE(store_->list(FileKind::kPack).error().hint().contains("policies of the key"));
    const auto date = "Date: Mon, 05 Jan 2026 10:00:00 GMT\r\n";
    answer(test::http_reply(403, "<Error><Code>AccessDenied</Code></Error>", date));
    const auto hint = store_->list(FileKind::kPack).error().hint();
    EXPECT_TRUE(hint.starts_with("set this machine's clock: it is ")) << hint;
    EXPECT_TRUE(hint.ends_with(" minutes ahead of the server's")) << hint;
    answer(
        [](const std::string& request) {
            return request.starts_with("HEAD") ? test::http_reply(400, "")
                                               : error(400, "ExpiredToken");
        },
        options_with_key());
    EXPECT_EQ(store_->size({}).error().code(), Errc::kUnavailable) << "a renewed token is good";
}

TEST_F(S3Answers, AListThatIsNotWholeIsNoList) {
    const auto key = "data/" + std::string(2, 'a') + "/" + std::string(64, 'a');
    const auto page = [&key](const std::string& rest) {
        return "<?xml version=\"1.0\"?>\n<ListBucketResult xmlns=\"x\"><Contents><Key>" + key +
               "</Key><Size>5</Size></Contents>" + rest + "</ListBucketResult>";
    };
    const auto whole = page("<KeyCount>1</KeyCount><IsTruncated>false</IsTruncated>");
    answer(test::http_reply(200, whole));
    EXPECT_EQ(store_->list(FileKind::kPack).value(),
              (std::vector<backup::Listed>{{std::string(64, 'a'), 5}}));
    for (std::size_t size = 0; size < whole.size(); size += 3) {
        answer(test::http_reply(200, whole.substr(0, size)));
        EXPECT_EQ(list(), Errc::kUnavailable) << size;
    }
    for (const auto* rest :
         {"", "<IsTruncated>true</IsTruncated>", "<IsTruncated>maybe</IsTruncated>",
          "<KeyCount>2</KeyCount><IsTruncated>false</IsTruncated>",
          "<IsTruncated>false</IsTruncated><NextContinuationToken>t</NextContinuationToken>",
          "<Contents><Key>data/x</Key></Contents><IsTruncated>false</IsTruncated>",
          "<IsTruncated>false</IsTruncated><Contents><Key>index/x</Key><Size>1</Size></Contents>",
          "<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"}) {
        answer(test::http_reply(200, page(rest)));
        EXPECT_EQ(list(), Errc::kUnavailable) << rest;
    }
}

TEST_F(S3Answers, SignsAgainForTheRegionThatItIsTold) {
    answer(
        [](const std::string& request) {
            if (!request.contains("/eu-west-1/s3/")) {
                return test::http_reply(400, "", "x-amz-bucket-region: eu-west-1\r\n");
            }
            return test::http_reply(200,
                                    "<ListBucketResult><IsTruncated>false</IsTruncated>"
                                    "</ListBucketResult>");
        },
        options_with_key());
    EXPECT_TRUE(store_->list(FileKind::kPack).has_value());
    EXPECT_TRUE(store_->list(FileKind::kPack).has_value());
    EXPECT_EQ(server_->requests().size(), 3U) << "it remembers";
}

TEST_F(S3Answers, SendsTheSessionTokenAndTheStorageClassOfPacks) {
    auto options = options_with_key();
    options.environment["AWS_SESSION_TOKEN"] = "session/token";
    options.extended = {{"s3.storage-class", "STANDARD_IA"}};
    answer([](const std::string&) { return test::http_reply(200, ""); }, options);
    ASSERT_TRUE(store_->write(pack_of("x"), backup::bytes_of("x")).has_value());
    ASSERT_TRUE(
        store_->write({FileKind::kIndex, pack_of("x").name}, backup::bytes_of("x")).has_value());
    const auto requests = server_->requests();
    EXPECT_TRUE(requests[0].contains("x-amz-security-token: session/token\r\n")) << requests[0];
    EXPECT_TRUE(requests[0].contains("x-amz-storage-class: STANDARD_IA\r\n"));
    EXPECT_TRUE(requests[0].contains("x-amz-content-sha256: " + pack_of("x").name + "\r\n"));
    EXPECT_FALSE(requests[0].contains(test::RgwCluster::kSecretKey));
    EXPECT_FALSE(requests[1].contains("storage-class"));
}

TEST_F(S3Answers, AWeakServerStillKeepsTheFirstConfig) {
    bool is_there = false;
    answer(
        [&is_there](const std::string& request) {
            if (request.starts_with("HEAD")) {
                return is_there ? "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"
                                : test::http_reply(404, "");
            }
            if (request.contains("If-None-Match")) {
                return error(501, "NotImplemented");
            }
            is_there = true;
            return test::http_reply(200, "");
        },
        options_with_key());
    EXPECT_TRUE(store_->write({}, backup::bytes_of("first")).has_value());
    EXPECT_EQ(write({}, "second"), Errc::kConflict);
}

TEST_F(S3Answers, WhatWasJoinedCountsWhateverWasAnswered) {
    // The answer to the last request is lost, or an error within a 200.
    for (const auto& last : {std::string(), error(200, "InternalError")}) {
        for (const bool is_there : {true, false}) {
            answer(
                [&](const std::string& request) {
                    if (request.starts_with("HEAD")) {
                        return is_there ? "HTTP/1.1 200 OK\r\nContent-Length: 2000001\r\n\r\n"
                                        : test::http_reply(404, "");
                    }
                    if (request.contains("?uploads=")) {
                        return test::http_reply(200,
                                                "<InitiateMultipartUploadResult><UploadId>u"
                                                "</UploadId></InitiateMultipartUploadResult>");
                    }
                    if (request.starts_with("POST")) {
                        return last;
                    }
                    return test::http_reply(200, "", "ETag: \"e\"\r\n");
                },
                options_with_key());
            const std::string big(2'000'001, 'x');
            const auto written = store_->write(pack_of(big), backup::bytes_of(big));
            EXPECT_EQ(written.has_value(), is_there);
            if (!written) {
                EXPECT_EQ(written.error().code(), Errc::kOutcomeUnknown);
                EXPECT_TRUE(server_->requests().back().starts_with("DELETE"));
            }
        }
    }
}

}  // namespace
}  // namespace muster::adapters

namespace muster::conformance {

INSTANTIATE_TYPED_TEST_SUITE_P(S3, BlobStoreSuite, adapters::S3World);
INSTANTIATE_TYPED_TEST_SUITE_P(S3VirtualHost, BlobStoreSuite, adapters::VirtualHostWorld);

}  // namespace muster::conformance

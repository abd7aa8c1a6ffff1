// What becomes of S3Store at a server that lacks much of S3.

#include "adapters/blob/blob_test_support.h"
#include "adapters/blob/s3_store.h"
#include "adapters/blob/swift_test_support.h"
#include "backup/repository.h"
#include "conformance/blob_store_suite.h"

namespace muster::adapters {
namespace {

using backup::FileKind;
using backup::StoredName;
using test::SwiftServer;

std::string new_bucket() {
    static std::atomic<int> count{0};
    return "bucket-" + std::to_string(++count);
}

S3Settings weak_settings(const std::string& bucket, unsigned object_lock_days = 0,
                         const std::string& secret = SwiftServer::kSecretKey) {
    StoreOptions options;
    options.environment = {{"AWS_ACCESS_KEY_ID", SwiftServer::kAccessKey},
                           {"AWS_SECRET_ACCESS_KEY", secret}};
    options.object_lock_days = object_lock_days;
    auto settings = S3Settings::read(
        "http://127.0.0.1:" + SwiftServer::common().port() + "/" + bucket, options);
    EXPECT_TRUE(settings.has_value()) << settings.error().message();
    return std::move(settings).value();
}

test::PausingHost& host() {
    static test::PausingHost host;
    return host;
}

struct WeakS3World {
    WeakS3World() {
        auto settings = weak_settings(new_bucket());
        settings.page_size = 7;
        settings.part_size = 5U << 20U;
        held = std::make_unique<S3Store>(std::move(settings), host());
    }
    std::unique_ptr<backup::BlobStore> held;
    backup::BlobStore& store() { return *held; }
    static std::size_t big() { return 11'000'001; }
};

StoredName pack_of(std::string_view content) {
    return {FileKind::kPack, test::hash_of(backup::bytes_of(content))};
}

TEST(WeakS3Store, KeepsTheFirstConfigWithoutConditionalWrites) {
    const auto bucket = new_bucket();
    S3Store first(weak_settings(bucket), host());
    ASSERT_TRUE(first.create().has_value());
    HttpCall call;
    call.method = "PUT";
    call.url = first.traits().location.substr(3) + "x";
    call.body = backup::bytes_of("x");
    call.headers = {"x-amz-content-sha256: UNSIGNED-PAYLOAD", "If-None-Match: *"};
    const auto refused = HttpCalls({}).call(
        call, {SwiftServer::kAccessKey, Secret(SwiftServer::kSecretKey), "aws:amz:us-east-1:s3"});
    ASSERT_TRUE(refused.has_value()) << refused.error().message();
    EXPECT_EQ(refused->status, 501) << "this server is no longer weak";
    const auto written = first.write({}, backup::bytes_of("first"));
    ASSERT_TRUE(written.has_value()) << written.error().message();
    S3Store second(weak_settings(bucket), host());
    const auto again = second.write({}, backup::bytes_of("second"));
    ASSERT_FALSE(again.has_value());
    EXPECT_EQ(again.error().code(), Errc::kConflict) << again.error().message();
    EXPECT_EQ(second.load({})->text(), "first");
}

TEST(WeakS3Store, MakesOneRepositoryOfTwoThatAreBegunAtOnce) {
    for (int round = 0; round < 2; ++round) {
        const auto bucket = new_bucket();
        S3Store store(weak_settings(bucket), host());
        ASSERT_TRUE(store.create().has_value());
        std::array<bool, 2> is_made{};
        host().run_parallel(2, [&](unsigned who) {
            S3Store own(weak_settings(bucket), host());
            const backup::RepositoryConfig config{2, std::string(64, who == 0 ? 'a' : 'b'),
                                                  0x3DA3358B4DC173};
            const auto made = backup::Repository::create({host(), own, nullptr},
                                                         Secret(std::to_string(who)), config);
            EXPECT_TRUE(made.has_value() || made.error().code() == Errc::kConflict)
                << made.error().message();
            is_made.at(who) = made.has_value();
        });
        EXPECT_LT(is_made[0] + is_made[1], 2) << "one of the two is lost";
        for (unsigned who = 0; who < 2; ++who) {
            const auto opened =
                backup::Repository::open({host(), store, nullptr}, Secret(std::to_string(who)), {});
            EXPECT_EQ(opened.has_value(), is_made.at(who)) << who;
        }
    }
}

TEST(WeakS3Store, RefusesLocksThatItCannotKeep) {
    const auto bucket = new_bucket();
    S3Store store(weak_settings(bucket, 3), host());
    const auto created = store.create();
    ASSERT_FALSE(created.has_value());
    EXPECT_EQ(created.error().code(), Errc::kInvalid) << created.error().message();
    EXPECT_TRUE(created.error().message().contains("\"" + bucket + "\" has no object lock"))
        << created.error().message();
    EXPECT_TRUE(created.error().hint().contains("--object-lock-days")) << created.error().hint();
    const auto written = store.write(pack_of("x"), backup::bytes_of("x"));
    ASSERT_FALSE(written.has_value());
    EXPECT_EQ(written.error().code(), Errc::kInvalid) << written.error().message();
    EXPECT_TRUE(store.list(FileKind::kPack)->empty()) << "nothing is there that is not kept";
    const StoredName lock{FileKind::kLock, pack_of("lock").name};
    EXPECT_TRUE(store.write(lock, backup::bytes_of("lock")).has_value());
}

TEST(WeakS3Store, NeverTakesALockForAFilesContent) {
    S3Store store(weak_settings(new_bucket()), host());
    ASSERT_TRUE(store.create().has_value());
    ASSERT_TRUE(store.write(pack_of("x"), backup::bytes_of("x")).has_value());
    const auto locked = store.retain(pack_of("x"), host().wall() + std::chrono::days(1));
    ASSERT_FALSE(locked.has_value());
    EXPECT_EQ(locked.error().code(), Errc::kInvalid) << locked.error().message();
    EXPECT_EQ(store.load(pack_of("x"))->text(), "x");
    EXPECT_FALSE(store.retained_until(pack_of("x"))->has_value());
}

TEST(WeakS3Store, SaysWhichKeyIsWrong) {
    const auto bucket = new_bucket();
    ASSERT_TRUE(S3Store(weak_settings(bucket), host()).create().has_value());
    const auto seen = S3Store(weak_settings(bucket, 0, "wrong"), host()).size({});
    ASSERT_FALSE(seen.has_value());
    EXPECT_EQ(seen.error().code(), Errc::kDenied) << seen.error().message();
    EXPECT_TRUE(seen.error().hint().contains("AWS_SECRET_ACCESS_KEY")) << seen.error().hint();
}

}  // namespace
}  // namespace muster::adapters

namespace muster::conformance {

INSTANTIATE_TYPED_TEST_SUITE_P(WeakS3, BlobStoreSuite, adapters::WeakS3World);

}  // namespace muster::conformance

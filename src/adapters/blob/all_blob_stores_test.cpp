#include "adapters/blob/all_blob_stores.h"

#include "adapters/blob/blob_test_support.h"
#include "adapters/blob/scripted_server_test_support.h"
#include "conformance/blob_store_suite.h"

namespace muster::adapters {
namespace {

using backup::FileKind;

// As a command opens it: with retries and limits around it.
struct OpenedWorld {
    OpenedWorld() {
        StoreOptions options;
        options.upload_kib_s = 1000;
        options.download_kib_s = 1000;
        held = open_store("local:" + folder.file("repo"), options, host).value();
    }
    test::Folder folder;
    test::PausingHost host;
    std::unique_ptr<backup::BlobStore> held;
    backup::BlobStore& store() { return *held; }
    static std::size_t big() { return 1'000'001; }
};

std::string opened(const std::string& location, const StoreOptions& options = {}) {
    test::PausingHost host;
    const auto store = open_store(location, options, host);
    return store ? (*store)->traits().location : "(" + store.error().message() + ")";
}

TEST(AllBlobStores, AreToldApartByTheirLocation) {
    EXPECT_TRUE(opened("/srv/repo").contains("/srv/repo"));
    EXPECT_EQ(opened("local:/srv/repo"), opened("/srv/repo"));
    EXPECT_TRUE(opened("./a:b").contains("a:b"));
    EXPECT_TRUE(opened("local:a:b").contains("a:b"));
    EXPECT_TRUE(opened("/srv/rest:x").contains("/srv/rest:x"));
    EXPECT_EQ(opened("rest:https://u:secret@host:8000/r"), "rest:https://host:8000/r/");
    EXPECT_EQ(opened("s3:host/bucket/p"), "s3:https://host/bucket/p/");
    EXPECT_EQ(opened("sftp:u@host:/r"), "sftp:u@host:/r");
}

TEST(AllBlobStores, RefuseWhatTheyDoNotKnow) {
    for (const auto* location : {"", "local:", "azure:x:/", "rclone:x:y", "http://host/", "b2:x",
                                 "rest:", "s3:", "sftp:"}) {
        EXPECT_TRUE(opened(location).starts_with("(")) << location;
    }
    EXPECT_EQ(opened("azure:x:/"), "(repositories of the kind \"azure\" are not supported)");
}

TEST(AllBlobStores, RefuseOptionsOfNoKind) {
    StoreOptions options;
    options.extended["s3.region"] = "eu";
    EXPECT_FALSE(opened("/srv/repo", options).starts_with("("));
    options.extended["s4.region"] = "eu";
    EXPECT_EQ(opened("/srv/repo", options), "(there is no option s4.region)");
}

TEST(AllBlobStores, LookAtNothingInTheEnvironmentThatIsNotTheirs) {
    ::setenv("AWS_MUSTER_TEST", "1", 1);    // NOLINT: no other thread runs.
    ::setenv("MUSTER_TEST_OTHER", "1", 1);  // NOLINT
    const auto found = store_environment();
    EXPECT_EQ(found.count("AWS_MUSTER_TEST"), 1U);
    EXPECT_EQ(found.count("MUSTER_TEST_OTHER"), 0U);
    EXPECT_EQ(found.count("PATH"), 1U);
}

TEST(AllBlobStores, TellWhoTriesAgain) {
    test::PausingHost host;
    StoreOptions options;
    std::vector<std::string> notes;
    options.on_retry = [&notes](const std::string& what, const Error& error, Duration) {
        notes.push_back(what + ": " + error.message());
    };
    const auto port = std::to_string(test::free_local_port());
    const auto store = open_store("rest:http://127.0.0.1:" + port + "/", options, host);
    const auto listed = (*store)->list(FileKind::kPack);
    ASSERT_FALSE(listed.has_value());
    EXPECT_EQ(listed.error().code(), Errc::kUnavailable);
    ASSERT_GT(notes.size(), 5U);
    EXPECT_TRUE(notes.front().starts_with("list data: GET http://127.0.0.1:" + port + "/data/"))
        << notes.front();
}

TEST(AllBlobStores, SoonGiveUpOnWhatAnotherAttemptDoesNotMend) {
    const std::string nobody = "https://" + std::string(70, 'x') + ".invalid/b";
    StoreOptions options;
    options.environment = {{"AWS_ACCESS_KEY_ID", "x"}, {"AWS_SECRET_ACCESS_KEY", "x"}};
    for (const auto& location : {"s3:" + nobody, "rest:" + nobody}) {
        test::PausingHost host;
        const auto store = open_store(location, options, host);
        const auto seen = (*store)->size({});
        ASSERT_FALSE(seen.has_value());
        EXPECT_EQ(seen.error().code(), Errc::kInvalid) << seen.error().message();
        EXPECT_EQ(host.pauses().size(), 4U) << location;
        EXPECT_LT(host.now() - Instant{}, std::chrono::seconds(12)) << location;
    }
    for (const int status : {401, 403, 404}) {
        const test::ScriptedServer server(
            [status](const std::string&) { return test::http_reply(status, ""); });
        for (const auto* kind : {"s3:", "rest:"}) {
            test::PausingHost host;
            const auto store =
                open_store(kind + ("http://" + server.address() + "/b"), options, host);
            EXPECT_FALSE((*store)->size({}).has_value()) << status;
            EXPECT_TRUE(host.pauses().empty()) << kind << status;
        }
    }
}

TEST(AllBlobStores, HaveATestWithTheSuiteAndStandOnThePage) {
    const std::string source = MUSTER_SOURCE_DIR;
    const auto page = test::text_of_file(source + "/docs/reference/repositories.md");
    const auto kinds = store_kinds();
    EXPECT_TRUE(std::ranges::is_sorted(kinds));
    EXPECT_EQ(kinds.size(), 4U);
    for (const auto name : kinds) {
        const std::string kind(name);
        EXPECT_TRUE(page.contains("`" + kind + ":")) << kind;
        const auto test =
            test::text_of_file(source + "/src/adapters/blob/" + kind + "_store_test.cpp");
        EXPECT_TRUE(test.contains(", BlobStoreSuite, ")) << kind;
    }
}

}  // namespace
}  // namespace muster::adapters

namespace muster::conformance {

INSTANTIATE_TYPED_TEST_SUITE_P(Opened, BlobStoreSuite, adapters::OpenedWorld);

}  // namespace muster::conformance

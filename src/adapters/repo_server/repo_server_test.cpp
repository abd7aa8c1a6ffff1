#include "adapters/repo_server/repo_server.h"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>
#include <sstream>

#include "adapters/repo_server/repo_server_test_support.h"

namespace muster::adapters::repo_server {

namespace {

constexpr const char* kAcceptV2 = "Accept: application/vnd.x.restic.rest.v2\r\n";

std::string content_of(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    return text.str();
}

TEST_F(RepoServerTest, MakesARepositoryInResticsLayout) {
    start();
    EXPECT_EQ(status("POST", "/anna/laptop/?create=true"), 200);
    EXPECT_EQ(status("POST", "/anna/laptop/?create=true"), 200) << "again";
    for (const auto* folder : {"data/00", "data/ff", "index", "keys", "locks", "snapshots"}) {
        EXPECT_TRUE(std::filesystem::is_directory(path("anna/laptop/") + folder)) << folder;
    }
    EXPECT_EQ(status("POST", "/x/"), 400) << "not asked to create";
    EXPECT_EQ(status("GET", "/anna/laptop/"), 405);
    EXPECT_EQ(status("DELETE", "/anna/laptop/"), 405);
}

TEST_F(RepoServerTest, KeepsWhatIsSavedUntilItIsDeleted) {
    start();
    status("POST", "/?create=true");
    const std::string text(300'000, 'x');
    const auto target = save("data", text);
    const auto name = sha256_of(text);
    EXPECT_EQ(content_of(path("data/" + name.substr(0, 2) + "/" + name)), text);

    Client client(server_->port());
    EXPECT_EQ(client.ask("HEAD", target).headers["Content-Length"], "300000");
    EXPECT_EQ(client.ask("GET", target).body, text);
    EXPECT_EQ(client.ask("DELETE", target).status, 200);
    EXPECT_EQ(client.ask("DELETE", target).status, 200) << "what is gone is gone";
    EXPECT_EQ(client.ask("GET", target).status, 404);
    EXPECT_EQ(client.ask("HEAD", target).status, 404);
    EXPECT_EQ(files(), std::vector<std::string>());
}

TEST_F(RepoServerTest, KeepsItsFilesFromOthersOfTheMachine) {
    start();
    status("POST", "/?create=true");
    const auto target = save("keys", "k");
    struct stat entry{};
    ASSERT_EQ(::stat(path(target.substr(1)).c_str(), &entry), 0);
    EXPECT_EQ(entry.st_mode & 0777U, 0600U);
    ASSERT_EQ(::stat(path("keys").c_str(), &entry), 0);
    EXPECT_EQ(entry.st_mode & 0777U, 0700U);
}

TEST_F(RepoServerTest, ServesTheConfigWhichHasNoHash) {
    start();
    EXPECT_EQ(status("POST", "/?create=true"), 200);
    EXPECT_EQ(status("HEAD", "/config"), 404);
    EXPECT_EQ(status("POST", "/config", "", "first"), 200);
    EXPECT_EQ(status("POST", "/config", "", "second"), 403) << "never overwritten";
    EXPECT_EQ(ask("GET", "/config").body, "first");
    EXPECT_EQ(status("DELETE", "/config"), 200);
    EXPECT_EQ(status("GET", "/config"), 404);
}

TEST_F(RepoServerTest, GivesPartsOfFiles) {
    start();
    status("POST", "/?create=true");
    const auto target = save("index", "0123456789");
    const auto part = ask("GET", target, "Range: bytes=2-4\r\n");
    EXPECT_EQ(part.status, 206);
    EXPECT_EQ(part.body, "234");
    EXPECT_EQ(part.headers.at("Content-Range"), "bytes 2-4/10");
    EXPECT_EQ(ask("GET", target, "Range: bytes=8-\r\n").body, "89");
    const auto beyond = ask("GET", target, "Range: bytes=10-\r\n");
    EXPECT_EQ(beyond.status, 416);
    EXPECT_EQ(beyond.headers.at("Content-Range"), "bytes */10");
    EXPECT_EQ(beyond.body, "");
}

TEST_F(RepoServerTest, ListsNamesAndForVersion2Sizes) {
    start();
    status("POST", "/?create=true");
    const auto empty = ask("GET", "/data/", kAcceptV2);
    EXPECT_EQ(empty.body, "[]");
    EXPECT_EQ(empty.headers.at("Content-Type"), "application/vnd.x.restic.rest.v2");
    save("data", "abc");
    const auto name = sha256_of("abc");
    EXPECT_EQ(ask("GET", "/data/", kAcceptV2).body, R"([{"name":")" + name + R"(","size":3}])");
    const auto old = ask("GET", "/data/");
    EXPECT_EQ(old.body, R"([")" + name + R"("])");
    EXPECT_EQ(old.headers.at("Content-Type"), "application/vnd.x.restic.rest.v1");
    EXPECT_EQ(status("GET", "/other/data/"), 404) << "no such repository";
    EXPECT_EQ(status("HEAD", "/data/"), 405);
}

TEST_F(RepoServerTest, ListsNothingThatNoClientSaved) {
    start();
    status("POST", "/?create=true");
    std::ofstream(path("keys/.hidden")) << "x";
    std::ofstream(path("keys/") + std::string(64, 'G')) << "x";
    std::ofstream(path("data/") + std::string(64, 'a')) << "x";
    EXPECT_EQ(ask("GET", "/keys/").body, "[]");
    EXPECT_EQ(ask("GET", "/data/").body, "[]");
}

TEST_F(RepoServerTest, ListsManyInPieces) {
    start();
    status("POST", "/?create=true");
    for (int i = 0; i < 2000; ++i) {
        std::ofstream(path("snapshots/") + sha256_of(std::to_string(i))) << i;
    }
    const auto listed = ask("GET", "/snapshots/", kAcceptV2);
    EXPECT_EQ(std::ranges::count(listed.body, '{'), 2000);
    EXPECT_EQ(std::ranges::count(listed.body, ','), 1999 + 2000);
    EXPECT_TRUE(listed.body.ends_with("]"));
}

TEST_F(RepoServerTest, AnswersHttp10WithoutChunks) {
    start();
    status("POST", "/?create=true");
    save("keys", "k");
    Client client(server_->port());
    client.send("GET /keys/ HTTP/1.0\r\n\r\n");
    const auto answer = client.receive_answer();
    EXPECT_EQ(answer.status, 200);
    EXPECT_FALSE(answer.headers.contains("Transfer-Encoding"));
    EXPECT_EQ(answer.headers.at("Connection"), "close");
}

TEST_F(RepoServerTest, TakesChunksAndTellsWhoAsksToGoOn) {
    start();
    status("POST", "/?create=true");
    Client client(server_->port());
    client.send(
        "POST /keys/" + sha256_of("abcdef") +
        " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nExpect: 100-continue\r\n\r\n");
    EXPECT_EQ(client.receive_answer().status, 100);
    client.send("3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n");
    EXPECT_EQ(client.receive_answer().status, 200);
    EXPECT_EQ(client.ask("GET", "/keys/" + sha256_of("abcdef")).body, "abcdef");
}

TEST_F(RepoServerTest, LetsLocksAloneBeDeletedWhenAppendOnly) {
    options_.is_append_only = true;
    start();
    status("POST", "/?create=true");
    EXPECT_EQ(status("POST", "/config", "", "c"), 200);
    for (const auto* type : {"data", "index", "keys", "snapshots"}) {
        const auto target = save(type, "abc");
        EXPECT_EQ(status("DELETE", target), 403) << type;
        EXPECT_EQ(status("POST", target, "", "abc"), 403) << type;
        EXPECT_EQ(ask("GET", target).body, "abc") << type;
    }
    EXPECT_EQ(status("DELETE", "/config"), 403);
    EXPECT_EQ(ask("GET", "/config").body, "c");
    EXPECT_EQ(status("DELETE", save("locks", "abc")), 200);
    EXPECT_TRUE(log_.text().contains("repo.kept"));
}

TEST_F(RepoServerTest, AdmitsOnlyAccountsWithTheirPasswords) {
    use_accounts();
    start();
    const auto refused = ask("GET", "/config");
    EXPECT_EQ(refused.status, 401);
    EXPECT_TRUE(refused.headers.at("WWW-Authenticate").starts_with("Basic "));
    EXPECT_EQ(status("GET", "/config", kAnnaWrong), 401);
    EXPECT_EQ(status("GET", "/config", kCarl), 401);
    EXPECT_EQ(status("POST", "/?create=true", kAnnaWrong), 401);
    EXPECT_FALSE(std::filesystem::exists(path("data"))) << "nothing was done for a stranger";
    EXPECT_EQ(status("GET", "/config", kAnna), 404);
    const auto log = log_.text();
    EXPECT_TRUE(log.contains("repo.denied peer=127.0.0.1 account=anna")) << log;
    EXPECT_FALSE(log.contains("carl") || log.contains("secret") || log.contains("YW5u")) << log;
}

TEST_F(RepoServerTest, KeepsPrivateRepositoriesApart) {
    use_accounts();
    options_.has_private_repos = true;
    start();
    EXPECT_EQ(status("POST", "/anna/?create=true", kAnna), 200);
    EXPECT_EQ(status("POST", "/anna/config", kAnna, "hers"), 200);
    EXPECT_EQ(status("POST", "/anna/laptop/?create=true", kAnna), 200);
    for (const auto* target : {"/anna/config", "/anna/keys/", "/config", "/keys/", "/%61nna/config",
                               "/annab/config", "/Anna/config"}) {
        EXPECT_EQ(status("GET", target, kBert), 401) << target;
    }
    EXPECT_EQ(status("GET", "/bert/../anna/config", kBert), 404);
    EXPECT_EQ(status("POST", "/anna/?create=true", kBert), 401);
    EXPECT_EQ(ask("GET", "/anna/config", kAnna).body, "hers");
}

TEST_F(RepoServerTest, HoldsNoMoreThanItsQuota) {
    options_.max_size = ByteCount{1000};
    std::ofstream(path("something")) << std::string(300, 'x');
    start();
    status("POST", "/?create=true");
    const auto first = save("data", std::string(600, 'a'));
    const std::string more(200, 'b');
    EXPECT_EQ(status("POST", "/data/" + sha256_of(more), "", more), 507);
    EXPECT_EQ(files().size(), 2U) << "nothing of it stayed";
    EXPECT_EQ(status("DELETE", first), 200);
    EXPECT_EQ(status("POST", "/data/" + sha256_of(more), "", more), 200);
    const std::string wrong(400, 'c');
    EXPECT_EQ(status("POST", "/data/" + sha256_of("x"), "", wrong), 400);
    save("data", wrong);  // What failed gave its room back.
    EXPECT_TRUE(log_.text().contains("repo.full"));
}

TEST_F(RepoServerTest, HoldsAnUploadOfUnknownLengthToItsQuota) {
    options_.max_size = ByteCount{1000};
    start();
    status("POST", "/?create=true");
    Client client(server_->port());
    client.send("POST /data/" + sha256_of("x") +
                " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("3e9\r\n" + std::string(1001, 'x') + "\r\n");
    EXPECT_EQ(client.receive_answer().status, 507);
    eventually([&] { return files().empty(); });
}

TEST_F(RepoServerTest, ServesAFolderOnce) {
    start();
    const auto second = RepoServer::start(options_, clock_, log_);
    ASSERT_FALSE(second);
    EXPECT_EQ(second.error().code(), Errc::kConflict);
    server_.reset();
    start();
}

TEST_F(RepoServerTest, SaysWhatItCantServe) {
    const auto code = [&](const Options& options) {
        const auto started = RepoServer::start(options, clock_, log_);
        return started ? std::string("started") : std::string(to_string(started.error().code()));
    };
    Options none = options_;
    none.folder = path("none");
    EXPECT_EQ(code(none), "not_found");
    Options file = options_;
    file.folder = accounts_.write("file", "x");
    EXPECT_EQ(code(file), "not_found");
    Options address = options_;
    address.listen = "everywhere";
    EXPECT_EQ(code(address), "invalid");
    Options certificate = options_;
    certificate.tls = TlsFiles{accounts_.file("none"), accounts_.file("none")};
    EXPECT_EQ(code(certificate), "invalid");
    start();
    const test::Folder other;
    Options taken = options_;
    taken.folder = other.path();
    taken.listen = "127.0.0.1:" + std::to_string(server_->port());
    EXPECT_EQ(code(taken), "unavailable");
}

TEST_F(RepoServerTest, RemovesWhatAKilledServerLeft) {
    std::filesystem::create_directories(path("anna/laptop/.muster-uploads"));
    std::filesystem::create_directories(path(".muster-uploads"));
    std::ofstream(path("anna/laptop/.muster-uploads/upload-abcdef")) << "half";
    std::ofstream(path(".muster-uploads/upload-abcdef")) << "half";
    std::ofstream(path("anna/laptop/config")) << "kept";
    start();
    EXPECT_EQ(files(), std::vector<std::string>{"anna/laptop/config"});
    EXPECT_TRUE(log_.text().contains("repo.uploads_removed files=2"));
}

}  // namespace

}  // namespace muster::adapters::repo_server

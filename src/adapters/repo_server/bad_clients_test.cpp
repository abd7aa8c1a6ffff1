#include <fstream>
#include <thread>

#include "adapters/repo_server/repo_server.h"
#include "adapters/repo_server/repo_server_test_support.h"

namespace muster::adapters::repo_server {

namespace {

class BadClientsTest : public RepoServerTest {
  protected:
    void start_with_repository() {
        start();
        ASSERT_EQ(status("POST", "/?create=true"), 200);
    }
    [[nodiscard]] std::string upload_head(const std::string& type, const std::string& name,
                                          std::size_t length) const {
        return "POST /" + type + "/" + name +
               " HTTP/1.1\r\nHost: x\r\nContent-Length: " + std::to_string(length) + "\r\n\r\n";
    }
    /// An upload of which so much is at the server, and more is to come.
    std::unique_ptr<Client> half_an_upload() {
        auto client = std::make_unique<Client>(server_->port());
        const auto before = files().size();
        client->send(upload_head("data", sha256_of("x"), 200'000) + std::string(100'000, 'x'));
        eventually([&] { return files().size() > before; });
        return client;
    }
};

TEST_F(BadClientsTest, LeaveNothingOfAContentThatIsNotItsName) {
    start_with_repository();
    for (const auto* type : {"data", "index", "keys", "locks", "snapshots"}) {
        const std::string target = std::string("/") + type + "/" + sha256_of("right");
        EXPECT_EQ(status("POST", target, "", "wrong"), 400) << type;
        EXPECT_EQ(status("GET", target), 404) << type;
    }
    EXPECT_EQ(files(), std::vector<std::string>());
}

TEST_F(BadClientsTest, LeaveNothingOfAnUploadThatEndsEarly) {
    start_with_repository();
    const auto cut = half_an_upload();
    cut->finish();
    EXPECT_EQ(cut->receive_answer().status, 400);
    EXPECT_EQ(files(), std::vector<std::string>());

    const auto gone = half_an_upload();
    gone->close();
    eventually([&] { return files().empty(); });
}

TEST_F(BadClientsTest, CantSaveWithoutARepository) {
    start();
    EXPECT_EQ(status("POST", "/nothing/keys/" + sha256_of("k"), "", "k"), 404);
    EXPECT_EQ(status("POST", "/config", "", "k"), 404);
    EXPECT_EQ(files(), std::vector<std::string>());
}

TEST_F(BadClientsTest, CantLeaveTheFolder) {
    start_with_repository();
    accounts_.write("config", "outside");
    const auto outside = std::filesystem::path(accounts_.path()).filename().string();
    for (const auto& target :
         {"/../" + outside + "/config", "/%2e%2e/" + outside + "/config",
          "/..%2f" + outside + "/config", "/keys/../../" + outside + "/config"}) {
        EXPECT_EQ(status("GET", target), 404) << target;
        EXPECT_EQ(status("DELETE", target), 404) << target;
    }
    EXPECT_TRUE(std::filesystem::exists(accounts_.file("config")));
}

TEST_F(BadClientsTest, AreToldThatTheyAreTooLarge) {
    options_.limits.small_object_bytes = 1000;
    start_with_repository();
    const std::string large(1001, 'x');
    EXPECT_EQ(status("POST", "/keys/" + sha256_of(large), "", large), 413);
    Client unknown(server_->port());
    unknown.send("POST /keys/" + sha256_of(large) +
                 " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3e9\r\n" + large +
                 "\r\n0\r\n\r\n");
    EXPECT_EQ(unknown.receive_answer().status, 413);
    save("data", large);
    Client lying(server_->port());
    lying.send("POST /data/" + sha256_of(large) +
               " HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551615\r\n\r\n");
    EXPECT_EQ(lying.receive_answer().status, 413);
}

TEST_F(BadClientsTest, ThatSpeakNoHttpAreTold) {
    start_with_repository();
    for (const std::string text :
         {"hello\r\n\r\n", "GET /config HTTP/9.9\r\n\r\n", "GET\r\n\r\n",
          "GET /config HTTP/1.1\r\nHost x\r\n\r\n",
          "POST /config HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n",
          "POST /config HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
          "POST /config HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
          "POST /config HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n1;"}) {
        Client client(server_->port());
        client.send(text + std::string(70'000, 'x'));
        EXPECT_EQ(client.receive_answer().status, 400) << text;
    }
    Client large(server_->port());
    large.send("GET /config HTTP/1.1\r\nHost: x\r\nX: " + std::string(9000, 'x') + "\r\n\r\n");
    EXPECT_EQ(large.receive_answer().status, 400);
    EXPECT_EQ(files(), std::vector<std::string>());
    EXPECT_EQ(status("PUT", "/config", "", ""), 405);
}

TEST_F(BadClientsTest, ThatSendALastChunkByteByByteAreServed) {
    start_with_repository();
    Client client(server_->port());
    client.send("POST /keys/" + sha256_of("") +
                " HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (const char byte : std::string("0\r\n\r\n")) {
        client.send({&byte, 1});
    }
    EXPECT_EQ(client.receive_answer().status, 200);
}

TEST_F(BadClientsTest, ThatSendTheirHeadSlowlyAreSentAway) {
    options_.limits.head = std::chrono::milliseconds(100);
    start_with_repository();
    Client silent(server_->port());
    EXPECT_TRUE(silent.is_closed());
    Client slow(server_->port());
    slow.send("GET /config HT");
    EXPECT_EQ(slow.receive_answer().status, 408);
}

TEST_F(BadClientsTest, ThatAreIdleAreSentAway) {
    options_.limits.idle = std::chrono::milliseconds(100);
    start_with_repository();
    Client client(server_->port());
    EXPECT_EQ(client.ask("GET", "/config").status, 404);
    EXPECT_TRUE(client.is_closed());
}

TEST_F(BadClientsTest, ThatUploadSlowlyAreSentAway) {
    options_.limits.pace = {std::chrono::milliseconds(200), 1U << 20U};
    start_with_repository();
    const auto client = half_an_upload();
    EXPECT_EQ(client->receive_answer().status, 408);
    eventually([&] { return files().empty(); });
}

TEST_F(BadClientsTest, ThatDontReadTheirAnswerAreSentAway) {
    options_.limits.pace = {std::chrono::milliseconds(200), 64U << 20U};
    start_with_repository();
    const auto name = sha256_of("large");
    std::ofstream(path("index/" + name)) << std::string(32U << 20U, 'x');
    Client client(server_->port());
    client.send("GET /index/" + name + " HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.receive_answer(true).status, 200) << "the rest is never read";
    // It is not given the grace of the stop, which is longer.
    server_->stop();
    EXPECT_FALSE(log_.text().contains("repo.broken_off"));
}

TEST_F(BadClientsTest, MakeRoomWhenThereAreTooMany) {
    options_.limits.connections = 4;
    start_with_repository();
    std::vector<std::unique_ptr<Client>> waiting;
    for (int i = 0; i < 12; ++i) {
        waiting.push_back(std::make_unique<Client>(server_->port()));
        EXPECT_EQ(waiting.back()->ask("GET", "/config").status, 404) << i;
    }
    EXPECT_TRUE(waiting.front()->is_closed()) << "who waited longest went";
    EXPECT_EQ(waiting.back()->ask("GET", "/config").status, 404) << "who came last stays";
}

TEST_F(BadClientsTest, DontDriveOutWhoUploads) {
    options_.limits.connections = 2;
    start_with_repository();
    const auto first = half_an_upload();
    const auto second = half_an_upload();
    Client third(server_->port());
    EXPECT_TRUE(third.is_closed());
    EXPECT_TRUE(log_.text().contains("repo.crowded"));
    first->send(std::string(100'000, 'x'));
    EXPECT_EQ(first->receive_answer().status, 400) << "it came to its end, with a wrong hash";
}

TEST_F(BadClientsTest, LoseTheirUploadWhenTheServerStops) {
    options_.limits.grace = std::chrono::milliseconds(100);
    start_with_repository();
    const auto client = half_an_upload();
    server_->stop();
    EXPECT_EQ(files(), std::vector<std::string>());
    EXPECT_TRUE(log_.text().contains("repo.broken_off clients=1"));
}

TEST_F(BadClientsTest, MayFinishTheirUploadWhileTheServerStops) {
    start_with_repository();
    const std::string text(200'000, 'x');
    Client client(server_->port());
    client.send(upload_head("data", sha256_of(text), text.size()) + text.substr(0, 100'000));
    eventually([&] { return !files().empty(); });
    std::thread stopping([&] { server_->stop(); });
    client.send(text.substr(100'000));
    EXPECT_EQ(client.receive_answer().status, 200);
    stopping.join();
    EXPECT_EQ(files().size(), 1U);
}

TEST_F(BadClientsTest, BothSucceedWithTheSameObject) {
    start_with_repository();
    const std::string text(200'000, 'x');
    Client first(server_->port());
    first.send(upload_head("data", sha256_of(text), text.size()) + text.substr(0, 100'000));
    eventually([&] { return !files().empty(); });
    save("data", text);
    first.send(text.substr(100'000));
    EXPECT_EQ(first.receive_answer().status, 200);
    EXPECT_EQ(files().size(), 1U);
}

TEST_F(BadClientsTest, CantReplaceAConfigByBeingSlow) {
    start_with_repository();
    Client slow(server_->port());
    slow.send("POST /config HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nsec");
    eventually([&] { return !files().empty(); });
    EXPECT_EQ(status("POST", "/config", "", "first"), 200);
    slow.send("ond");
    EXPECT_EQ(slow.receive_answer().status, 403);
    EXPECT_EQ(ask("GET", "/config").body, "first");
    EXPECT_EQ(files(), std::vector<std::string>{"config"});
}

}  // namespace

}  // namespace muster::adapters::repo_server

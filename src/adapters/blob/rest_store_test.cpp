#include "adapters/blob/rest_store.h"

#include "adapters/blob/blob_test_support.h"
#include "adapters/blob/scripted_server_test_support.h"
#include "adapters/blob/url_parts.h"
#include "conformance/blob_store_suite.h"

namespace muster::adapters {
namespace {

using backup::FileKind;

// rclone, which wants a name and a password, over a folder of its own; one for the whole program.
class RcloneServer {
  public:
    RcloneServer()
        : port_(test::free_local_port()),
          program_({"rclone", "serve", "restic", "--addr", "127.0.0.1:" + std::to_string(port_),
                    "--user", "muster", "--pass", "secret/1", folder_.path()},
                   folder_.file("log")) {
        if (!test::wait_for_listener(port_, program_)) {
            ADD_FAILURE() << "rclone did not start: " << test::text_of_file(folder_.file("log"));
        }
    }
    [[nodiscard]] std::string address(const std::string& person, const std::string& path) const {
        return "http://" + person + "127.0.0.1:" + std::to_string(port_) + "/" + path;
    }
    static const RcloneServer& common() {
        static const RcloneServer server;
        return server;
    }

  private:
    test::Folder folder_;
    int port_;
    test::Program program_;
};

std::string new_path() {
    static std::atomic<int> count{0};
    return "repo " + std::to_string(++count);
}

std::unique_ptr<backup::BlobStore> make(const std::string& address, StoreOptions options = {}) {
    static test::PausingHost host;
    auto made = RestStore::make(address, {options, host});
    EXPECT_TRUE(made.has_value()) << made.error().message();
    return std::move(made).value();
}

struct RestWorld {
    std::unique_ptr<backup::BlobStore> held =
        make(RcloneServer::common().address("muster:secret%2F1@", percent_encode(new_path())));
    backup::BlobStore& store() { return *held; }
    static std::size_t big() { return 9'000'001; }
};

// What a server that answers so is taken for: a store at it.
class RestAnswers : public testing::Test {
  protected:
    void answer(std::string reply) {
        server_ =
            std::make_unique<test::ScriptedServer>([reply](const std::string&) { return reply; });
        store_ = make("http://someone:secret@" + server_->address() + "/repo");
    }
    Errc code(const Result<>& result) {
        EXPECT_FALSE(result.has_value());
        if (result) {
            return Errc::kInvalid;
        }
        EXPECT_FALSE(result.error().message().contains("secret")) << result.error().message();
        return result.error().code();
    }
    Errc list() {
        const auto listed = store_->list(FileKind::kPack);
        return code(listed ? Result<>() : Result<>(listed.error()));
    }
    Errc load() {
        const auto loaded = store_->load(name_);
        return code(loaded ? Result<>() : Result<>(loaded.error()));
    }
    Errc write() { return code(store_->write(name_, backup::bytes_of("content"))); }

    backup::StoredName name_{FileKind::kPack, std::string(64, 'a')};
    std::unique_ptr<test::ScriptedServer> server_;
    std::unique_ptr<backup::BlobStore> store_;
};

constexpr const char* kListType = "Content-Type: application/vnd.x.restic.rest.v2\r\n";

TEST_F(RestAnswers, StatusesSayWhatToDo) {
    const std::vector<std::tuple<int, Errc, Errc>> cases = {
        {400, Errc::kInvalid, Errc::kInvalid},
        {401, Errc::kDenied, Errc::kDenied},
        {403, Errc::kDenied, Errc::kDenied},
        {404, Errc::kNotFound, Errc::kNotFound},
        {408, Errc::kUnavailable, Errc::kUnavailable},
        {429, Errc::kUnavailable, Errc::kUnavailable},
        {500, Errc::kUnavailable, Errc::kOutcomeUnknown},
        {502, Errc::kUnavailable, Errc::kOutcomeUnknown},
        {501, Errc::kInvalid, Errc::kInvalid},
        {503, Errc::kUnavailable, Errc::kUnavailable},
        {504, Errc::kUnavailable, Errc::kOutcomeUnknown},
        {507, Errc::kDenied, Errc::kDenied},
    };
    for (const auto& [status, reading, writing] : cases) {
        answer(test::http_reply(status, "no"));
        EXPECT_EQ(load(), reading) << status;
        EXPECT_EQ(write(), writing) << status;
        EXPECT_EQ(code(store_->remove(name_)), writing) << status;
    }
}

TEST_F(RestAnswers, AListOfWhichAPartIsMissingIsNoList) {
    const std::string whole = R"([{"name":")" + std::string(64, 'b') + R"(","size":5}])";
    answer(test::http_reply(200, whole, kListType));
    const auto listed = store_->list(FileKind::kPack);
    ASSERT_TRUE(listed.has_value()) << listed.error().message();
    EXPECT_EQ(*listed, (std::vector<backup::Listed>{{std::string(64, 'b'), 5}}));
    for (std::size_t size = 0; size < whole.size(); ++size) {
        answer(test::http_reply(200, whole.substr(0, size), kListType));
        EXPECT_EQ(list(), Errc::kUnavailable) << size;
    }
    answer(test::http_reply(200, whole, kListType).substr(0, 120));
    EXPECT_EQ(list(), Errc::kUnavailable);
    answer("HTTP/1.1 200 OK\r\n" + std::string(kListType) + "Connection: close\r\n\r\n[]");
    EXPECT_EQ(list(), Errc::kUnavailable) << "nobody says that the end is the end";
}

TEST_F(RestAnswers, AListWithOddEntriesIsRefusedOrCleaned) {
    for (const auto* odd : {R"([{"name":5,"size":1}])", R"([{"name":"x"}])", R"(["x"])",
                            R"([{"name":"x","size":-1}])", R"({"a":1})"}) {
        answer(test::http_reply(200, odd, kListType));
        EXPECT_EQ(list(), Errc::kUnavailable) << odd;
    }
    answer(test::http_reply(200, R"([{"name":"x-tmp-1","size":1}])", kListType));
    EXPECT_TRUE(store_->list(FileKind::kPack)->empty());
    answer(test::http_reply(200, "null", kListType));
    EXPECT_TRUE(store_->list(FileKind::kPack)->empty());
}

TEST_F(RestAnswers, AFolderThatIsNotThereIsEmptyUnlessRcloneSaysSo) {
    answer(test::http_reply(404, ""));
    EXPECT_TRUE(store_->list(FileKind::kLock)->empty());
    answer(test::http_reply(404, "", "Server: rclone/v1.60\r\n"));
    EXPECT_EQ(list(), Errc::kUnavailable);
}

TEST_F(RestAnswers, AnOldServerIsNamed) {
    answer(test::http_reply(200, "[]", "Content-Type: application/vnd.x.restic.rest.v1\r\n"));
    EXPECT_EQ(list(), Errc::kInvalid);
}

TEST_F(RestAnswers, AnAnswerThatEndsEarlyIsUnavailable) {
    answer(test::http_reply(200, "0123456789").substr(0, 45));
    EXPECT_EQ(load(), Errc::kUnavailable);
    answer(test::http_reply(206, "01", "Content-Range: bytes 0-3/10\r\n"));
    std::vector<std::uint8_t> into(4);
    EXPECT_EQ(code(store_->read(name_, 0, into)), Errc::kUnavailable);
    answer(test::http_reply(206, "0123", "Content-Range: bytes 4-7/10\r\n"));
    EXPECT_EQ(code(store_->read(name_, 0, into)), Errc::kUnavailable) << "another part";
    answer(test::http_reply(206, "0123"));
    EXPECT_EQ(code(store_->read(name_, 0, into)), Errc::kUnavailable) << "who knows which part";
}

TEST_F(RestAnswers, AServerWithoutRangesGivesTheWhole) {
    answer(test::http_reply(200, "0123456789"));
    std::vector<std::uint8_t> into(4);
    ASSERT_TRUE(store_->read(name_, 3, into).has_value());
    EXPECT_EQ(backup::text_of(into), "3456");
    EXPECT_EQ(code(store_->read(name_, 8, into)), Errc::kCorrupt);
}

TEST_F(RestAnswers, SilenceAfterAWriteLeavesItsOutcomeUnknown) {
    answer("");
    EXPECT_EQ(load(), Errc::kUnavailable);
    EXPECT_EQ(write(), Errc::kOutcomeUnknown);
    EXPECT_EQ(code(store_->remove(name_)), Errc::kOutcomeUnknown);
    EXPECT_EQ(code(store_->create()), Errc::kOutcomeUnknown);
    server_.reset();
    EXPECT_EQ(write(), Errc::kUnavailable) << "nobody listens: nothing happened";
}

TEST_F(RestAnswers, AServerThatKeepsTheFirstFileIsContent) {
    server_ = std::make_unique<test::ScriptedServer>([](const std::string& request) {
        return request.starts_with("HEAD") ? "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n"
                                           : test::http_reply(403, "exists");
    });
    store_ = make("http://" + server_->address() + "/repo");
    EXPECT_TRUE(store_->write(name_, backup::bytes_of("content")).has_value());
    EXPECT_EQ(code(store_->write(name_, backup::bytes_of("longer content"))), Errc::kDenied);
    EXPECT_EQ(code(store_->remove(name_)), Errc::kDenied) << "append-only";
}

TEST(HttpCalls, EndsWhenTheServerStalls) {
    // The kernel takes the connection, nobody ever answers.
    const int silent = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof(address);
    ::bind(silent, reinterpret_cast<sockaddr*>(&address), length);
    ::listen(silent, 4);
    ::getsockname(silent, reinterpret_cast<sockaddr*>(&address), &length);
    HttpSettings settings;
    settings.stall_timeout = std::chrono::seconds(1);
    HttpCalls http(settings);
    HttpCall call;
    call.url = "http://127.0.0.1:" + std::to_string(ntohs(address.sin_port)) + "/";
    const auto reading = http.call(call, {});
    ASSERT_FALSE(reading.has_value());
    EXPECT_EQ(reading.error().code(), Errc::kTimedOut) << reading.error().message();
    call.method = "DELETE";
    const auto writing = http.call(call, {});
    ASSERT_FALSE(writing.has_value());
    EXPECT_EQ(writing.error().code(), Errc::kOutcomeUnknown) << writing.error().message();
    ::close(silent);
}

TEST(HttpCalls, GiveUpOnAHostThatNobodyKnowsUnlessItWasThereOnce) {
    // A label of more than 63 letters is in no name service, and none has to be asked.
    HttpCall lost;
    lost.url = "http://" + std::string(70, 'x') + ".invalid/";
    HttpCalls fresh({});
    for (int i = 0; i < 4; ++i) {
        EXPECT_EQ(fresh.call(lost, {}).error().code(), Errc::kUnavailable) << i;
    }
    const auto given_up = fresh.call(lost, {});
    EXPECT_EQ(given_up.error().code(), Errc::kInvalid) << given_up.error().message();
    EXPECT_TRUE(given_up.error().message().contains("resolve host")) << given_up.error().message();
    EXPECT_TRUE(given_up.error().hint().contains("host's name")) << given_up.error().hint();
    const test::ScriptedServer server([](const std::string&) { return test::http_reply(200, ""); });
    HttpCall good;
    good.url = "http://" + server.address() + "/";
    HttpCalls used({});
    ASSERT_TRUE(used.call(good, {}).has_value());
    for (int i = 0; i < 9; ++i) {
        EXPECT_EQ(used.call(lost, {}).error().code(), Errc::kUnavailable) << i;
    }
}

TEST(RestStore, TellsWhoItIs) {
    const auto& server = RcloneServer::common();
    StoreOptions options;
    const auto denied = make(server.address("", "x"), options)->list(FileKind::kKey);
    ASSERT_FALSE(denied.has_value());
    EXPECT_EQ(denied.error().code(), Errc::kDenied) << denied.error().message();
    options.environment = {{"RESTIC_REST_USERNAME", "muster"},
                           {"RESTIC_REST_PASSWORD", "secret/1"}};
    EXPECT_TRUE(make(server.address("", "x"), options)->list(FileKind::kKey).has_value());
}

TEST(RestStore, TrustsOnlyTheAuthorityThatItIsGiven) {
    const test::Folder folder;
    ASSERT_EQ(test::run_program("openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=x "
                                "-addext subjectAltName=IP:127.0.0.1 -keyout " +
                                    folder.file("key") + " -out " + folder.file("cert"),
                                folder.file("log")),
              0);
    const int port = test::free_local_port();
    const test::Program server(
        {"rclone", "serve", "restic", "--addr", "127.0.0.1:" + std::to_string(port), "--cert",
         folder.file("cert"), "--key", folder.file("key"), folder.path()},
        folder.file("log"));
    ASSERT_TRUE(test::wait_for_listener(port, server));
    const auto address = "https://127.0.0.1:" + std::to_string(port) + "/r/";
    const auto denied = make(address)->create();
    ASSERT_FALSE(denied.has_value());
    EXPECT_EQ(denied.error().code(), Errc::kDenied) << denied.error().message();
    StoreOptions options;
    options.verify_tls = false;
    EXPECT_TRUE(make(address, options)->create().has_value());
    options.verify_tls = true;
    options.ca_file = folder.file("cert");
    EXPECT_TRUE(make(address, options)->create().has_value());
    options.ca_file = folder.file("absent");
    const auto absent = make(address, options)->create();
    ASSERT_FALSE(absent.has_value());
    EXPECT_EQ(absent.error().code(), Errc::kInvalid) << absent.error().message();
}

TEST(RestStore, RefusesALocationThatCannotBeOne) {
    test::PausingHost host;
    for (const auto* address : {"", "host/path", "ftp://host/", "http://", "http:///path",
                                "http://user:pass%@host/", "http://ho st/", "http://host/\n"}) {
        const auto made = RestStore::make(address, {StoreOptions{}, host});
        ASSERT_FALSE(made.has_value()) << address;
        EXPECT_EQ(made.error().code(), Errc::kInvalid);
    }
    StoreOptions options;
    options.extended = {{"rest.conections", "5"}};
    EXPECT_FALSE(RestStore::make("http://host/", {options, host}).has_value());
    options.extended = {{"rest.connections", "0"}};
    EXPECT_FALSE(RestStore::make("http://host/", {options, host}).has_value());
    options.extended = {{"rest.connections", "7"}, {"s3.region", "x"}};
    EXPECT_EQ(RestStore::make("http://host/", {options, host}).value()->traits().connections, 7U);
}

// What stock restic wrote through its own client is read by ours.
TEST(RestStore, ReadsWhatResticWrote) {
    const test::Folder folder;
    const auto url = "rest:" + RcloneServer::common().address("muster:secret%2F1@", "restic/");
    folder.write("password", "x");
    const auto restic = "XDG_CACHE_HOME=" + folder.path() + " restic -q -r " + url +
                        " --password-file " + folder.file("password");
    ASSERT_EQ(test::run_program(restic + " init", folder.file("log")), 0)
        << test::text_of_file(folder.file("log"));
    ASSERT_EQ(test::run_program(restic + " backup " + folder.path(), folder.file("log")), 0)
        << test::text_of_file(folder.file("log"));
    const auto store = make(url.substr(5));
    EXPECT_GT(store->size({}).value_or(0), 0U);
    EXPECT_EQ(store->list(FileKind::kSnapshot)->size(), 1U);
    EXPECT_EQ(store->list(FileKind::kKey)->size(), 1U);
    const auto packs = store->list(FileKind::kPack);
    ASSERT_TRUE(packs.has_value());
    ASSERT_FALSE(packs->empty());
    for (const auto& pack : *packs) {
        const auto loaded = store->load({FileKind::kPack, pack.name});
        ASSERT_TRUE(loaded.has_value()) << loaded.error().message();
        EXPECT_EQ(loaded->size(), pack.size);
        EXPECT_EQ(test::hash_of(loaded->view()), pack.name);
    }
}

}  // namespace

}  // namespace muster::adapters

namespace muster::conformance {

INSTANTIATE_TYPED_TEST_SUITE_P(Rest, BlobStoreSuite, adapters::RestWorld);

}  // namespace muster::conformance

#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "support/postgres_pair.h"

namespace muster::adapters {
namespace {

using namespace std::chrono_literals;
using testing::PostgresPair;

/// Passes on what comes to one Unix socket to another. Connections that are there when it stalls
/// stay open and carry nothing any more, as after a cut of the network; later ones work.
class Relay {
  public:
    Relay(const std::string& from, std::string to) : to_(std::move(to)), listener_(make()) {
        const auto address = address_of(from);
        EXPECT_EQ(bind(listener_, as_plain(&address), sizeof address), 0) << from;
        EXPECT_EQ(listen(listener_, 10), 0);
        EXPECT_EQ(chmod(from.c_str(), 0777), 0);  // The server may be another user's.
        thread_ = std::thread([this] { work(); });
    }
    Relay(const Relay&) = delete;
    Relay& operator=(const Relay&) = delete;
    ~Relay() {
        is_ending_ = true;
        thread_.join();
        for (const auto& pair : pairs_) {
            close(pair[0]);
            close(pair[1]);
        }
        close(listener_);
    }
    void stall() {
        is_stalling_ = true;
        while (is_stalling_) {
            std::this_thread::yield();
        }
    }

  private:
    static int make() { return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }
    static sockaddr_un address_of(const std::string& path) {
        sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
        path.copy(static_cast<char*>(address.sun_path), sizeof address.sun_path - 1);
        return address;
    }
    static const sockaddr* as_plain(const sockaddr_un* address) {
        return reinterpret_cast<const sockaddr*>(address);
    }

    void work() {
        while (!is_ending_) {
            first_ = is_stalling_ ? pairs_.size() : first_;
            is_stalling_ = false;
            std::vector<pollfd> watched{{listener_, POLLIN, 0}};
            for (std::size_t i = first_; i < pairs_.size(); ++i) {
                watched.push_back({pairs_[i][0], POLLIN, 0});
                watched.push_back({pairs_[i][1], POLLIN, 0});
            }
            if (poll(watched.data(), watched.size(), 5) > 0) {
                for (std::size_t i = 1; i < watched.size(); ++i) {
                    pass_on(watched[i], watched[(i - 1) % 2 == 0 ? i + 1 : i - 1].fd);
                }
                accept_from(watched[0]);
            }
        }
    }
    static void pass_on(const pollfd& from, int to) {
        if (from.revents == 0) {
            return;
        }
        std::array<char, 65536> data{};
        const auto size = read(from.fd, data.data(), data.size());
        if (size <= 0 || write(to, data.data(), static_cast<std::size_t>(size)) != size) {
            shutdown(from.fd, SHUT_RDWR);
            shutdown(to, SHUT_RDWR);
        }
    }
    void accept_from(const pollfd& from) {
        if (from.revents == 0) {
            return;
        }
        const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
        const int server = make();
        const auto address = address_of(to_);
        if (connect(server, as_plain(&address), sizeof address) != 0) {
            shutdown(client, SHUT_RDWR);
        }
        pairs_.push_back({client, server});
    }

    std::string to_;
    int listener_;
    std::atomic<bool> is_ending_ = false;
    std::atomic<bool> is_stalling_ = false;
    std::vector<std::array<int, 2>> pairs_;
    std::size_t first_ = 0;  // The pairs before it are stalled.
    std::thread thread_;
};

class PgStream : public ::testing::Test {
  protected:
    PgStream() {
        const auto port = PostgresPair::sql(pair_.a(), "SHOW port");
        const auto folder = pair_.folder() + "/relay";
        testing::shell("mkdir " + folder);
        relay_ = std::make_unique<Relay>(
            folder + "/.s.PGSQL." + port,
            PostgresPair::sql(pair_.a(), "SHOW unix_socket_directories") + "/.s.PGSQL." + port);
        const auto user = PostgresPair::sql(pair_.a(), "SELECT current_user");
        PostgresPair::sql(pair_.b(), "ALTER SYSTEM SET primary_conninfo = 'host=" + folder +
                                         " port=" + port + " user=" + user +
                                         " application_name=muster_b'");
        PostgresPair::sql(pair_.b(), "SELECT pg_reload_conf()");
        EXPECT_TRUE(await_sender(0));
    }

    [[nodiscard]] int sender() const {
        const auto pid = PostgresPair::sql(pair_.a(),
                                           "SELECT pid FROM pg_stat_replication WHERE state = "
                                           "'streaming' AND application_name = 'muster_b'");
        return pid.empty() || pid == "ERROR" ? 0 : std::stoi(pid);
    }
    template <class Fact>
    [[nodiscard]] static bool await(Fact is_so) {
        for (int turn = 0; turn < 300; ++turn) {
            if (is_so()) {
                return true;
            }
        }
        return false;
    }
    /// Blocks until another one than `old` streams.
    [[nodiscard]] bool await_sender(int old) const {
        return await([this, old] { return sender() != 0 && sender() != old; });
    }
    [[nodiscard]] std::string waiting_commits() const {
        return PostgresPair::sql(pair_.a(),
                                 "SELECT count(*) FROM pg_stat_activity WHERE wait_event = "
                                 "'SyncRep'");
    }
    Result<> renew() {
        return pair_.run(pair_.control().renew_stream(pair_.a(), pair_.b(), pair_.in(5s)));
    }
    void write(const std::string& table) {
        PostgresPair::sql(pair_.a(), "SET synchronous_commit = local; CREATE TABLE " + table +
                                         " AS SELECT generate_series(1, 100)");
    }

    PostgresPair pair_;
    std::unique_ptr<Relay> relay_;
};

TEST_F(PgStream, ThatFlowsIsLeftAlone) {
    const auto before = sender();
    const auto settings = PostgresPair::sql(pair_.b(), "SHOW primary_conninfo");
    write("one");
    ASSERT_TRUE(renew());
    EXPECT_EQ(sender(), before);
    EXPECT_EQ(PostgresPair::sql(pair_.b(), "SHOW primary_conninfo"), settings);
    EXPECT_FALSE(pair_.log().has("postgres.stream_renewed"));
}

TEST_F(PgStream, WithNothingToSayIsLeftAlone) {
    const auto before = sender();
    relay_->stall();
    ASSERT_TRUE(renew());
    EXPECT_EQ(sender(), before);
}

TEST_F(PgStream, ThatStandsStillIsReplacedAndCommitsThatWaitedGoOn) {
    ASSERT_TRUE(pair_.run(
        pair_.control().set_sync_standby(pair_.a(), pair_.b().standby_name(), pair_.in(10s))));
    const auto before = sender();
    relay_->stall();
    std::atomic<bool> is_done = false;
    std::thread writer([this, &is_done] {
        PostgresPair::sql(pair_.a(), "CREATE TABLE waits AS SELECT 1");
        is_done = true;
    });
    EXPECT_TRUE(await([this] { return waiting_commits() == "1"; }));
    EXPECT_FALSE(is_done);
    const auto renewed = renew();
    EXPECT_TRUE(renewed) << renewed.error().message();
    EXPECT_TRUE(pair_.log().has("postgres.stream_renewed"));
    EXPECT_TRUE(await_sender(before));
    EXPECT_TRUE(await([this] { return waiting_commits() == "0"; }));
    PostgresPair::sql(pair_.a(), "ALTER SYSTEM RESET synchronous_standby_names");
    PostgresPair::sql(pair_.a(), "SELECT pg_reload_conf()");  // So that a failure ends, too.
    writer.join();
    EXPECT_TRUE(PostgresPair::await_caught_up(pair_.a(), pair_.b()));
    EXPECT_EQ(PostgresPair::sql(pair_.b(), "SELECT count(*) FROM waits"), "1");
}

TEST_F(PgStream, WithMoreToSendThanTheSocketTakesEndsAsWell) {
    const auto before = sender();
    relay_->stall();
    PostgresPair::sql(pair_.a(),
                      "CREATE TABLE much AS SELECT repeat(md5(g::text), 30) FROM "
                      "generate_series(1, 20000) g");
    const auto renewed = renew();
    ASSERT_TRUE(renewed) << renewed.error().message();
    EXPECT_TRUE(await_sender(before));
    EXPECT_TRUE(PostgresPair::await_caught_up(pair_.a(), pair_.b()));
}

TEST_F(PgStream, RenewedTwiceLeavesTheSettingsAsTheyWere) {
    const auto settings = PostgresPair::sql(pair_.b(), "SHOW primary_conninfo");
    for (const auto* table : {"first", "second"}) {
        const auto before = sender();
        relay_->stall();
        write(table);
        ASSERT_TRUE(renew());
        ASSERT_TRUE(await_sender(before)) << table;
    }
    EXPECT_EQ(PostgresPair::sql(pair_.b(), "SHOW primary_conninfo"), settings);
}

TEST_F(PgStream, BetweenServersWithoutTheirRolesIsRefused) {
    const auto no_standby =
        pair_.run(pair_.control().renew_stream(pair_.a(), pair_.a(), pair_.in(5s)));
    EXPECT_EQ(no_standby.error().code(), Errc::kConflict);
    const auto no_primary =
        pair_.run(pair_.control().renew_stream(pair_.b(), pair_.b(), pair_.in(5s)));
    EXPECT_EQ(no_primary.error().code(), Errc::kConflict);
}

TEST_F(PgStream, OfAStandbyWithAUriIsLeftToAPerson) {
    PostgresPair::sql(pair_.b(), "ALTER SYSTEM SET primary_conninfo = 'postgresql:///?host=/none'");
    PostgresPair::sql(pair_.b(), "SELECT pg_reload_conf()");
    EXPECT_TRUE(await([this] {
        return PostgresPair::sql(pair_.b(), "SHOW primary_conninfo").starts_with("postgresql:");
    }));
    EXPECT_EQ(renew().error().code(), Errc::kInvalid);
}

}  // namespace
}  // namespace muster::adapters

#include "protection/protector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>

#include "base/random.h"
#include "sim/virtual_clock.h"
#include "state/memory_store.h"

namespace muster::protection {
namespace {

using namespace std::chrono_literals;  // NOLINT(google-build-using-namespace)
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

class UtcOnly final : public TimeZones {
  public:
    Result<TimeZone> find(const std::string& name) override {
        return Error{Errc::kNotFound, "no zone " + name};
    }
};

/// A muster and a few tools whose backups have the size that the test says.
class FakeTools final : public workflow::CommandRunner {
  public:
    explicit FakeTools(Clock& clock) : clock_(clock) {}

    Task<workflow::CommandResult> run(workflow::Command command, Instant /*deadline*/) override {
        const auto word = command.argv.size() > 1 && command.argv[0] == "muster" ? command.argv[1]
                                                                                 : command.argv[0];
        words.push_back(word);
        commands.push_back(command);
        auto& busy = under_way[command.environment["RESTIC_REPOSITORY"]];
        const bool is_ours = word == "backup" || word == "restore" || word == "forget";
        most_at_once = std::max(most_at_once, is_ours ? ++busy : 0);
        CO_TRY_OK(co_await clock_.sleep_for(takes));
        busy -= is_ours ? 1 : 0;
        workflow::CommandResult result;
        if (word == failing) {
            result.exit_code = exit_code;
            result.error = R"({"error":{"message":"no such bucket"}})";
        } else if (word == "backup") {
            result.output = summary();
        } else if (word == "df") {
            result.output = "Filesystem 1024-blocks Used Available\n/dev/sda 9 1 " +
                            std::to_string(free_kib) + " 1% /\n";
        } else if (word == "restore") {
            result.output =
                R"({"message_type":"summary","files_restored":)" + std::to_string(restored) + "}";
        }
        co_return result;
    }

    std::string summary() {
        return R"({"message_type":"status"})"
               "\n"
               R"({"message_type":"summary","total_files_processed":)" +
               std::to_string(files) + R"(,"total_bytes_processed":)" +
               std::to_string(files * 100) + R"(,"data_added":5,"snapshot_id":"snapshot)" +
               std::to_string(++snapshots) + "\"}\n";
    }

    [[nodiscard]] long count(const std::string& word) const {
        return std::ranges::count(words, word);
    }

    std::vector<std::string> words;
    std::vector<workflow::Command> commands;
    std::map<std::string, int> under_way;
    int most_at_once = 0;
    std::string failing;
    int exit_code = 1;
    int files = 10;
    int restored = 10;
    int snapshots = 0;
    long free_kib = 1'000'000;
    Duration takes = 1s;

  private:
    Clock& clock_;
};

class ProtectorTest : public testing::Test {
  protected:
    ProtectorTest() : clock_(loop_), store_(loop_.get_executor(), clock_), tools_(clock_) {
        Job job;
        job.id = {ServiceId("shop"), ComponentId("orders"), "vault"};
        job.backup.to = {"vault"};
        job.backup.paths = {"/srv"};
        job.backup.schedule = plan::parse_schedule("1h").value();
        job.backup.verify = plan::parse_schedule("6h").value();
        job.repository.name = "vault";
        job.repository.at = "/vault";
        job.repository.password.file = "secret";
        job.site = SiteId("east");
        job.epoch = Epoch{1};
        jobs_ = {job};
    }
    ~ProtectorTest() override { end(); }

    void begin() {
        Protector::Deps deps{loop_.get_executor(),
                             clock_,
                             log_,
                             store_,
                             tools_,
                             zones_,
                             [](const plan::SecretPlace& place) -> Result<Secret> {
                                 return Secret("hush " + place.file);
                             },
                             "muster",
                             "/var/lib/muster"};
        protector_ = std::make_unique<Protector>(
            std::move(deps),
            Protector::Node{[this] { return jobs_; },
                            [this](Happening what) { told_.push_back(std::move(what)); }, [] {}});
        tasks_ = std::make_unique<TaskGroup>(loop_.get_executor());
        const auto live = [](Protector* protector) -> Task<> {
            CO_TRY_OK(co_await protector->open());
            co_return co_await protector->run();
        };
        tasks_->spawn(live(protector_.get()));
    }

    void end() {
        if (protector_ == nullptr) {
            return;
        }
        const auto stop = [](Protector* protector, TaskGroup* tasks, bool* is_over) -> Task<> {
            CO_TRY_OK(co_await protector->stop());
            CO_TRY_OK(co_await tasks->stop());
            *is_over = true;
            co_return Result<>{};
        };
        bool is_over = false;
        boost::asio::co_spawn(loop_, stop(protector_.get(), tasks_.get(), &is_over),
                              [](const std::exception_ptr&, const Result<>&) {});
        while (!is_over && clock_.step()) {
        }
        tasks_.reset();
        protector_.reset();
    }

    [[nodiscard]] JobStatus status() const { return protector_->status().front(); }
    [[nodiscard]] long told(const std::string& name) const {
        return std::ranges::count(told_, name, &Happening::name);
    }

    boost::asio::io_context loop_;
    sim::VirtualClock clock_;
    NullLog log_;
    state::MemoryStore store_;
    FakeTools tools_;
    UtcOnly zones_;
    std::vector<Job> jobs_;
    std::vector<Happening> told_;
    std::unique_ptr<Protector> protector_;
    std::unique_ptr<TaskGroup> tasks_;
};

TEST_F(ProtectorTest, ProtectsOnlyOnceTheRestoreWasVerified) {
    begin();
    clock_.advance(500ms);
    EXPECT_EQ(status().activity, "backup");
    EXPECT_FALSE(status().standing.is_protected);
    clock_.advance(1s);
    EXPECT_EQ(status().activity, "restore");
    EXPECT_FALSE(status().standing.verified_age) << "a backup alone is no evidence";
    clock_.advance(30s);
    EXPECT_TRUE(status().standing.is_protected) << status().standing.detail;
    EXPECT_GE(*status().standing.verified_age, 30s) << "the age of the data, not of the trial";
    EXPECT_THAT(tools_.words, testing::ElementsAre("backup", "rm", "mkdir", "df", "restore", "rm"));
    clock_.advance(1h);
    EXPECT_EQ(tools_.count("backup"), 2);
    EXPECT_EQ(tools_.count("restore"), 1) << "the next trial is due after six hours";
    clock_.advance(6h);
    EXPECT_EQ(tools_.count("restore"), 2);
}

TEST_F(ProtectorTest, HandsSecretsOverByTheEnvironmentOnly) {
    jobs_[0].repository.environment["AWS_SECRET_ACCESS_KEY"] = {"", "KEY"};
    begin();
    clock_.advance(1min);
    for (const auto& command : tools_.commands) {
        for (const auto& word : command.argv) {
            EXPECT_THAT(word, Not(HasSubstr("hush")));
        }
    }
    EXPECT_EQ(tools_.commands[0].environment.at("RESTIC_PASSWORD"), "hush secret");
    EXPECT_EQ(tools_.commands[0].environment.at("RESTIC_REPOSITORY"), "/vault");
    EXPECT_TRUE(tools_.commands[0].environment.contains("AWS_SECRET_ACCESS_KEY"));
    for (const auto& what : told_) {
        EXPECT_THAT(what.message, Not(HasSubstr("hush")));
    }
}

TEST_F(ProtectorTest, HandsThemToAHostBehindSshByItsInput) {
    jobs_[0].ssh = "backup@east";
    begin();
    clock_.advance(500ms);
    const auto& command = tools_.commands[0];
    EXPECT_EQ(command.ssh, "backup@east");
    EXPECT_TRUE(command.environment.empty()) << "ssh would show it among the arguments";
    EXPECT_THAT(command.input, HasSubstr("RESTIC_PASSWORD=hush secret\n"));
    EXPECT_TRUE(command.input.ends_with("\n\n"));
}

TEST_F(ProtectorTest, DoesNotCountAnEmptyBackupUntilAPersonDoes) {
    begin();
    clock_.advance(1min);
    ASSERT_TRUE(status().standing.is_protected);
    tools_.files = 0;
    clock_.advance(1h);
    EXPECT_EQ(told("backup.suspicious"), 1);
    EXPECT_EQ(status().standing.state, "suspicious");
    EXPECT_EQ(status().good->snapshot, "snapshot1");
    clock_.advance(6h);
    EXPECT_THAT(tools_.commands.back().argv, Not(Contains("snapshot2")));
    EXPECT_FALSE(std::ranges::any_of(tools_.commands, [](const auto& command) {
        return std::ranges::count(command.argv, "snapshot2") > 0;
    })) << "what does not count is not tried";
    const auto accept = [](Protector* protector) -> Task<> {
        co_return co_await protector->accept(ServiceId("shop"), ComponentId("orders"), "me");
    };
    tasks_->spawn(accept(protector_.get()));
    clock_.advance(1s);
    EXPECT_EQ(told("backup.accepted"), 1);
    EXPECT_NE(status().standing.state, "suspicious");
    clock_.advance(2h);
    EXPECT_NE(status().standing.state, "suspicious") << "empty is usual now";
}

TEST_F(ProtectorTest, AlarmsWithinOneVerifyPeriodOfASilentlyEmptyJob) {
    tools_.files = 0;
    begin();
    clock_.advance(10s);
    EXPECT_EQ(told("backup.suspicious"), 1) << "at the first one";
    clock_.advance(8h);
    EXPECT_EQ(told("backup.overdue"), 1) << "nothing was verified";
    EXPECT_FALSE(status().standing.is_protected);
}

TEST_F(ProtectorTest, TriesAgainAfterAFailureAndSaysSo) {
    tools_.failing = "backup";
    begin();
    clock_.advance(30s);
    EXPECT_EQ(told("backup.failed"), 1);
    EXPECT_EQ(status().standing.state, "failed");
    EXPECT_THAT(status().standing.detail, HasSubstr("no such bucket"));
    clock_.advance(10min);
    EXPECT_EQ(tools_.count("backup"), 4) << "after 1, 2, 4 minutes";
    tools_.failing.clear();
    clock_.advance(10min);
    EXPECT_TRUE(status().standing.is_protected);
    EXPECT_EQ(status().failures, 4);
}

TEST_F(ProtectorTest, DoesNotCountWhatIsIncomplete) {
    tools_.failing = "backup";
    tools_.exit_code = 3;
    begin();
    clock_.advance(30s);
    EXPECT_FALSE(status().good);
    EXPECT_THAT(status().standing.detail, HasSubstr("incomplete"));
}

TEST_F(ProtectorTest, DoesNotProtectByATrialThatRestoredNothingOrHasNoRoom) {
    tools_.restored = 0;
    begin();
    clock_.advance(30s);
    EXPECT_EQ(status().standing.state, "failed");
    EXPECT_THAT(status().standing.detail, HasSubstr("nothing was restored"));
    EXPECT_EQ(tools_.words.back(), "rm") << "what it left is removed";
    tools_.restored = 10;
    tools_.free_kib = 1;
    const auto tried = tools_.count("restore");
    clock_.advance(5min);
    EXPECT_EQ(tools_.count("restore"), tried) << "space is looked at first";
    EXPECT_THAT(status().standing.detail, HasSubstr("are free"));
    EXPECT_FALSE(status().standing.is_protected);
}

TEST_F(ProtectorTest, AsksThePlansOwnCheckOfTheRestoredCopy) {
    jobs_[0].backup.check_command = {"looks-right", "${restored}/srv"};
    tools_.failing = "looks-right";
    begin();
    clock_.advance(30s);
    EXPECT_FALSE(status().standing.is_protected);
    const auto asked = std::ranges::find(tools_.words, "looks-right") - tools_.words.begin();
    EXPECT_EQ(tools_.commands[asked].argv[1], "/var/lib/muster/muster-trial-shop-orders-vault/srv");
}

TEST_F(ProtectorTest, WorksOnEachRepositoryOneAtATime) {
    for (const auto* name : {"one", "two", "three"}) {
        jobs_.push_back(jobs_.front());
        jobs_.back().id.component = ComponentId(name);
    }
    jobs_.push_back(jobs_.front());
    jobs_.back().id.repository = jobs_.back().repository.name = jobs_.back().repository.at = "far";
    tools_.takes = 1min;
    begin();
    clock_.advance(30s);
    EXPECT_GE(tools_.under_way["far"] + tools_.under_way["/vault"], 2) << "two of them at once";
    clock_.advance(50min);
    EXPECT_EQ(tools_.most_at_once, 1);
    for (const auto& job : protector_->status()) {
        EXPECT_TRUE(job.standing.is_protected) << job.id.str();
    }
}

TEST_F(ProtectorTest, CatchesUpOnceOnWhatWasMissed) {
    begin();
    clock_.advance(1min);
    end();
    clock_.advance(30h);
    tools_.words.clear();
    begin();
    clock_.advance(30s);
    EXPECT_EQ(tools_.count("backup"), 1);
    EXPECT_EQ(status().good->snapshot, "snapshot2");
    clock_.advance(30min);
    EXPECT_EQ(tools_.count("backup"), 1);
}

TEST_F(ProtectorTest, IsExposedAfterAMoveAndBacksUpAtOnce) {
    begin();
    clock_.advance(1min);
    jobs_[0].hold = "the service moves";
    jobs_[0].epoch = Epoch{2};
    jobs_[0].site = SiteId("west");
    clock_.advance(10s);
    EXPECT_EQ(status().standing.state, "exposed");
    EXPECT_EQ(tools_.count("backup"), 1) << "not while it moves";
    jobs_[0].hold.clear();
    clock_.advance(3s);
    EXPECT_EQ(tools_.count("backup"), 2);
    EXPECT_EQ(status().standing.state, "exposed") << "until that one is verified";
    clock_.advance(10s);
    EXPECT_EQ(status().standing.state, "protected");
    EXPECT_EQ(status().good->site, SiteId("west"));
}

TEST_F(ProtectorTest, KeepsTheTrueAgeWhenTheClockIsPutBack) {
    begin();
    clock_.advance(2h + 1min);
    const auto age = *status().standing.verified_age;
    clock_.shift_wall(-90min);
    EXPECT_GE(*status().standing.verified_age, age);
    clock_.advance(30min);
    EXPECT_GE(*status().standing.verified_age, age + 30min);
}

TEST_F(ProtectorTest, ForgetsByItsOwnTagAndNeverAfterADoubtfulBackup) {
    jobs_[0].backup.keep = plan::Keep{{{"daily", 7}}, 48h, {"kept"}};
    begin();
    clock_.advance(1min);
    ASSERT_EQ(tools_.count("forget"), 1);
    const auto at = std::ranges::find(tools_.words, "forget") - tools_.words.begin();
    EXPECT_THAT(tools_.commands[at].argv,
                testing::IsSupersetOf({"--tag=muster:shop/orders", "--keep-daily=7",
                                       "--keep-within=48h", "--keep-tag=kept"}));
    tools_.files = 1;
    clock_.advance(1h);
    EXPECT_EQ(tools_.count("backup"), 2);
    EXPECT_EQ(tools_.count("forget"), 1);
}

TEST_F(ProtectorTest, ForgetsNothingAfterALongGapBeforeATrial) {
    jobs_[0].backup.keep = plan::Keep{{{"last", 1}}, {}, {}};
    begin();
    clock_.advance(1min);
    end();
    clock_.advance(30 * 24h);
    tools_.words.clear();
    tools_.failing = "restore";
    begin();
    clock_.advance(30min);
    EXPECT_EQ(tools_.count("backup"), 1);
    EXPECT_EQ(tools_.count("forget"), 0);
    tools_.failing.clear();
    clock_.advance(2h);
    EXPECT_GE(tools_.count("forget"), 1);
}

TEST_F(ProtectorTest, ChecksAndPrunesTheRepository) {
    jobs_[0].repository.check = plan::parse_schedule("2h").value();
    jobs_[0].repository.prune = plan::parse_schedule("3h").value();
    begin();
    clock_.advance(7h);
    EXPECT_EQ(tools_.count("check"), 3);
    EXPECT_EQ(tools_.count("prune"), 2);
    EXPECT_EQ(told("repository.checked"), 3);
    tools_.failing = "check";
    clock_.advance(2h);
    EXPECT_GE(told("repository.check_failed"), 1);
}

TEST_F(ProtectorTest, BeginsWhatAPersonAsksFor) {
    begin();
    clock_.advance(1min);
    EXPECT_TRUE(protector_->request(ServiceId("shop"), ComponentId("orders"), true));
    clock_.advance(30s);
    EXPECT_EQ(tools_.count("backup"), 2);
    EXPECT_EQ(tools_.count("restore"), 2);
    EXPECT_EQ(protector_->request(ServiceId("shop"), ComponentId("none"), true).error().code(),
              Errc::kNotFound);
}

TEST(Tools, FillsWhatItKnows) {
    EXPECT_EQ(fill("${a} ${b}${a}", {{"a", "${a}"}}), "${a} ${b}${a}");
    EXPECT_EQ(fill("-d ${conninfo} ${", {{"conninfo", "host=x"}}), "-d host=x ${");
}

TEST(Tools, TakesComplaintsApart) {
    workflow::CommandResult result;
    result.exit_code = 11;
    EXPECT_EQ(complaint_of(result), "status 11");
    result.error = "muster: the repository is locked\n  hint: wait\n";
    EXPECT_EQ(complaint_of(result), "muster: the repository is locked (status 11)");
    result.error = R"({"message_type":"error","error":{"message":"gone"},"item":"/srv/a"})";
    EXPECT_EQ(complaint_of(result), "/srv/a: gone (status 11)");
    EXPECT_FALSE(read_summary("no\n{}\n[1]\n"));
    EXPECT_FALSE(read_free("Filesystem\n/dev/sda x"));
}

}  // namespace
}  // namespace muster::protection

#include "adapters/probe/host_voice.h"

#include "adapters/os/process_runner.h"
#include "adapters/probe/probe_test_support.h"

namespace muster::adapters {
namespace {

using namespace std::chrono_literals;
using Process = PostmasterState::Process;
using probe::Evidence;
using test::PgTestServer;

/// Stands in for ssh: runs here what was meant for another host, and remembers which.
class NearRunner final : public workflow::CommandRunner {
  public:
    NearRunner(Executor executor, Clock& clock) : runner_(std::move(executor), clock) {}
    Task<workflow::CommandResult> run(workflow::Command command, Instant deadline) override {
        hosts.push_back(std::exchange(command.ssh, {}));
        if (is_cut) {
            co_return Error{Errc::kUnavailable, "ssh: connect to host far: No route to host"};
        }
        co_return co_await runner_.run(std::move(command), deadline);
    }
    std::vector<std::string> hosts;
    bool is_cut = false;

  private:
    ProcessRunner runner_;
};

class HostVoiceTest : public test::ProbeTest {
  protected:
    static void SetUpTestSuite() { server_ = std::make_unique<PgTestServer>(); }
    static void TearDownTestSuite() { server_.reset(); }
    HostVoice voice(const std::string& conninfo) {
        return {{conninfo, server_->data(), "ops@far", ""}, loop_.get_executor(), clock_, near_};
    }
    std::optional<Process> hear(HostVoice& voice) {
        voice.ask();
        return test::run(loop_, voice.told(clock_.now() + 20s)).value();
    }
    probe::Settings from_afar() {
        auto made = test::probe_settings("postgres", {{"postgres", {""}}});
        made.variables["conninfo"] = server_->conninfo();
        made.variables["expect_role"] = "primary";
        made.variables["data"] = server_->data();
        made.variables["ssh"] = "ops@far";
        made.plan.timeout = 5s;
        return made;
    }
    static void expect(const Result<probe::Sample>& sample, Evidence evidence,
                       std::string_view detail) {
        ASSERT_TRUE(sample);
        EXPECT_EQ(sample->evidence, evidence) << sample->detail;
        EXPECT_TRUE(sample->detail.contains(detail)) << sample->detail;
    }

    NearRunner near_{loop_.get_executor(), clock_};
    probe::Registry from_near_ = all_probes(near_);
    static std::unique_ptr<PgTestServer> server_;
};
std::unique_ptr<PgTestServer> HostVoiceTest::server_;

TEST_F(HostVoiceTest, AHostElsewhereTellsRunningFrozenAndStoppedApart) {
    auto far = voice(server_->conninfo());
    EXPECT_EQ(hear(far), Process::kRunning);
    EXPECT_EQ(near_.hosts, std::vector<std::string>{"ops@far"});
    server_->signal_all(SIGSTOP);
    EXPECT_EQ(hear(far), Process::kFrozen);
    server_->signal_all(SIGCONT);
    server_->kill();
    auto word = hear(far);
    for (int i = 0; i < 500 && word != Process::kStopped; ++i) {
        word = hear(far);  // Its children end a moment after it.
    }
    EXPECT_EQ(word, Process::kStopped);
    server_->start_server();
}

TEST_F(HostVoiceTest, OfAnotherServerOrADirectoryWithoutOneNobodyCanTell) {
    auto other = voice("host=127.0.0.1 port=1");
    EXPECT_EQ(hear(other), Process::kUnknown);
    HostVoice nowhere({server_->conninfo(), "/nowhere", "ops@far", ""}, loop_.get_executor(),
                      clock_, near_);
    EXPECT_EQ(hear(nowhere), Process::kUnknown);
    near_.is_cut = true;
    auto cut = voice(server_->conninfo());
    EXPECT_EQ(hear(cut), Process::kUnknown);
}

TEST_F(HostVoiceTest, AFrozenServerElsewhereIsHardByItsHostsWordAndSilentWithoutIt) {
    const auto probe = from_near_.make(from_afar(), deps()).value();
    expect(check(*probe), Evidence::kGood, "primary");
    server_->signal_all(SIGSTOP);
    const auto sample = check(*probe, 8s);
    expect(sample, Evidence::kHard, "frozen");
    EXPECT_EQ(sample->facts.at("process"), "frozen");
    near_.is_cut = true;
    const auto untold = from_near_.make(from_afar(), deps()).value();
    expect(check(*untold, 400ms), Evidence::kSilence, "no answer");
    server_->signal_all(SIGCONT);
    near_.is_cut = false;
    expect(check(*probe), Evidence::kGood, "primary");
}

}  // namespace
}  // namespace muster::adapters

#include "adapters/os/system.h"

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <set>

#include "adapters/os/process_safety.h"
#include "base/task_group.h"

namespace muster::adapters {
namespace {

using namespace std::chrono_literals;
namespace asio = boost::asio;

Task<> sleep_and_tell(Clock& clock, Duration duration, Errc& code) {
    const auto slept = co_await clock.sleep_for(duration);
    if (!slept) {
        code = slept.error().code();
    }
    co_return Result<>{};
}

Task<> stop(TaskGroup& group) {
    CO_TRY_OK(co_await group.stop());
    co_return Result<>{};
}

TEST(SystemClock, NeverWakesBeforeTheTime) {
    asio::io_context io;
    SystemClock clock;
    TaskGroup group(io.get_executor());
    Errc code = Errc::kCorrupt;
    const auto began = clock.now();
    group.spawn(sleep_and_tell(clock, 30ms, code));
    io.run();
    EXPECT_GE(clock.now() - began, 30ms);
    EXPECT_EQ(code, Errc::kCorrupt) << "no error";
}

TEST(SystemClock, SleepEndsWhenTheTaskIsStopped) {
    asio::io_context io;
    SystemClock clock;
    TaskGroup group(io.get_executor());
    Errc code = Errc::kCorrupt;
    group.spawn(sleep_and_tell(clock, 1h, code));
    const auto began = clock.now();
    TaskGroup stopper(io.get_executor());
    stopper.spawn(stop(group));
    io.run();
    EXPECT_EQ(code, Errc::kCancelled);
    EXPECT_LT(clock.now() - began, 10s);
}

TEST(SystemClock, TellsTheTimeOfDay) {
    const SystemClock clock;
    EXPECT_EQ(format_wall(clock.wall()).substr(0, 2), "20");
}

TEST(SystemRandom, DoesNotRepeat) {
    SystemRandom random;
    std::set<std::uint64_t> seen;
    for (int i = 0; i < 1000; ++i) {
        seen.insert(random.next());
    }
    EXPECT_EQ(seen.size(), 1000U);
}

TEST(ProcessSafety, LeavesNoCoreFile) {
    EXPECT_EXIT(
        {
            const bool is_safe = disable_core_dumps().has_value();
            std::abort();
            static_cast<void>(is_safe);
        },
        [](int status) { return WIFSIGNALED(status) && !WCOREDUMP(status); }, "");
}

}  // namespace
}  // namespace muster::adapters

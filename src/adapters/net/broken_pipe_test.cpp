#include <gtest/gtest.h>

#include <csignal>

namespace {

/// As the daemon does: libcurl and OpenSSL write to peers that may be gone, and that is an error of
/// the call, not the end of the process.
class IgnoreBrokenPipes final : public testing::Environment {
  public:
    void SetUp() override { std::signal(SIGPIPE, SIG_IGN); }
};

[[maybe_unused]] const testing::Environment* const kEnvironment =
    testing::AddGlobalTestEnvironment(new IgnoreBrokenPipes);

}  // namespace

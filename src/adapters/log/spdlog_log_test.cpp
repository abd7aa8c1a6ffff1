#include "adapters/log/spdlog_log.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <sstream>

namespace muster::adapters {
namespace {

class FixedClock final : public Clock {
  public:
    [[nodiscard]] Instant now() const override { return {}; }
    [[nodiscard]] WallTime wall() const override {
        return parse_wall("2026-11-21T05:08:28.123Z").value();
    }
    Task<> sleep_until(Instant /*when*/) override { co_return Result<>{}; }
};

class LogLines : public testing::Test {
  protected:
    SpdlogLog text() { return {clock_, {Level::kDebug, SpdlogLog::Format::kText}, out_}; }
    SpdlogLog json() { return {clock_, {Level::kInfo, SpdlogLog::Format::kJson}, out_}; }
    FixedClock clock_;
    std::ostringstream out_;
};

TEST_F(LogLines, TellTheTimeLevelEventAndFields) {
    text().info("fence.acquired", {{"site", SiteId("east")}, {"epoch", Epoch{7}}});
    EXPECT_EQ(out_.str(), "2026-11-21T05:08:28.123Z info  fence.acquired site=east epoch=7\n");
}

TEST_F(LogLines, AlignTheLevels) {
    auto log = text();
    log.debug("a");
    log.warn("b");
    log.error("c");
    EXPECT_EQ(out_.str(),
              "2026-11-21T05:08:28.123Z debug a\n2026-11-21T05:08:28.123Z warn  b\n"
              "2026-11-21T05:08:28.123Z error c\n");
}

TEST_F(LogLines, QuoteWhatIsNotPlainAndStayOneLine) {
    text().info("e", {{"empty", ""},
                      {"space", "a b"},
                      {"equals", "a=b"},
                      {"quote", "say \"x\\\""},
                      {"lines", "1\n2\r\t\x1b[31m\x7f"},
                      {"c1", "a\xc2\x9bz"},
                      {"umlaut", "\xc3\xbc"}});
    EXPECT_EQ(out_.str(),
              "2026-11-21T05:08:28.123Z info  e empty=\"\" space=\"a b\" equals=\"a=b\" "
              "quote=\"say \\\"x\\\\\\\"\" lines=\"1\\n2\\r\\t\\u001b[31m\\u007f\" "
              "c1=\"a\\u009bz\" umlaut=\xc3\xbc\n");
}

TEST_F(LogLines, AreJsonWhenAskedFor) {
    json().error("disk.full", {{"path", "a\"b\n\x01"}, {"count", 3}});
    const auto value = boost::json::parse(out_.str()).as_object();
    EXPECT_EQ(value.at("time"), "2026-11-21T05:08:28.123Z");
    EXPECT_EQ(value.at("level"), "error");
    EXPECT_EQ(value.at("event"), "disk.full");
    EXPECT_EQ(value.at("path"), "a\"b\n\x01");
    EXPECT_EQ(value.at("count"), "3");
}

TEST_F(LogLines, LeaveOutWhatIsBelowTheLeastLevel) {
    json().debug("quiet");
    EXPECT_EQ(out_.str(), "");
}

TEST_F(LogLines, LevelsHaveNames) {
    EXPECT_EQ(parse_level("warn").value(), Level::kWarn);
    EXPECT_EQ(parse_level("loud").error().code(), Errc::kInvalid);
}

}  // namespace
}  // namespace muster::adapters

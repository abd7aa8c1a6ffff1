#include "adapters/os/time_zones.h"

#include <gtest/gtest.h>
#include <stdlib.h>  // NOLINT(modernize-deprecated-headers): setenv is POSIX's

#include <filesystem>
#include <fstream>

namespace muster::adapters {
namespace {

class TimeZonesTest : public testing::Test {
  protected:
    void SetUp() override {
        std::string made = testing::TempDir() + "/zonesXXXXXX";
        ASSERT_NE(::mkdtemp(made.data()), nullptr);
        folder_ = made;
        ::setenv("TZDIR", folder_.c_str(), 1);  // NOLINT(concurrency-mt-unsafe): one thread
    }
    void TearDown() override {
        ::unsetenv("TZDIR");  // NOLINT(concurrency-mt-unsafe): one thread
        std::filesystem::remove_all(folder_);
    }
    std::filesystem::path folder_;
};

TEST_F(TimeZonesTest, ReadsTheDatabaseOnly) {
    std::ofstream(folder_ / "Odd") << "no zone";
    SystemTimeZones zones;
    EXPECT_EQ(zones.find("Nowhere/None").error().code(), Errc::kNotFound);
    EXPECT_EQ(zones.find("Odd").error().code(), Errc::kCorrupt);
    EXPECT_EQ(zones.find("../Odd").error().code(), Errc::kNotFound);
    EXPECT_EQ(zones.find("/etc/hostname").error().code(), Errc::kNotFound);
    EXPECT_EQ(zones.find("").error().code(), Errc::kNotFound);
}

TEST_F(TimeZonesTest, AgreesWithTheSystemOverTheYears) {
    ::unsetenv("TZDIR");  // NOLINT(concurrency-mt-unsafe): one thread
    SystemTimeZones zones;
    for (const auto* name : {"Europe/Berlin", "America/New_York", "Pacific/Auckland",
                             "Australia/Lord_Howe", "Asia/Kolkata"}) {
        const auto zone = zones.find(name);
        if (!zone && zone.error().code() == Errc::kNotFound) {
            GTEST_SKIP() << "no tzdata here";
        }
        ASSERT_TRUE(zone) << name;
        ::setenv("TZ", name, 1);  // NOLINT(concurrency-mt-unsafe): one thread
        ::tzset();
        // Every eleven hours from 1990 to 2060.
        for (std::time_t when = 631152000; when < 2840140800; when += 39600) {
            std::tm local{};
            ::localtime_r(&when, &local);
            ASSERT_EQ(zone->offset_at(when), local.tm_gmtoff) << name << " at " << when;
        }
        ::unsetenv("TZ");  // NOLINT(concurrency-mt-unsafe): one thread
    }
}

}  // namespace
}  // namespace muster::adapters

#include "daemon/load_plan.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "adapters/os/folder_test_support.h"
#include "adapters/os/system.h"
#include "daemon/data_directory.h"
#include "daemon/serve.h"

namespace muster::daemon {
namespace {

using testing::HasSubstr;

plan::Plan plan_of(const std::vector<std::pair<std::string, bool>>& sites) {
    plan::Plan plan;
    for (const auto& [name, is_arbiter] : sites) {
        plan::Site site;
        site.id = SiteId(name);
        site.is_arbiter = is_arbiter;
        plan.sites.push_back(site);
    }
    return plan;
}

TEST(ChooseSite, TakesTheOnlyArbiterOrTheOnlySite) {
    EXPECT_EQ(choose_site(plan_of({{"a", false}, {"b", false}, {"c", true}}), "")->str(), "c");
    EXPECT_EQ(choose_site(plan_of({{"a", false}}), "")->str(), "a");
    EXPECT_EQ(choose_site(plan_of({{"a", false}, {"c", true}}), "a")->str(), "a");
}

TEST(ChooseSite, AsksWhenItCannotKnow) {
    const auto unclear = choose_site(plan_of({{"a", false}, {"b", false}}), "");
    ASSERT_FALSE(unclear);
    EXPECT_EQ(unclear.error().code(), Errc::kInvalid);
    EXPECT_THAT(unclear.error().hint(), HasSubstr("--site NAME; the sites are: a, b"));
    EXPECT_FALSE(choose_site(plan_of({{"a", false}}), "z"));
}

plan::Plan plan_with_record(const std::string& steered) {
    plan::Plan plan;
    auto& service = plan.services.emplace_back();
    auto& entry = service.components.emplace_back();
    entry.kind = "dns";
    plan::Node name;
    name.kind = plan::Node::Kind::kScalar;
    name.scalar = steered;
    plan::Node record;
    record.kind = plan::Node::Kind::kMap;
    record.entries.push_back({"name", {}, name});
    entry.settings.kind = plan::Node::Kind::kMap;
    entry.settings.entries.push_back({"record", {}, record});
    return plan;
}

TEST(ZonesOf, AreTheParentsOfTheRecordsWithGlue) {
    const auto plan = plan_with_record("shop.example.com");
    const auto zones = zones_of(plan, "127.0.0.1:5353");
    ASSERT_EQ(zones.size(), 1U);
    EXPECT_EQ(zones[0].name, "example.com");
    EXPECT_THAT(zones[0].name_servers, testing::ElementsAre("ns1.example.com"));
    ASSERT_EQ(zones[0].fixed.size(), 1U);
    EXPECT_THAT(zones[0].fixed[0].answers, testing::ElementsAre("127.0.0.1"));
    EXPECT_TRUE(zones_of(plan, "0.0.0.0:53")[0].fixed.empty());
}

TEST(ZonesOf, AreNotMadeForWhatADeclaredOneHolds) {
    plan::Plan plan = plan_with_record("Shop.Example.COM.");
    auto& declared = plan.dns.emplace().zones.emplace_back();
    declared.name = "example.com";
    declared.name_servers = {"ns.example.com"};
    const auto zones = zones_of(plan, "127.0.0.1:5353");
    ASSERT_EQ(zones.size(), 1U);
    EXPECT_THAT(zones[0].name_servers, testing::ElementsAre("ns.example.com"));
}

TEST(IsLoopback, KnowsWhatOnlyThisMachineReaches) {
    for (const auto* address : {"127.0.0.1:80", "127.9.9.9:0", "[::1]:80", "localhost:80"}) {
        EXPECT_TRUE(is_loopback(address)) << address;
    }
    for (const auto* address : {"0.0.0.0:80", "[::]:80", "10.0.0.1:80", "example.com:80", ":80"}) {
        EXPECT_FALSE(is_loopback(address)) << address;
    }
}

TEST(DataDirectory, IsTheOwnersAloneAndKeepsItsToken) {
    const test::Folder folder;
    const auto path = folder.file("deep/data");
    adapters::SystemRandom random;
    const auto data = DataDirectory::open(path);
    ASSERT_TRUE(data);
    struct stat entry{};
    ASSERT_EQ(::stat(path.c_str(), &entry), 0);
    EXPECT_EQ(entry.st_mode & 0777U, 0700U);
    const auto token = data->token(random);
    ASSERT_TRUE(token);
    EXPECT_EQ(token->reveal().size(), 32U);
    EXPECT_TRUE(data->token(random)->matches(token->reveal()));
    ASSERT_EQ(::stat(data->file("token").c_str(), &entry), 0);
    EXPECT_EQ(entry.st_mode & 0777U, 0600U);
    ::chmod(data->file("token").c_str(), 0644);
    EXPECT_EQ(data->token(random).error().code(), Errc::kDenied);
    EXPECT_FALSE(DataDirectory::open(data->file("token")));
}

}  // namespace
}  // namespace muster::daemon

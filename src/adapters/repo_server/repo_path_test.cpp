#include "adapters/repo_server/repo_path.h"

#include <gtest/gtest.h>

namespace muster::adapters::repo_server {

namespace {

const std::string kName(64, 'a');

using Folders = std::vector<std::string>;

TEST(RepoPath, ReadsWhatResticAsksFor) {
    const auto root = read_target("/?create=true");
    ASSERT_TRUE(root);
    EXPECT_EQ(root->kind, Target::Kind::kRepository);
    EXPECT_TRUE(root->asks_creation);

    const auto config = read_target("/anna/laptop/config");
    ASSERT_TRUE(config);
    EXPECT_EQ(config->folders, (Folders{"anna", "laptop"}));
    EXPECT_EQ(config->type, ObjectType::kConfig);

    const auto list = read_target("/anna/snapshots/");
    ASSERT_TRUE(list);
    EXPECT_EQ(list->kind, Target::Kind::kList);
    EXPECT_EQ(list->type, ObjectType::kSnapshots);

    const auto object = read_target("/data/" + kName);
    ASSERT_TRUE(object);
    EXPECT_EQ(object->folders, Folders());
    EXPECT_EQ(object->type, ObjectType::kData);
    EXPECT_EQ(object->name, kName);
}

TEST(RepoPath, DecodesFoldersAndTakesWholeUrls) {
    const auto target = read_target("http://host:8000/my%20laptop/locks/?x=1&create=true");
    ASSERT_TRUE(target);
    EXPECT_EQ(target->folders, Folders{"my laptop"});
    EXPECT_TRUE(target->asks_creation);
    EXPECT_FALSE(read_target("/a/?create=truest")->asks_creation);
}

TEST(RepoPath, RefusesWhatLeadsOutOrNamesNothing) {
    for (const std::string target : {"",
                                     "config",
                                     "*",
                                     "/..",
                                     "/../config",
                                     "/../../etc/passwd",
                                     "/%2e%2e/config",
                                     "/a/../config",
                                     "/./config",
                                     "/a%2fb/config",
                                     "/a%2Fb/config",
                                     "/a\\b/config",
                                     "/a%00/config",
                                     "/a%0ab/config",
                                     "/.htpasswd",
                                     "/.muster-uploads/config",
                                     "//config",
                                     "/a//config",
                                     "/a/b/c/config",
                                     "/config/",
                                     "/config/x",
                                     "/data",
                                     "/data/x",
                                     "/a",
                                     "/data/../config",
                                     "/a%/config",
                                     "/a%2/config",
                                     "/a%zz/config",
                                     "/%+1/config",
                                     "/a/b/c/d/e/f/g/h"}) {
        EXPECT_FALSE(read_target(target)) << target;
    }
    EXPECT_FALSE(read_target("/data/" + std::string(64, 'A')));
    EXPECT_FALSE(read_target("/data/" + std::string(63, 'a')));
    EXPECT_FALSE(read_target("/data/" + std::string(65, 'a')));
    EXPECT_FALSE(read_target("/data/" + std::string(62, 'a') + "%2e"));
    EXPECT_FALSE(read_target("/data/aa/" + kName));
    EXPECT_FALSE(read_target("/" + std::string(129, 'a') + "/config"));
}

TEST(RepoPath, TakesATypesNameForTheType) {
    // As rest-server: a repository can't be called "data", nor lie in a folder that is.
    EXPECT_FALSE(read_target("/data/keys/"));
    EXPECT_FALSE(read_target("/locks/config"));
}

}  // namespace

}  // namespace muster::adapters::repo_server

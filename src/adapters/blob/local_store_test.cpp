#include "adapters/blob/local_store.h"

#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "adapters/os/folder_test_support.h"
#include "conformance/blob_store_suite.h"

namespace muster::conformance {
namespace {

struct LocalWorld {
    test::Folder folder;
    adapters::LocalStore held{folder.path() + "/made/on/demand"};
    backup::BlobStore& store() { return held; }
    // Around the page cache, and a rest of less than a page.
    static std::size_t big() { return 3'000'001; }
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Local, BlobStoreSuite, LocalWorld);

}  // namespace muster::conformance

namespace muster::adapters {
namespace {

using backup::FileKind;
using backup::StoredName;

const std::string kName(backup::ObjectId::kHexSize, 'a');
const StoredName kPack{FileKind::kPack, kName};

class LocalStoreTest : public testing::Test {
  protected:
    LocalStoreTest() { EXPECT_TRUE(store_.create().has_value()); }

    [[nodiscard]] std::string path(const std::string& name) const {
        return folder_.path() + "/repo/" + name;
    }
    [[nodiscard]] unsigned mode(const std::string& name) const {
        struct stat status{};
        EXPECT_EQ(::stat(path(name).c_str(), &status), 0) << name;
        return status.st_mode & 07777U;
    }
    std::size_t files() {
        std::size_t count = 0;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(path(""))) {
            count += entry.is_regular_file() ? 1 : 0;
        }
        return count;
    }

    test::Folder folder_;
    LocalStore store_{folder_.path() + "/repo"};
};

TEST_F(LocalStoreTest, LaysFilesOutAsResticDoes) {
    ASSERT_TRUE(store_.write(kPack, backup::bytes_of("p")).has_value());
    ASSERT_TRUE(store_.write({FileKind::kConfig, {}}, backup::bytes_of("c")).has_value());
    ASSERT_TRUE(store_.write({FileKind::kSnapshot, kName}, backup::bytes_of("s")).has_value());
    EXPECT_TRUE(std::filesystem::exists(path("data/aa/" + kName)));
    EXPECT_TRUE(std::filesystem::exists(path("config")));
    EXPECT_TRUE(std::filesystem::exists(path("snapshots/" + kName)));
    EXPECT_TRUE(std::filesystem::is_directory(path("data/00")));
    EXPECT_TRUE(std::filesystem::is_directory(path("data/ff")));
    EXPECT_EQ(mode("config"), 0400U);
    EXPECT_EQ(mode("data"), 0700U);
    EXPECT_EQ(files(), 3U) << "something was left beside the files";
}

TEST_F(LocalStoreTest, MakesADirectoryOfPacksThatIsMissing) {
    std::filesystem::remove_all(path("data/aa"));
    ASSERT_TRUE(store_.write(kPack, backup::bytes_of("p")).has_value());
    EXPECT_EQ(store_.size(kPack).value_or(0), 1U);
}

TEST_F(LocalStoreTest, PassesOverWhatIsNoFileOfARepository) {
    std::ofstream(path("data/aa/" + kName + "-tmp-12-0")) << "half of a pack";
    std::ofstream(path("data/aa/README")) << "x";
    std::ofstream(path("data/stray")) << "x";
    const auto packs = store_.list(FileKind::kPack);
    ASSERT_TRUE(packs.has_value());
    EXPECT_TRUE(packs->empty());
}

TEST_F(LocalStoreTest, DoesNotTakeAPlaceThatIsGoneForAnEmptyOne) {
    std::filesystem::remove_all(path("data"));
    const auto packs = store_.list(FileKind::kPack);
    ASSERT_FALSE(packs.has_value());
    EXPECT_EQ(packs.error().code(), Errc::kNotFound);
}

TEST_F(LocalStoreTest, LeavesNothingWhereItsPlaceIsTaken) {
    std::filesystem::create_directory(path("data/aa/" + kName));
    const auto written = store_.write(kPack, backup::bytes_of("p"));
    ASSERT_FALSE(written.has_value());
    EXPECT_EQ(written.error().code(), Errc::kUnavailable);
    EXPECT_EQ(files(), 0U);
    EXPECT_EQ(store_.load(kPack).error().code(), Errc::kInvalid);
}

TEST_F(LocalStoreTest, SaysWhoMayNotWrite) {
    if (::geteuid() != 0) {
        GTEST_SKIP() << "takes root, which becomes somebody else";
    }
    ASSERT_EQ(::seteuid(65'534), 0);
    const auto written = store_.write(kPack, backup::bytes_of("p"));
    const auto listed = store_.list(FileKind::kSnapshot);
    ASSERT_EQ(::seteuid(0), 0);
    ASSERT_FALSE(written.has_value());
    EXPECT_EQ(written.error().code(), Errc::kDenied);
    ASSERT_FALSE(listed.has_value());
    EXPECT_EQ(listed.error().code(), Errc::kDenied);
}

}  // namespace
}  // namespace muster::adapters

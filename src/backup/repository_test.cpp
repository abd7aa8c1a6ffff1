#include "backup/repository.h"

#include <gtest/gtest.h>

#include "backup/testing/memory_store.h"
#include "backup/testing/passing_store.h"
#include "backup/testing/test_host.h"

namespace muster::backup {
namespace {

using testing::MemoryStore;
using testing::TestHost;

const RepositoryConfig kConfig{2, std::string(64, 'a'), 0x3DA3358B4DC173};

/// A store where somebody else's key appears right after ours.
class CrowdedStore final : public testing::PassingStore {
  public:
    using PassingStore::PassingStore;

    Result<> write(const StoredName& name, ByteView content) override {
        TRY_OK(PassingStore::write(name, content));
        return name.kind == FileKind::kKey ? PassingStore::write(kTheirs, content) : Result<>();
    }

    inline static const StoredName kTheirs{FileKind::kKey, std::string(64, 'b')};
};

TEST(Repository, IsNotMadeWhileSomebodyElseMakesOneThere) {
    TestHost host;
    MemoryStore memory;
    CrowdedStore store(memory);
    const auto made = Repository::create({host, store, nullptr}, Secret("x"), kConfig);
    ASSERT_FALSE(made.has_value());
    EXPECT_EQ(made.error().code(), Errc::kConflict) << made.error().message();
    EXPECT_TRUE(made.error().message().contains("somebody else")) << made.error().message();
    ASSERT_EQ(memory.files().size(), 1U) << "neither our key nor a config";
    EXPECT_TRUE(memory.files().contains(CrowdedStore::kTheirs));
}

TEST(Repository, IsMadeOnce) {
    TestHost host;
    MemoryStore store;
    ASSERT_TRUE(Repository::create({host, store, nullptr}, Secret("x"), kConfig).has_value());
    const auto files = store.files();
    const auto again = Repository::create({host, store, nullptr}, Secret("y"), kConfig);
    ASSERT_FALSE(again.has_value());
    EXPECT_EQ(again.error().code(), Errc::kConflict);
    EXPECT_EQ(store.files(), files);
}

}  // namespace
}  // namespace muster::backup

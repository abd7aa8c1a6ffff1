#include "state/memory_store.h"

#include <gtest/gtest.h>

#include "../../tests/conformance/store_suite.h"
#include "state/virtual_world_test_support.h"

namespace muster {
namespace {

class MemoryWorld : public test::VirtualWorld {
  public:
    state::Store& store() { return store_; }

  private:
    state::MemoryStore store_{loop_.get_executor(), clock_};
};

using MemoryStores = testing::Types<MemoryWorld>;

}  // namespace

namespace conformance {
INSTANTIATE_TYPED_TEST_SUITE_P(Memory, StoreSuite, MemoryStores);
}  // namespace conformance

namespace {

class MemoryStoreHistory : public conformance::StoreSuite<MemoryWorld> {};

TEST_F(MemoryStoreHistory, RefusesToWatchFromWhatItForgot) {
    for (std::size_t i = 0; i < state::MemoryStore::kMaxHistory + 5; ++i) {
        ASSERT_TRUE(put("k", "v").has_value());
    }
    const auto old = run(store().watch("k", {5}, deadline()));
    ASSERT_FALSE(old.has_value());
    EXPECT_EQ(old.error().code(), Errc::kNotFound);
    EXPECT_TRUE(run(store().watch("k", {6}, deadline())).has_value());
}

}  // namespace
}  // namespace muster

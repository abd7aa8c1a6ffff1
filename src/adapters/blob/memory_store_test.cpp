// The conformance suite over the store that tests use, and over the decorators around it.

#include "backup/testing/memory_store.h"
#include "adapters/blob/blob_test_support.h"
#include "adapters/blob/limited_store.h"
#include "adapters/blob/retrying_store.h"
#include "backup/testing/faulty_store.h"
#include "conformance/blob_store_suite.h"

namespace muster::conformance {
namespace {

using backup::testing::Fault;
using backup::testing::FaultyStore;
using backup::testing::MemoryStore;

struct MemoryWorld {
    MemoryStore held;
    backup::BlobStore& store() { return held; }
    static std::size_t big() { return 3'000'000; }
};

// Every second call fails, in turn in each way that a retry mends: nobody notices.
struct FaultyWorld {
    FaultyWorld() {
        auto faulty = std::make_unique<FaultyStore>(memory);
        faulty->fail_every(
            2, {Fault::kUnavailable, Fault::kTimedOut, Fault::kLostReply, Fault::kShortRead});
        held = std::make_unique<adapters::RetryingStore>(std::move(faulty), host,
                                                         adapters::RetryPolicy{});
    }
    test::PausingHost host;
    MemoryStore memory;
    std::unique_ptr<backup::BlobStore> held;
    backup::BlobStore& store() { return *held; }
    static std::size_t big() { return 3'000'000; }
};

struct LimitedWorld {
    test::PausingHost host;
    adapters::LimitedStore held{std::make_unique<MemoryStore>(), host, {100, 100}};
    backup::BlobStore& store() { return held; }
    static std::size_t big() { return 3'000'000; }
};

}  // namespace

INSTANTIATE_TYPED_TEST_SUITE_P(Memory, BlobStoreSuite, MemoryWorld);
INSTANTIATE_TYPED_TEST_SUITE_P(RetryingFaulty, BlobStoreSuite, FaultyWorld);
INSTANTIATE_TYPED_TEST_SUITE_P(Limited, BlobStoreSuite, LimitedWorld);

}  // namespace muster::conformance

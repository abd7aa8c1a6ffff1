#include "adapters/blob/retrying_store.h"

#include <memory>

#include "adapters/blob/blob_test_support.h"
#include "adapters/blob/limited_store.h"
#include "backup/testing/faulty_store.h"
#include "backup/testing/memory_store.h"

namespace muster::adapters {
namespace {

using namespace std::chrono_literals;
using backup::FileKind;
using backup::StoredName;
using backup::testing::Fault;
using backup::testing::FaultyStore;
using backup::testing::MemoryStore;

constexpr std::array kAllFaults = {Fault::kUnavailable,   Fault::kTimedOut,    Fault::kDenied,
                                   Fault::kLostReply,     Fault::kLostRequest, Fault::kShortRead,
                                   Fault::kTruncatedList, Fault::kFlippedBit};

bool is_passing(Fault fault) {
    return fault == Fault::kUnavailable || fault == Fault::kTimedOut ||
           fault == Fault::kLostReply || fault == Fault::kLostRequest || fault == Fault::kShortRead;
}

// Memory, faults over it, retries over them.
struct Tower {
    explicit Tower(RetryPolicy policy = {}) {
        auto faulty = std::make_unique<FaultyStore>(memory);
        faults = faulty.get();
        store = std::make_unique<RetryingStore>(
            std::move(faulty), host, policy,
            [this](const std::string& what, const Error&, Duration) { notes.push_back(what); });
    }
    test::PausingHost host;
    MemoryStore memory;
    FaultyStore* faults = nullptr;
    std::vector<std::string> notes;
    std::unique_ptr<RetryingStore> store;
};

const StoredName kPack{FileKind::kPack, std::string(64, 'a')};
const StoredName kOther{FileKind::kPack, std::string(64, 'b')};

// Everything a store can be asked, in an order that leaves one pack and the config; the first
// error.
Result<> use(backup::BlobStore& store) {
    TRY_OK(store.create());
    TRY_OK(store.write({}, backup::bytes_of("config")));
    TRY_OK(store.write(kPack, backup::bytes_of("content")));
    TRY_OK(store.write(kOther, backup::bytes_of("other")));
    TRY(const auto size, store.size(kPack));
    EXPECT_EQ(size, 7U);
    std::vector<std::uint8_t> part(4);
    TRY_OK(store.read(kPack, 3, part));
    EXPECT_EQ(backup::text_of(part), "tent");
    TRY(const auto loaded, store.load(kPack));
    EXPECT_EQ(loaded.text(), "content");
    TRY_OK(store.remove(kOther));
    TRY(const auto listed, store.list(FileKind::kPack));
    EXPECT_EQ(listed, (std::vector<backup::Listed>{{kPack.name, 7}}));
    return {};
}

TEST(RetryingStore, ComesThroughEveryPassingFaultAtEveryCall) {
    Tower sound;
    ASSERT_TRUE(use(*sound.store).has_value());
    const auto calls = sound.faults->calls();
    ASSERT_EQ(calls, 9U);
    for (const auto fault : kAllFaults) {
        for (std::uint64_t at = 0; is_passing(fault) && at < calls; ++at) {
            for (const std::uint64_t times : {1, 3}) {
                Tower tower;
                tower.faults->fail(fault, at, times);
                const auto done = use(*tower.store);
                EXPECT_TRUE(done.has_value())
                    << "fault " << static_cast<int>(fault) << " at " << at << ", " << times
                    << " times: " << done.error().message();
                EXPECT_EQ(tower.memory.files().size(), 2U);
            }
        }
    }
}

TEST(RetryingStore, PassesAPermanentFaultAtEveryCallOnAtOnce) {
    for (std::uint64_t at = 0; at < 9; ++at) {
        Tower tower;
        tower.faults->fail(Fault::kDenied, at);
        const auto done = use(*tower.store);
        ASSERT_FALSE(done.has_value()) << at;
        EXPECT_EQ(done.error().code(), Errc::kDenied);
        EXPECT_TRUE(tower.host.pauses().empty());
    }
}

TEST(RetryingStore, GivesUpHonestlyAtEveryCall) {
    const std::vector<std::pair<Fault, Errc>> cases = {{Fault::kUnavailable, Errc::kUnavailable},
                                                       {Fault::kTimedOut, Errc::kTimedOut}};
    for (const auto& [fault, code] : cases) {
        for (std::uint64_t at = 0; at < 9; ++at) {
            Tower tower;
            tower.faults->fail(fault, at, 1'000'000);
            const auto done = use(*tower.store);
            ASSERT_FALSE(done.has_value()) << at;
            EXPECT_EQ(done.error().code(), code) << at;
        }
    }
}

TEST(RetryingStore, SaysThatTheOutcomeIsUnknownWhenAnyAttemptMayHaveDoneIt) {
    for (const auto fault : {Fault::kLostReply, Fault::kLostRequest}) {
        Tower tower({.attempts = 3});
        tower.faults->fail(fault, 0, 3);
        const auto done = tower.store->write(kPack, backup::bytes_of("content"));
        ASSERT_FALSE(done.has_value());
        EXPECT_EQ(done.error().code(), Errc::kOutcomeUnknown);
        EXPECT_EQ(tower.memory.files().contains(kPack), fault == Fault::kLostReply);
    }
}

TEST(RetryingStore, RemembersAnUnknownOutcomeWhenTheLastAttemptWasNone) {
    // The first attempt may have done it, the store is unavailable from then on.
    class Worse final : public backup::BlobStore {
      public:
        Result<> create() override { return {}; }
        Result<std::vector<backup::Listed>> list(FileKind) override {
            return std::vector<backup::Listed>{};
        }
        Result<std::uint64_t> size(const StoredName&) override { return std::uint64_t{0}; }
        Result<> read(const StoredName&, std::uint64_t, backup::ByteSpan) override { return {}; }
        Result<backup::Buffer> load(const StoredName&) override { return backup::Buffer(); }
        Result<> write(const StoredName&, backup::ByteView) override {
            return Error{calls_++ == 0 ? Errc::kOutcomeUnknown : Errc::kUnavailable, "no"};
        }
        Result<> remove(const StoredName&) override { return {}; }
        [[nodiscard]] backup::StoreTraits traits() const override { return {}; }

      private:
        int calls_ = 0;
    };
    test::PausingHost host;
    RetryingStore store(std::make_unique<Worse>(), host, {});
    const auto done = store.write(kPack, backup::bytes_of("content"));
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code(), Errc::kOutcomeUnknown);
}

TEST(RetryingStore, TakesSomebodyElsesConfigForAConflict) {
    Tower tower;
    ASSERT_TRUE(tower.memory.write({}, backup::bytes_of("theirs")).has_value());
    for (const auto fault : {Fault::kLostRequest, Fault::kUnavailable}) {
        tower.faults->fail(fault, 0);
        const auto done = tower.store->write({}, backup::bytes_of("ours"));
        ASSERT_FALSE(done.has_value());
        EXPECT_EQ(done.error().code(), Errc::kConflict);
    }
    tower.faults->fail(Fault::kUnavailable, 0, 0);
    const auto same = tower.store->write({}, backup::bytes_of("theirs"));
    ASSERT_FALSE(same.has_value()) << "nothing of ours can have been lost";
}

TEST(RetryingStore, FindsNothingToRemoveOnlyWhenItDidNotRemoveItItself) {
    Tower tower;
    tower.faults->fail(Fault::kUnavailable, 0);
    const auto done = tower.store->remove(kPack);
    ASSERT_FALSE(done.has_value());
    EXPECT_EQ(done.error().code(), Errc::kNotFound);
}

TEST(RetryingStore, PausesLongerAndLongerUpToItsLimit) {
    Tower tower({.first = 1s, .factor = 2, .longest = 8s, .limit = 60s, .attempts = 100});
    tower.faults->fail(Fault::kUnavailable, 0, 1'000'000);
    ASSERT_FALSE(tower.store->list(FileKind::kPack).has_value());
    const auto pauses = tower.host.pauses();
    ASSERT_GE(pauses.size(), 6U);
    Duration sum{};
    for (std::size_t i = 0; i < pauses.size(); ++i) {
        const Duration middle = std::min<Duration>(8s, 1s * (1LL << std::min<std::size_t>(i, 9)));
        EXPECT_GE(pauses[i], middle * 3 / 4) << i;
        EXPECT_LE(pauses[i], middle * 5 / 4) << i;
        sum += pauses[i];
    }
    EXPECT_LE(sum, 60s);
    EXPECT_GE(sum, 45s);
    EXPECT_EQ(tower.notes.size(), pauses.size());
    EXPECT_EQ(tower.notes.front(), "list data");
}

TEST(RetryingStore, EndsSoonWhenToldToStop) {
    Tower tower;
    tower.host.stop_at_pause(2);
    tower.faults->fail(Fault::kUnavailable, 0, 1'000'000);
    ASSERT_FALSE(tower.store->list(FileKind::kPack).has_value());
    EXPECT_EQ(tower.faults->calls(), 2U);
}

TEST(FaultyStore, LiesWhenToldTo) {
    MemoryStore memory;
    FaultyStore faulty(memory);
    ASSERT_TRUE(faulty.write(kPack, backup::bytes_of("content")).has_value());
    faulty.fail(Fault::kTruncatedList, 0);
    EXPECT_TRUE(faulty.list(FileKind::kPack)->empty());
    EXPECT_EQ(faulty.list(FileKind::kPack)->size(), 1U);
    faulty.fail(Fault::kFlippedBit, 0);
    EXPECT_EQ(faulty.load(kPack)->text(), "conuent");
}

TEST(LimitedStore, LetsSoManyBytesPassInASecond) {
    test::PausingHost host;
    LimitedStore store(std::make_unique<MemoryStore>(), host, {10, 100});
    const std::string content(10 * 1024, 'x');
    const auto began = host.now();
    for (int i = 0; i < 5; ++i) {
        ASSERT_TRUE(store.write(kPack, backup::bytes_of(content)).has_value());
    }
    EXPECT_EQ(host.now() - began, 4s) << "the fifth began when four had passed";
    const auto loads = host.now();
    for (int i = 0; i < 11; ++i) {
        ASSERT_TRUE(store.load(kPack).has_value());
    }
    EXPECT_EQ(host.now() - loads, 1s);
    std::vector<std::uint8_t> into(1024);
    ASSERT_TRUE(store.read(kPack, 0, into).has_value());
    EXPECT_EQ(host.now() - loads, 1100ms);
}

TEST(LimitedStore, HasNoLimitWithoutOne) {
    test::PausingHost host;
    LimitedStore store(std::make_unique<MemoryStore>(), host, {0, 0});
    ASSERT_TRUE(store.write(kPack, backup::bytes_of(std::string(1'000'000, 'x'))).has_value());
    ASSERT_TRUE(store.load(kPack).has_value());
    EXPECT_TRUE(host.pauses().empty());
}

}  // namespace
}  // namespace muster::adapters

#include "state/watched_store.h"

#include <gtest/gtest.h>

#include <span>
#include <vector>

#include "../../tests/conformance/store_suite.h"
#include "state/memory_store.h"
#include "state/virtual_world_test_support.h"

namespace muster {
namespace {

class NamesOnly final : public Log {
  public:
    void write(Level /*level*/, std::string_view name,
               std::span<const LogField> /*fields*/) override {
        names.emplace_back(name);
    }
    std::vector<std::string> names;
};

class WatchedWorld : public test::VirtualWorld {
  public:
    state::Store& store() { return store_; }

  private:
    NullLog log_;
    state::MemoryStore inner_{loop_.get_executor(), clock_};
    state::WatchedStore store_{inner_, log_};
};

using WatchedStores = testing::Types<WatchedWorld>;

}  // namespace

namespace conformance {
INSTANTIATE_TYPED_TEST_SUITE_P(Watched, StoreSuite, WatchedStores);
}  // namespace conformance

namespace {

// Answers each commit with what it was told to.
class Told final : public state::Store {
  public:
    std::optional<Error> answer;

    Task<state::Revision> commit(state::Transaction /*transaction*/,
                                 Instant /*deadline*/) override {
        co_return answer ? Result<state::Revision>(*answer) : state::Revision{1};
    }
    Task<std::optional<state::KeyValue>> get(std::string /*key*/, Instant /*at*/) override {
        co_return std::nullopt;
    }
    Task<std::vector<state::KeyValue>> list(Range /*range*/, Instant /*at*/) override {
        co_return std::vector<state::KeyValue>{};
    }
    Task<state::LeaseId> grant(Duration /*ttl*/, Instant /*at*/) override {
        co_return state::LeaseId{1};
    }
    Task<> renew(state::LeaseId /*lease*/, Instant /*at*/) override { co_return Result<>{}; }
    Task<> revoke(state::LeaseId /*lease*/, Instant /*at*/) override { co_return Result<>{}; }
    Task<state::Changes> watch(std::string /*prefix*/, state::Revision from,
                               Instant /*at*/) override {
        co_return state::Changes{{}, from};
    }
    Task<state::Revision> revision(Instant /*at*/) override { co_return state::Revision{1}; }
};

class WatchedStoreTest : public conformance::StoreSuite<WatchedWorld> {
  protected:
    void commit_to(std::optional<Error> answer) {
        told_.answer = std::move(answer);
        const auto done = run(watched_.commit({{}, {}}, deadline()));
        EXPECT_EQ(done.has_value(), !told_.answer.has_value());
    }

    Told told_;
    NamesOnly log_;
    state::WatchedStore watched_{told_, log_};
};

TEST_F(WatchedStoreTest, RemembersWhyTheNewestWriteFailedAndTellsTheChangesOnce) {
    EXPECT_FALSE(watched_.problem());
    commit_to(Error{Errc::kUnavailable, "the disk is full", "make room"});
    commit_to(Error{Errc::kUnavailable, "the disk is full", "make room"});
    EXPECT_EQ(watched_.problem(), "the disk is full; make room");
    commit_to(std::nullopt);
    commit_to(std::nullopt);
    EXPECT_FALSE(watched_.problem());
    EXPECT_EQ(log_.names, (std::vector<std::string>{"store.failing", "store.mended"}));
}

TEST_F(WatchedStoreTest, TakesAComparisonThatDoesNotHoldForASignOfLife) {
    commit_to(Error{Errc::kOutcomeUnknown, "no answer"});
    commit_to(Error{Errc::kCancelled, "stopped"});
    EXPECT_EQ(watched_.problem(), "no answer");
    commit_to(Error{Errc::kConflict, "another revision"});
    EXPECT_FALSE(watched_.problem());
}

}  // namespace
}  // namespace muster

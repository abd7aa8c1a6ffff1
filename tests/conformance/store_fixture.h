#pragma once

#include <gtest/gtest.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "state/store.h"

namespace muster::conformance {

/// The suite that every store passes. A `World` is default-constructible and has
///   state::Store& store();            the store under test, empty at first
///   Clock& clock();                   the clock it was given
///   boost::asio::io_context& loop();  where its coroutines run
///   bool step();                      runs something; false when nothing is left to run
///   void advance(Duration);           lets time pass
///   bool reopen();                    closes and opens it again; false: it forgets, by design
template <class World>
class StoreSuite : public testing::Test {
  protected:
    static constexpr Duration kPatience = std::chrono::seconds(10);

    template <class T>
    struct Pending {
        std::shared_ptr<std::optional<Result<T>>> result =
            std::make_shared<std::optional<Result<T>>>();
        [[nodiscard]] bool is_done() const { return result->has_value(); }
    };

    template <class T>
    Pending<T> begin(Task<T> task) {
        Pending<T> pending;
        boost::asio::co_spawn(
            world_.loop(), std::move(task),
            [result = pending.result](const std::exception_ptr& failure, Result<T> value) {
                ASSERT_FALSE(failure);
                result->emplace(std::move(value));
            });
        return pending;
    }
    template <class T>
    Result<T> finish(Pending<T> pending) {
        while (!pending.is_done() && world_.step()) {
        }
        if (!pending.is_done()) {
            return Error{Errc::kUnavailable, "the call never ended"};
        }
        return std::move(**pending.result);
    }
    template <class T>
    Result<T> run(Task<T> task) {
        return finish(begin(std::move(task)));
    }

    state::Store& store() { return world_.store(); }
    Instant deadline() { return world_.clock().now() + kPatience; }
    Result<state::Revision> commit(state::Transaction transaction) {
        return run(store().commit(std::move(transaction), deadline()));
    }
    Result<state::Revision> put(std::string key, std::string value, state::LeaseId lease = {}) {
        return commit({{}, {state::Op::put(std::move(key), std::move(value), lease)}});
    }
    std::optional<state::KeyValue> get(std::string key) {
        auto found = run(store().get(std::move(key), deadline()));
        EXPECT_TRUE(found.has_value());
        return found ? *found : std::nullopt;
    }
    std::vector<std::string> keys(state::Store::Range range) {
        std::vector<std::string> out;
        const auto found = run(store().list(std::move(range), deadline()));
        EXPECT_TRUE(found.has_value());
        for (const auto& entry : found.value_or(std::vector<state::KeyValue>{})) {
            out.push_back(entry.key);
        }
        return out;
    }
    state::LeaseId grant(Duration ttl) {
        const auto lease = run(store().grant(ttl, deadline()));
        EXPECT_TRUE(lease.has_value());
        return lease.value_or(state::LeaseId{});
    }

    World world_;
};

TYPED_TEST_SUITE_P(StoreSuite);

}  // namespace muster::conformance

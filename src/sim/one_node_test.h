#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "sim/scenario.h"
#include "sim/sim_node.h"
#include "state/passing_store_test_support.h"

namespace muster::sim {

/// A store that refuses what it is told to.
class BadStore final : public state::PassingStore {
  public:
    using PassingStore::PassingStore;

    /// Which commits do not go through; empty: all do.
    std::function<bool(const state::Transaction&)> is_refused;

    Task<state::Revision> commit(state::Transaction transaction, Instant deadline) override {
        if (is_refused && is_refused(transaction)) {
            co_return Error{Errc::kUnavailable, "the store is down"};
        }
        co_return co_await PassingStore::commit(std::move(transaction), deadline);
    }
};

/// One node at the arbiter over a healthy pair, with clients that write.
class OneNode : public testing::Test {
  protected:
    explicit OneNode(plan::Plan plan = scenario_plan({})) {
        trace_.keep_text();
        tasks_.spawn(node_.run(std::move(plan)));
        tasks_.spawn(serve_clients());
    }
    ~OneNode() override {
        TaskGroup closing(loop_.get_executor());
        closing.spawn(node_.kill());
        closing.spawn(tasks_.stop());
        while (closing.size() > 0 && clock_.step()) {
        }
    }
    Task<> serve_clients() {
        while (true) {
            CO_TRY_OK(co_await clock_.sleep_for(std::chrono::milliseconds(500)));
            world_.write();
            world_.replicate();
        }
    }
    [[nodiscard]] long said(const std::string& event) {
        return std::ranges::count_if(
            trace_.text(), [&event](const auto& line) { return line.contains(" " + event + " "); });
    }
    void live(Duration length) {
        const auto end = clock_.now() + length;
        while (clock_.now() < end && clock_.step()) {
            world_.check();
        }
    }
    [[nodiscard]] std::string condition() { return node_.agent().status().services[0].condition; }
    [[nodiscard]] SiteId primary() { return node_.agent().status().services[0].primary; }

    boost::asio::io_context loop_{1};
    VirtualClock clock_{loop_};
    SeededRandom random_{7};
    Trace trace_{clock_};
    SiteWorld world_{clock_, random_, trace_};
    state::MemoryStore memory_{loop_.get_executor(), clock_};
    BadStore store_{memory_};
    SimNames names_;
    SimNode node_{loop_.get_executor(), world_, store_, names_,
                  SimNode::Place{SiteId("arbiter"), {SiteId("arbiter")}, false}};
    TaskGroup tasks_{loop_.get_executor()};
};

}  // namespace muster::sim

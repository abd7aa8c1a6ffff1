#include "sim/node_ports.h"

#include <algorithm>

namespace muster::sim {

namespace {

Error gone() {
    return {Errc::kCancelled, "the node has died"};
}

}  // namespace

Task<> NodeClock::sleep_until(Instant when) {
    CO_TRY_OK(co_await clock_.sleep_until(when));
    while (life_.paused_until > clock_.now()) {
        CO_TRY_OK(co_await clock_.sleep_until(life_.paused_until));
    }
    if (life_.is_dead) {
        co_return gone();
    }
    co_return Result<>{};
}

Task<> Path::live() {
    while (life_.paused_until > world_.clock().now()) {
        CO_TRY_OK(co_await world_.clock().sleep_until(life_.paused_until));
    }
    if (life_.is_dead) {
        co_return gone();
    }
    co_return Result<>{};
}

Task<> Path::pass(Link link, Instant deadline) {
    CO_TRY_OK(co_await live());
    const bool is_lost = link.is_cut || world_.random().unit() < link.loss;
    const auto arrives = world_.clock().now() + world_.random().jitter(link.delay, 0.5);
    CO_TRY_OK(
        co_await world_.clock().sleep_until(is_lost ? deadline : std::min(arrives, deadline)));
    CO_TRY_OK(co_await live());
    if (is_lost || arrives > deadline) {
        co_return Error{Errc::kTimedOut, "no answer"};
    }
    co_return Result<>{};
}

Task<> Path::travel(SiteId site, Instant deadline) {
    auto link = world_.link(life_.site, site);
    link.is_cut |= world_.link(site, life_.site).is_cut;
    return pass(link, deadline);
}

Task<> Path::manage(SiteId site, Instant deadline) {
    return pass(world_.management(site), deadline);
}

Task<> StoreLink::there(Instant deadline) {
    CO_TRY_OK(co_await path_.live());
    if (!is_shared_) {
        co_return Result<>{};
    }
    static const std::array kSites{SiteId("east"), SiteId("west"), SiteId("arbiter")};
    const auto& own = path_.life().site;
    const bool has_quorum = std::ranges::any_of(kSites, [&](const SiteId& other) {
        auto& world = path_.world();
        return other != own && !world.link(own, other).is_cut && !world.link(other, own).is_cut;
    });
    auto& clock = path_.world().clock();
    CO_TRY_OK(co_await clock.sleep_until(has_quorum ? clock.now() + std::chrono::milliseconds(2)
                                                    : deadline));
    CO_TRY_OK(co_await path_.live());
    if (!has_quorum) {
        co_return Error{Errc::kTimedOut, "the store can't be reached"};
    }
    co_return Result<>{};
}

Task<std::optional<state::KeyValue>> StoreLink::get(std::string key, Instant deadline) {
    CO_TRY_OK(co_await there(deadline));
    co_return co_await store_.get(std::move(key), deadline);
}

Task<std::vector<state::KeyValue>> StoreLink::list(Range range, Instant deadline) {
    CO_TRY_OK(co_await there(deadline));
    co_return co_await store_.list(std::move(range), deadline);
}

// Over the network an acknowledgement can be lost after the commit has happened.
Task<state::Revision> StoreLink::commit(state::Transaction transaction, Instant deadline) {
    CO_TRY_OK(co_await there(deadline));
    auto committed = co_await store_.commit(std::move(transaction), deadline);
    if (committed && is_shared_ && path_.world().random().unit() < 0.002) {
        co_return Error{Errc::kOutcomeUnknown, "the acknowledgement was lost"};
    }
    CO_TRY_OK(co_await path_.live());
    co_return committed;
}

Task<state::LeaseId> StoreLink::grant(Duration ttl, Instant deadline) {
    CO_TRY_OK(co_await there(deadline));
    co_return co_await store_.grant(ttl, deadline);
}

Task<> StoreLink::renew(state::LeaseId lease, Instant deadline) {
    CO_TRY_OK(co_await there(deadline));
    co_return co_await store_.renew(lease, deadline);
}

Task<> StoreLink::revoke(state::LeaseId lease, Instant deadline) {
    CO_TRY_OK(co_await there(deadline));
    co_return co_await store_.revoke(lease, deadline);
}

Task<state::Changes> StoreLink::watch(std::string prefix, state::Revision from, Instant deadline) {
    CO_TRY_OK(co_await there(deadline));
    auto seen = co_await store_.watch(std::move(prefix), from, deadline);
    CO_TRY_OK(co_await there(deadline + std::chrono::seconds(1)));
    co_return seen;
}

Task<state::Revision> StoreLink::revision(Instant deadline) {
    CO_TRY_OK(co_await there(deadline));
    co_return co_await store_.revision(deadline);
}

Task<steer::Actual> SteererLink::current(steer::Record record, Instant /*deadline*/) {
    CO_TRY_OK(co_await path_.live());
    const auto found = names_.records.find(record.name);
    if (found == names_.records.end()) {
        co_return Error{Errc::kNotFound, record.name + " is not steered yet"};
    }
    co_return steer::Actual{found->second.answers, record.ttl, found->second.epoch, 0};
}

Task<> SteererLink::apply(steer::Wanted wanted, Instant /*deadline*/) {
    CO_TRY_OK(co_await path_.live());
    auto& known = names_.records[wanted.record.name];
    if (wanted.answers.empty()) {
        path_.world().trace().violate("an empty answer for " + wanted.record.name);
        co_return Error{Errc::kInvalid, "an empty answer"};
    }
    if (wanted.epoch < known.epoch) {
        co_return Error{Errc::kConflict, "a newer epoch steers " + wanted.record.name};
    }
    known = std::move(wanted);
    co_return Result<>{};
}

Task<workflow::CommandResult> NoCommands::run(workflow::Command command, Instant /*deadline*/) {
    co_return Error{Errc::kNotFound,
                    "there is no program " + (command.argv.empty() ? "" : command.argv.front())};
}

}  // namespace muster::sim

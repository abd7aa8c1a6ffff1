#include "sim/sim_control.h"

#include <algorithm>
#include <boost/asio/cancellation_state.hpp>
#include <boost/asio/this_coro.hpp>

namespace muster::sim {

using postgres::Process;
using postgres::Role;
using postgres::Server;
using postgres::ServerState;

// A host that does not answer is given up long before a step's own deadline, as ssh does.
Task<> SimControl::at_host(SiteId site, Instant deadline) {
    const auto patience = path_.world().clock().now() + std::chrono::seconds(10);
    const auto reached = co_await path_.manage(site, std::min(deadline, patience));
    if (!reached && reached.error().code() == Errc::kTimedOut) {
        co_return Error{Errc::kUnavailable, "the host at " + site.str() + " can't be asked"};
    }
    co_return reached;
}

Task<> SimControl::work(Duration duration) {
    auto& world = path_.world();
    CO_TRY_OK(co_await world.clock().sleep_for(world.random().jitter(duration, 0.8)));
    co_return co_await path_.live();
}

// The epoch is left at the resource itself; whoever comes with a lower one is refused.
Task<> SimControl::claim(SiteId site, Epoch epoch) {
    auto& server = path_.world().server(site);
    if (epoch < server.epoch) {
        co_return Error{Errc::kConflict,
                        site.str() + " has seen epoch " + std::to_string(server.epoch.value)};
    }
    server.epoch = epoch;
    co_return Result<>{};
}

ServerState SimControl::state_of(const SiteId& site) {
    const auto& server = path_.world().server(site);
    ServerState state;
    state.process = Process::kStopped;
    if (server.is_host_up && server.is_running) {
        state.process = server.is_frozen ? Process::kFrozen : Process::kRunning;
    }
    state.accepts_connections = server.answers();
    state.role = server.answers() ? server.role : Role::kUnknown;
    state.is_writable = server.is_writable();
    state.timeline = server.timeline;
    state.position = {server.position};
    state.received = {server.position};
    state.is_streaming = server.answers() && server.role == Role::kStandby &&
                         path_.world().clock().now() - server.heard_at < std::chrono::seconds(10);
    state.version = 15;
    state.system_identifier = "7";
    return state;
}

// By SQL where the server answers; else its host is asked, which must be up for that.
Task<postgres::Marks> SimControl::read_marks(Server server, Instant deadline) {
    const auto site = server.site;
    auto& world = path_.world();
    const auto patience = std::min(deadline, world.clock().now() + std::chrono::milliseconds(500));
    const auto reached = co_await path_.travel(site, patience);
    if (!reached && reached.error().code() == Errc::kCancelled) {
        co_return reached.error();
    }
    postgres::Marks marks;
    const auto& looked_at = world.server(site);
    if (reached && looked_at.answers()) {
        marks.state = state_of(site);
        marks.canary = looked_at.canary;
        co_return marks;
    }
    CO_TRY_OK(co_await at_host(site, deadline));
    if (!looked_at.is_host_up) {
        co_return Error{Errc::kUnavailable, "the host at " + site.str() + " is off"};
    }
    marks.state = state_of(site);
    marks.state.accepts_connections = false;
    marks.state.is_writable = false;
    marks.has_signal = looked_at.has_standby_signal;
    marks.on_disk = looked_at.epoch;
    co_return marks;
}

Task<ServerState> SimControl::inspect(Server server, Instant deadline) {
    CO_TRY_OK(co_await at_host(server.site, deadline));
    co_return state_of(server.site);
}

// A fast stop hands its last records to the standby before it ends; an immediate one does not.
Task<ServerState> SimControl::fence(Server server, Epoch epoch, postgres::StopMode mode,
                                    Instant deadline) {
    const auto site = server.site;
    CO_TRY_OK(co_await at_host(site, deadline));
    CO_TRY_OK(co_await claim(site, epoch));
    auto& fenced = path_.world().server(site);
    if (fenced.is_host_up) {
        fenced.has_standby_signal = true;
    }
    CO_TRY_OK(co_await work(std::chrono::milliseconds(80)));
    if (fenced.is_host_up) {
        if (mode == postgres::StopMode::kFast) {
            path_.world().replicate();
        }
        fenced.is_running = false;
        fenced.is_frozen = false;
        path_.world().refusals += fenced.is_intruder ? 1 : 0;
        fenced.is_intruder = false;
    } else {
        fenced.is_locked_off = true;
    }
    path_.world().trace().add("fenced " + site.str());
    CO_TRY_OK(co_await at_host(site, deadline));
    auto state = state_of(site);
    state.role = Role::kUnknown;
    co_return state;
}

Task<ServerState> SimControl::promote(Server server, Epoch epoch, Instant deadline) {
    const auto site = server.site;
    CO_TRY_OK(co_await path_.travel(site, deadline));
    auto& promoted = path_.world().server(site);
    if (!promoted.answers()) {
        co_return Error{Errc::kUnavailable, site.str() + " does not answer"};
    }
    CO_TRY_OK(co_await claim(site, epoch));
    if (promoted.role == Role::kStandby) {
        path_.world().check_promotion(site, epoch);
        promoted.role = Role::kPrimary;
        promoted.has_standby_signal = false;
        if (server.is_sync_managed) {
            promoted.sync_setting.clear();
        }
        promoted.timeline += 1;
        promoted.fork = promoted.position;
        promoted.canary = epoch;
        path_.world().trace().add("promoted " + site.str());
        path_.world().check();
    }
    CO_TRY_OK(co_await work(std::chrono::milliseconds(25)));
    co_return state_of(site);
}

Task<ServerState> SimControl::demote(Server server, Epoch epoch, Instant deadline) {
    return fence(std::move(server), epoch, postgres::StopMode::kFast, deadline);
}

Task<> SimControl::await_position(Server standby, postgres::Lsn position, Instant deadline) {
    auto& clock = path_.world().clock();
    while (path_.world().server(standby.site).position < position.value) {
        if (clock.now() >= deadline) {
            co_return Error{Errc::kTimedOut, standby.site.str() + " has not received everything"};
        }
        CO_TRY_OK(co_await work(std::chrono::milliseconds(50)));
    }
    co_return co_await path_.live();
}

Task<postgres::Divergence> SimControl::keep_divergence(Server old_primary, Server new_primary,
                                                       std::string keep_in, Instant deadline) {
    CO_TRY_OK(co_await at_host(old_primary.site, deadline));
    auto& old = path_.world().server(old_primary.site);
    const auto& now = path_.world().server(new_primary.site);
    postgres::Divergence divergence;
    const auto fork = old.timeline < now.timeline ? now.fork : now.position;
    divergence.from = {fork};
    divergence.to = {old.position};
    if (old.position > fork) {
        divergence.bytes = old.position - fork;
        divergence.transactions = divergence.bytes;
        divergence.artefact = keep_in;
    }
    old.is_divergence_kept = true;
    co_return divergence;
}

Task<postgres::Commits> SimControl::commits_after(Server server, postgres::Lsn from,
                                                  Instant deadline) {
    CO_TRY_OK(co_await at_host(server.site, deadline));
    const auto position = path_.world().server(server.site).position;
    const auto count = position - std::min(position, from.value);
    co_return postgres::Commits{count, SiteWorld::kWriteInterval * static_cast<long>(count)};
}

Task<> SimControl::copy() {
    const auto& world = path_.world();
    if (world.is_rebuild_stubborn) {
        co_await boost::asio::this_coro::reset_cancellation_state(
            boost::asio::disable_cancellation());
    }
    co_return co_await work(world.rebuild_takes);
}

Task<ServerState> SimControl::rebuild(Server server, Server primary, Epoch epoch,
                                      Instant deadline) {
    const auto site = server.site;
    CO_TRY_OK(co_await at_host(site, deadline));
    CO_TRY_OK(co_await claim(site, epoch));
    CO_TRY_OK(co_await copy());
    const auto& from = path_.world().server(primary.site);
    auto& made = path_.world().server(site);
    if (!made.is_host_up) {
        co_return Error{Errc::kUnavailable, "the host at " + site.str() + " is off"};
    }
    if (!from.is_writable() || path_.world().link(primary.site, site).is_cut) {
        co_return Error{Errc::kUnavailable, primary.site.str() + " gives no base backup"};
    }
    if (made.is_writable()) {
        if (!made.is_intruder) {
            path_.world().trace().violate("rebuild of a primary that takes writes");
        }
        co_return Error{Errc::kDenied, site.str() + " is a primary"};
    }
    const bool has_diverged = made.position > from.fork && made.timeline < from.timeline;
    if (has_diverged && !made.is_divergence_kept) {
        co_return Error{Errc::kDenied, "what only " + site.str() + " has was not kept"};
    }
    made.is_host_up = true;
    made.is_locked_off = false;
    made.is_running = true;
    made.is_frozen = false;
    made.has_standby_signal = true;
    made.is_divergence_kept = false;
    made.role = Role::kStandby;
    made.timeline = from.timeline;
    made.fork = from.fork;
    made.position = from.position;
    made.canary = from.canary;
    made.heard_at = path_.world().clock().now();
    co_return state_of(site);
}

Task<ServerState> SimControl::follow(Server standby, Server primary, Epoch epoch,
                                     Instant deadline) {
    CO_TRY_OK(co_await path_.travel(standby.site, deadline));
    CO_TRY_OK(co_await claim(standby.site, epoch));
    auto& follower = path_.world().server(standby.site);
    const auto& source = path_.world().server(primary.site);
    if (follower.role != Role::kStandby) {
        co_return Error{Errc::kConflict, standby.site.str() + " is no standby"};
    }
    if (follower.timeline < source.timeline && follower.position > source.fork) {
        co_return Error{Errc::kDenied, standby.site.str() + " has left that history"};
    }
    follower.timeline = source.timeline;
    follower.fork = source.fork;
    co_return state_of(standby.site);
}

Task<> SimControl::start(Server server, Instant deadline) {
    CO_TRY_OK(co_await at_host(server.site, deadline));
    auto& started = path_.world().server(server.site);
    path_.world().start(&started);
    co_return Result<>{};
}

Task<> SimControl::write_canary(Server server, Epoch epoch, Instant deadline) {
    CO_TRY_OK(co_await path_.travel(server.site, deadline));
    auto& written = path_.world().server(server.site);
    if (!written.is_writable()) {
        co_return Error{Errc::kUnavailable, server.site.str() + " takes no writes"};
    }
    ++written.position;
    written.canary = std::max(written.canary, epoch);
    co_return Result<>{};
}

// The setting is in force at once here; what takes time is the standby's way to what was written.
Task<> SimControl::set_sync_standby(Server primary, std::string standby, Instant deadline) {
    CO_TRY_OK(co_await path_.travel(primary.site, deadline));
    auto& server = path_.world().server(primary.site);
    if (!server.is_writable()) {
        co_return Error{Errc::kUnavailable, primary.site.str() + " takes no writes"};
    }
    server.sync_setting = postgres::sync_setting(standby);
    CO_TRY_OK(co_await work(std::chrono::milliseconds(20)));
    const auto position = server.position;
    while (!standby.empty() && !path_.world().has_confirmed(primary.site, standby, position)) {
        if (path_.world().clock().now() >= deadline) {
            co_return Error{Errc::kTimedOut, standby + " has not confirmed everything"};
        }
        CO_TRY_OK(co_await work(std::chrono::milliseconds(50)));
    }
    co_return co_await path_.live();
}

Task<> SimControl::name_standby(Server standby, Instant deadline) {
    return path_.travel(standby.site, deadline);
}

// A link that is back carries at once here.
Task<> SimControl::renew_stream(Server primary, Server standby, Instant deadline) {
    CO_TRY_OK(co_await path_.travel(primary.site, deadline));
    co_return co_await path_.travel(standby.site, deadline);
}

Task<std::vector<std::string>> SimControl::missing_ids(Server server, postgres::IdCheck /*check*/,
                                                       Instant deadline) {
    CO_TRY_OK(co_await path_.travel(server.site, deadline));
    co_return std::vector<std::string>{};
}

}  // namespace muster::sim

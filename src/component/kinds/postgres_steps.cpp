// The steps by which a PostgreSQL component moves: fence or planned stop, promotion, proof of a
// write, what only the old primary has, and its way back as a standby.
//
// A site may have several servers. Which of them is the primary, and which standby has most, is
// only known when the step runs: such steps carry the whole group, and one step chooses.

#include <algorithm>
#include <iterator>

#include "component/kinds/postgres_component.h"
#include "component/make_step.h"
#include "component/parameters.h"

namespace muster::component {

namespace {

/// "fence" for the only server, "fence-west_2" for one of many.
std::string name_for(std::string_view what, const postgres::Server& server, bool is_one_of_many) {
    constexpr std::size_t kPrefix = std::string_view("muster_").size();
    return std::string(what) + (is_one_of_many ? "-" + server.standby_name().substr(kPrefix) : "");
}

PhaseStep verify(const ServerGroup& server) {
    PhaseStep made =
        make_step(Phase::kVerify, "verify", "postgres.verify", std::chrono::seconds(10));
    made.step.with = std::move(Parameters().node("server", to_node(server))).build();
    return made;
}

// The plan's own command may leave no trace on the host: then the host is told as soon as it
// answers, here or by the keeper.
PhaseStep seal(const postgres::Server& old, std::string_view name) {
    PhaseStep made = make_step(Phase::kRelease, name, "postgres.seal", std::chrono::seconds(10));
    made.step.with = std::move(Parameters().node("server", to_node(old))).build();
    return made;
}

PhaseStep choose(Phase phase, const std::vector<postgres::Server>& servers) {
    PhaseStep made = make_step(phase, "choose", "postgres.choose", std::chrono::seconds(10));
    made.step.with =
        std::move(Parameters().node("servers", to_node(ServerGroup{servers, ""}))).build();
    return made;
}

PhaseStep check_ready(const ServerGroup& standby, const ServerGroup& primary) {
    PhaseStep made =
        make_step(Phase::kPrepare, "prepare", "postgres.check_ready", std::chrono::seconds(10));
    made.step.with =
        std::move(Parameters().node("standby", to_node(standby)).node("primary", to_node(primary)))
            .build();
    return made;
}

PhaseStep follow_step(std::string_view name, const postgres::Server& server,
                      const ServerGroup& source, std::string unless = {}) {
    PhaseStep made = make_step(Phase::kRelease, name, "postgres.follow", std::chrono::seconds(30));
    made.step.with = std::move(Parameters()
                                   .node("server", to_node(server))
                                   .node("primary", to_node(source))
                                   .text("unless", std::move(unless)))
                         .build();
    return made;
}

// A cascade keeps its source, unless that is at the site which is left.
ServerGroup source_of(const postgres::Server& server, const std::vector<postgres::Server>& all,
                      const Move& move, const ServerGroup& now) {
    for (const auto& other : all) {
        if (known_as(other) == server.upstream && other.site != move.from) {
            return {{other}, ""};
        }
    }
    return now;
}

bool may_stop_all(const std::vector<postgres::Server>& servers) {
    return std::ranges::all_of(servers, [](const auto& server) { return !server.data.empty(); });
}

}  // namespace

bool has_own_fence(const postgres::Server& server) {
    return !server.data.empty() || !server.fence_command.empty();
}

ServerGroup PostgresComponent::chosen(const Servers& servers, std::string_view by,
                                      std::string_view name) const {
    return {servers, servers.size() > 1 ? output(by, name) : std::string()};
}

PhaseStep PostgresComponent::fence(const postgres::Server& old, const Servers* candidates,
                                   bool is_one_of_many) const {
    const std::string name = name_for("fence", old, is_one_of_many);
    if (!has_own_fence(old)) {
        // Nothing of ours can prove it: a person must, and the run waits for that word.
        PhaseStep ask = make_step(Phase::kFence, name, "approve");
        ask.step.with =
            std::move(Parameters().text("message", "make sure that PostgreSQL of " +
                                                       plan_.id.str() + " at " + old.site.str() +
                                                       " takes no more writes and stays stopped; "
                                                       "approve only when that is certain"))
                .build();
        return ask;
    }
    PhaseStep made = make_step(Phase::kFence, name, "postgres.fence", std::chrono::seconds(15));
    Parameters with;
    with.node("server", to_node(old));
    if (candidates != nullptr && !is_one_of_many) {
        // Of several, the primary is not known beforehand: a person takes it back into service.
        with.node("candidate", to_node(ServerGroup{*candidates, ""}));
    }
    // Filled in when a person started the move and vouched for what can't be asked.
    with.text("mode", "immediate").text("vouched_by", "${parameters.fence_vouched_by:-}");
    if (candidates != nullptr) {
        with.text("look_first", "${parameters.look_first:-}");
    }
    if (is_one_of_many) {
        with.flag("unless_standby", true);
    }
    made.step.with = std::move(with).build();
    return made;
}

PhaseStep PostgresComponent::promote(const ServerGroup& to, std::string proof,
                                     std::string old_positions, const Servers* old) const {
    PhaseStep made =
        make_step(Phase::kPromote, "promote", "postgres.promote", std::chrono::seconds(60));
    Parameters with;
    with.node("server", to_node(to))
        .text("proof", std::move(proof))
        .text("old_position", std::move(old_positions));
    if (old != nullptr) {
        with.node("old", to_node(ServerGroup{*old, ""}))
            .text("loss_limit_ms", "${parameters.loss_limit_ms:-}")
            .text("loss_bound_ms", "${parameters.loss_bound_ms:-}")
            .text("decided", "${parameters.decided:-}");
    }
    made.step.with = std::move(with).build();
    made.step.point_of_no_return = true;
    return made;
}

PhaseStep PostgresComponent::keep(const postgres::Server& old, const ServerGroup& now,
                                  bool tolerates) const {
    const bool is_one_of_many = servers_at(plan_, old.site).size() > 1;
    PhaseStep made = make_step(Phase::kRelease, name_for("keep", old, is_one_of_many),
                               "postgres.keep_divergence", std::chrono::minutes(5));
    Parameters with;
    with.node("old", to_node(old))
        .node("new", to_node(now))
        .text("keep", keep_directory(old, plan_.settings.text("keep")));
    if (is_one_of_many) {
        with.text("fenced", output(name_for("fence", old, true), "process:-"));
    }
    made.step.with = std::move(with.flag("tolerate_unreachable", tolerates)).build();
    return made;
}

PhaseStep PostgresComponent::rebuild(const ServerGroup& servers, const ServerGroup& primary,
                                     std::string_view kept_by) const {
    PhaseStep made =
        make_step(Phase::kRebuild, "rebuild", "postgres.rebuild", std::chrono::hours(6));
    Parameters with;
    with.node("server", to_node(servers))
        .node("primary", to_node(primary))
        .text("kept", output(kept_by, "kept"))
        .text("keep", plan_.settings.text("keep"))
        .text("counted_transactions", output(kept_by, "lost_transactions:-0"))
        .text("counted_bytes", output(kept_by, "lost_bytes:-0"))
        .text("how", plan_.settings.text("rebuild", "auto"));
    made.step.with = std::move(with).build();
    made.step.point_of_no_return = true;
    return made;
}

// Every standby that was not promoted.
std::vector<PhaseStep> PostgresComponent::follow(const Move& move, const ServerGroup& now) const {
    const auto all = all_servers(plan_);
    std::vector<PhaseStep> steps;
    for (const auto& at : plan_.sites) {
        const auto servers = servers_at(plan_, at.site);
        if (servers.size() == 1 && (at.site == move.from || at.site == move.to)) {
            continue;
        }
        for (const auto& server : servers) {
            const auto source = source_of(server, all, move, now);
            const bool may_be_rebuilt =
                move.kind == Move::Kind::kSwitchover && at.site == move.from;
            steps.push_back(follow_step(name_for("follow", server, true), server, source,
                                        may_be_rebuilt ? output("demote", "name") : ""));
        }
    }
    return steps;
}

std::vector<PhaseStep> PostgresComponent::failover(const Move& move, const Servers& from,
                                                   const Servers& to) const {
    const bool are_many = from.size() > 1;
    std::vector<PhaseStep> steps;
    std::string proofs;
    std::string positions;
    for (const auto& old : from) {
        const auto name = name_for("fence", old, are_many);
        steps.push_back(fence(old, &to, are_many));
        proofs += proofs.empty() ? "" : "; ";
        if (has_own_fence(old)) {
            proofs += output(name, "proof");
            positions += (positions.empty() ? "" : " ") + output(name, "position_lsn:-");
        } else {
            proofs += "a person approved step " + plan_.id.str() + "." + name;
        }
    }
    const auto now = chosen(to, "choose");
    auto promotion = promote(now, std::move(proofs), std::move(positions), &from);
    if (to.size() > 1) {
        steps.push_back(choose(Phase::kPromote, to));
        promotion.step.needs.emplace_back("choose");
    }
    steps.push_back(std::move(promotion));
    steps.push_back(verify(now));
    for (const auto& old : from) {
        if (old.data.empty()) {
            continue;
        }
        const auto name = name_for("seal", old, are_many);
        if (!old.fence_command.empty()) {
            steps.push_back(seal(old, name));
        }
        steps.push_back(keep(old, now, true));
        if (!old.fence_command.empty()) {
            steps.back().step.needs.emplace_back(name);
        }
    }
    auto followers = follow(move, now);
    std::ranges::move(followers, std::back_inserter(steps));
    return steps;
}

std::vector<PhaseStep> PostgresComponent::switchover(const Move& move, const Servers& from,
                                                     const Servers& to) const {
    std::vector<PhaseStep> steps;
    const auto now = chosen(to, "choose");
    const auto old = chosen(from, "prepare", "primary");
    PhaseStep ready = check_ready(now, ServerGroup{from, ""});
    if (to.size() > 1) {
        steps.push_back(choose(Phase::kPrepare, to));
        ready.step.needs.emplace_back("choose");
    }
    steps.push_back(std::move(ready));
    if (!may_stop_all(from)) {
        return steps;  // Without its host, a primary can't be stopped without loss.
    }
    PhaseStep demote =
        make_step(Phase::kFence, "demote", "postgres.demote", std::chrono::minutes(1));
    demote.step.with = std::move(Parameters()
                                     .node("server", to_node(old))
                                     .node("candidate", to_node(ServerGroup{to, ""})))
                           .build();
    steps.push_back(std::move(demote));
    PhaseStep await =
        make_step(Phase::kPromote, "await", "postgres.await", std::chrono::minutes(1));
    await.step.with = std::move(Parameters()
                                    .node("standby", to_node(now))
                                    .text("position", output("demote", "position_lsn")))
                          .build();
    steps.push_back(std::move(await));
    steps.push_back(
        promote(now, output("demote", "proof"), output("demote", "position_lsn:-"), nullptr));
    steps.back().step.needs.emplace_back("await");
    steps.push_back(verify(now));
    steps.push_back(rebuild(old, now, "await"));
    auto followers = follow(move, now);
    std::ranges::move(followers, std::back_inserter(steps));
    return steps;
}

std::vector<PhaseStep> PostgresComponent::rejoin(const Servers& primary,
                                                 const Servers& servers) const {
    if (!may_stop_all(servers)) {
        return {};
    }
    const ServerGroup source{primary, ""};
    const bool are_many = servers.size() > 1;
    std::vector<PhaseStep> steps;
    for (const auto& server : servers) {
        const auto named = [&](std::string_view what) { return name_for(what, server, are_many); };
        postgres::Server here = server;
        here.fence_command.clear();  // It must not switch off the host that is worked on.
        steps.push_back(fence(here, nullptr, are_many));
        steps.push_back(keep(server, source, false));
        PhaseStep made = rebuild({{server}, ""}, source, named("keep"));
        made.step.id = StepId(named("rebuild"));
        steps.push_back(std::move(made));
        PhaseStep ready = check_ready({{server}, ""}, source);
        ready.phase = Phase::kRebuild;
        ready.step.id = StepId(named("ready"));
        ready.step.needs.emplace_back(named("rebuild"));
        steps.push_back(std::move(ready));
        for (const auto& other : all_servers(plan_)) {
            if (known_as(other) == server.upstream) {
                auto back = follow_step(named("follow"), server, {{other}, ""});
                back.phase = Phase::kRebuild;
                back.step.needs.emplace_back(named("ready"));
                steps.push_back(std::move(back));
            }
        }
    }
    return steps;
}

/// The application's own acknowledgements, as soon as the new primary can be asked for them.
std::vector<PhaseStep> PostgresComponent::with_sample(std::vector<PhaseStep> steps,
                                                      const ServerGroup& now) const {
    const auto* declared = plan_.settings.find("acknowledged");
    if (declared == nullptr || steps.empty()) {
        return steps;
    }
    PhaseStep sample = make_step(Phase::kRelease, "acknowledged", "postgres.check_acknowledged",
                                 std::chrono::minutes(1));
    sample.step.with = std::move(Parameters()
                                     .node("server", to_node(now))
                                     .text("file", declared->text("file"))
                                     .texts("exec", declared->texts("exec"))
                                     .text("query", declared->text("query")))
                           .build();
    steps.push_back(std::move(sample));
    return steps;
}

std::optional<plan::Step> PostgresComponent::refuse(const SiteId& site, const SiteId& primary,
                                                    Epoch left) const {
    const auto old = servers_at(plan_, site);
    const auto now = servers_at(plan_, primary);
    if (old.empty() || now.empty() || !std::ranges::all_of(old, has_own_fence)) {
        return std::nullopt;
    }
    PhaseStep made = make_step(Phase::kFence, plan_.id.str() + ".refuse", "postgres.refuse");
    made.step.with = std::move(Parameters()
                                   .node("server", to_node(ServerGroup{old, ""}))
                                   .node("primary", to_node(ServerGroup{now, ""}))
                                   .number("left", static_cast<long>(left.value)))
                         .build();
    return made.step;
}

std::optional<plan::Step> PostgresComponent::examine(const SiteId& site) const {
    const auto servers = servers_at(plan_, site);
    if (servers.empty()) {
        return std::nullopt;
    }
    PhaseStep made = make_step(Phase::kPrepare, plan_.id.str() + ".examine", "postgres.examine");
    made.step.with =
        std::move(Parameters().node("server", to_node(ServerGroup{servers, ""}))).build();
    return made.step;
}

std::vector<PhaseStep> PostgresComponent::steps(const Move& move) const {
    const auto from = servers_at(plan_, move.from);
    const auto to = servers_at(plan_, move.to);
    if (from.empty() || to.empty()) {
        return {};
    }
    switch (move.kind) {
        case Move::Kind::kFailover:
            return with_sample(failover(move, from, to), chosen(to, "choose"));
        case Move::Kind::kSwitchover:
            return with_sample(switchover(move, from, to), chosen(to, "choose"));
        case Move::Kind::kRebuild:
            return rejoin(from, to);
    }
    return {};
}

}  // namespace muster::component

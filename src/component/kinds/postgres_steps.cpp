// The steps by which a PostgreSQL component moves: fence or planned stop, promotion, proof of a
// write, what only the old primary has, and its way back as a standby.

#include "component/kinds/postgres_component.h"
#include "component/parameters.h"

namespace muster::component {

namespace {

PhaseStep make_step(Phase phase, std::string_view name, std::string_view action) {
    PhaseStep made;
    made.phase = phase;
    made.step.id = StepId(std::string(name));
    made.step.action = std::string(action);
    return made;
}

PhaseStep verify(const postgres::Server& server) {
    PhaseStep made = make_step(Phase::kVerify, "verify", "postgres.verify");
    made.step.with = std::move(Parameters().node("server", to_node(server))).build();
    made.step.timeout = std::chrono::seconds(10);
    return made;
}

}  // namespace

bool has_own_fence(const postgres::Server& server) {
    return !server.data.empty() || !server.fence_command.empty();
}

std::string PostgresComponent::keep_directory(const postgres::Server& server) const {
    const std::string declared = plan_.settings.text("keep");
    return declared.empty() ? server.data + "-divergence" : declared;
}

PhaseStep PostgresComponent::fence(const postgres::Server& old,
                                   const postgres::Server* candidate) const {
    if (!has_own_fence(old)) {
        // Nothing of ours can prove it: a person must, and the run waits for that word.
        PhaseStep ask = make_step(Phase::kFence, "fence", "approve");
        ask.step.with =
            std::move(Parameters().text("message", "make sure that PostgreSQL of " +
                                                       plan_.id.str() + " at " + old.site.str() +
                                                       " takes no more writes and stays stopped; "
                                                       "approve only when that is certain"))
                .build();
        return ask;
    }
    PhaseStep made = make_step(Phase::kFence, "fence", "postgres.fence");
    Parameters with;
    with.node("server", to_node(old));
    if (candidate != nullptr) {
        with.node("candidate", to_node(*candidate));
    }
    // Filled in when a person started the move and vouched for what can't be asked.
    with.text("mode", "immediate").text("vouched_by", "${parameters.fence_vouched_by:-}");
    made.step.with = std::move(with).build();
    made.step.timeout = std::chrono::seconds(15);
    return made;
}

PhaseStep PostgresComponent::promote(const postgres::Server& server, std::string_view after) const {
    PhaseStep made = make_step(Phase::kPromote, "promote", "postgres.promote");
    Parameters with;
    with.node("server", to_node(server));
    if (after.empty()) {
        with.text("proof", "a person approved step " + plan_.id.str() + ".fence");
    } else {
        with.text("proof", output(after, "proof"));
        with.text("old_position", output(after, "position_lsn:-"));
    }
    made.step.with = std::move(with).build();
    made.step.timeout = std::chrono::seconds(60);
    made.step.point_of_no_return = true;
    return made;
}

PhaseStep PostgresComponent::keep(const postgres::Server& old, const postgres::Server& now,
                                  bool tolerates) const {
    PhaseStep made = make_step(Phase::kRelease, "keep", "postgres.keep_divergence");
    Parameters with;
    with.node("old", to_node(old)).node("new", to_node(now)).text("keep", keep_directory(old));
    made.step.with = std::move(with.flag("tolerate_unreachable", tolerates)).build();
    made.step.timeout = std::chrono::minutes(5);
    return made;
}

PhaseStep PostgresComponent::rebuild(const postgres::Server& server,
                                     const postgres::Server& primary,
                                     std::string_view kept_by) const {
    PhaseStep made = make_step(Phase::kRebuild, "rebuild", "postgres.rebuild");
    Parameters with;
    with.node("server", to_node(server))
        .node("primary", to_node(primary))
        .text("kept", output(kept_by, "kept"))
        .text("how", plan_.settings.text("rebuild", "basebackup"));
    made.step.with = std::move(with).build();
    made.step.timeout = std::chrono::hours(6);
    made.step.point_of_no_return = true;
    return made;
}

std::vector<PhaseStep> PostgresComponent::failover(const postgres::Server& from,
                                                   const postgres::Server& to) const {
    std::vector<PhaseStep> steps;
    steps.push_back(fence(from, &to));
    steps.push_back(promote(to, has_own_fence(from) ? "fence" : ""));
    steps.push_back(verify(to));
    if (!from.data.empty()) {
        steps.push_back(keep(from, to, true));
    }
    return steps;
}

std::vector<PhaseStep> PostgresComponent::switchover(const postgres::Server& from,
                                                     const postgres::Server& to) const {
    std::vector<PhaseStep> steps;
    PhaseStep ready = make_step(Phase::kPrepare, "prepare", "postgres.check_ready");
    ready.step.with =
        std::move(Parameters().node("standby", to_node(to)).node("primary", to_node(from))).build();
    ready.step.timeout = std::chrono::seconds(10);
    steps.push_back(std::move(ready));
    if (from.data.empty()) {
        return steps;  // Without its host, a primary can't be stopped without loss.
    }
    PhaseStep demote = make_step(Phase::kFence, "demote", "postgres.demote");
    demote.step.with =
        std::move(Parameters().node("server", to_node(from)).node("candidate", to_node(to)))
            .build();
    demote.step.timeout = std::chrono::minutes(1);
    steps.push_back(std::move(demote));
    PhaseStep await = make_step(Phase::kPromote, "await", "postgres.await");
    await.step.with = std::move(Parameters()
                                    .node("standby", to_node(to))
                                    .text("position", output("demote", "position_lsn")))
                          .build();
    await.step.timeout = std::chrono::minutes(1);
    steps.push_back(std::move(await));
    steps.push_back(promote(to, "demote"));
    steps.back().step.needs.emplace_back("await");
    steps.push_back(verify(to));
    steps.push_back(rebuild(from, to, "await"));
    return steps;
}

std::vector<PhaseStep> PostgresComponent::rejoin(const postgres::Server& primary,
                                                 const postgres::Server& server) const {
    if (server.data.empty()) {
        return {};
    }
    std::vector<PhaseStep> steps;
    steps.push_back(fence(server, nullptr));
    steps.push_back(keep(server, primary, false));
    steps.push_back(rebuild(server, primary, "keep"));
    PhaseStep ready = make_step(Phase::kRebuild, "ready", "postgres.check_ready");
    ready.step.with =
        std::move(Parameters().node("standby", to_node(server)).node("primary", to_node(primary)))
            .build();
    ready.step.needs.emplace_back("rebuild");
    ready.step.timeout = std::chrono::seconds(10);
    steps.push_back(std::move(ready));
    return steps;
}

std::vector<PhaseStep> PostgresComponent::steps(const Move& move) const {
    const auto from = server_at(plan_, move.from);
    const auto to = server_at(plan_, move.to);
    if (!from || !to) {
        return {};
    }
    switch (move.kind) {
        case Move::Kind::kFailover:
            return failover(*from, *to);
        case Move::Kind::kSwitchover:
            return switchover(*from, *to);
        case Move::Kind::kRebuild:
            return rejoin(*from, *to);
    }
    return {};
}

}  // namespace muster::component

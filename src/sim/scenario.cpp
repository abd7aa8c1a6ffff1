#include "sim/scenario.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <memory>

#include "sim/sim_node.h"
#include "workflow/run.h"

namespace muster::sim {

namespace {

using component::Move;
using std::chrono::minutes;
using std::chrono::seconds;

/// One process's record, in memory; what it still writes after its death goes into its own segment.
class Record final : public SegmentSink {
  public:
    explicit Record(std::vector<std::string>& all) : all_(all) {}
    void begin(std::string bytes) override {
        own_ = all_.size();
        all_.push_back(std::move(bytes));
    }
    void append(std::string bytes) override { all_[own_] += bytes; }

  private:
    std::vector<std::string>& all_;
    std::size_t own_ = 0;
};

/// Everything of one world; tasks refer to it, so it outlives the loop's last handler.
class Scenario {
  public:
    explicit Scenario(const ScenarioOptions& options);
    Outcome run();

  private:
    void start_node(std::size_t index);
    Task<> serve_clients();
    Task<> make_trouble();
    Task<> one_fault();
    Task<> fault_server(SimServer* server);
    Task<> fault_network();
    Task<> fault_node();
    Task<> operate();
    Task<> operate_once();
    Task<> answer_runs(agent::Agent* agent);
    Task<> protect_again(agent::Agent* agent);
    agent::Agent* living_agent();
    void heal();
    void judge_intruders(Outcome* outcome);
    void judge(Outcome* outcome);
    SiteId any_site();

    ScenarioOptions options_;
    boost::asio::io_context loop_{1};
    VirtualClock clock_{loop_};
    SeededRandom random_;
    Trace trace_{clock_};
    SiteWorld world_;
    state::MemoryStore store_;
    SimNames names_;
    plan::Plan plan_;
    std::vector<SiteId> node_sites_;
    std::vector<std::string> recorded_;
    std::vector<std::unique_ptr<Record>> records_;
    std::vector<std::unique_ptr<SimNode>> nodes_;
    std::vector<std::unique_ptr<SimNode>> dead_;
    bool is_quiet_ = false;
    std::uint64_t faults_ = 0;
    TaskGroup tasks_;
};

Scenario::Scenario(const ScenarioOptions& options)
    : options_(options),
      random_(options.seed * 2 + static_cast<std::uint64_t>(options.nodes > 1)),
      world_(clock_, random_, trace_),
      store_(loop_.get_executor(), clock_),
      plan_(scenario_plan(options)),
      tasks_(loop_.get_executor()) {
    if (options.keeps_text) {
        trace_.keep_text();
    }
    if (!options.degrade.empty()) {
        world_.demand_no_loss();
    }
    node_sites_ = {SiteId("arbiter")};
    if (options.nodes > 1) {
        node_sites_ = {SiteId("east"), SiteId("west"), SiteId("arbiter")};
    }
    nodes_.resize(node_sites_.size());
}

void Scenario::start_node(std::size_t index) {
    SegmentSink* record = nullptr;
    if (options_.is_recorded && index == 0) {
        record = records_.emplace_back(std::make_unique<Record>(recorded_)).get();
    }
    nodes_[index] = std::make_unique<SimNode>(
        loop_.get_executor(), world_, store_, names_,
        SimNode::Place{node_sites_[index], node_sites_, options_.nodes > 1, record});
    tasks_.spawn(nodes_[index]->run(plan_));
}

Task<> Scenario::serve_clients() {
    while (true) {
        CO_TRY_OK(co_await clock_.sleep_for(SiteWorld::kWriteInterval));
        // What was written is on its way for a moment: a crash then finds it acknowledged, or not.
        world_.replicate();
        world_.write();
    }
}

SiteId Scenario::any_site() {
    return world_.servers()[random_.below(world_.servers().size())].site;
}

// A server fails; its supervisor may start it again behind our back, its host comes back later.
Task<> Scenario::fault_server(SimServer* server) {
    const auto kind = random_.below(3);
    const auto lasts = seconds(1 + static_cast<long>(random_.below(900)));
    if (kind == 0) {
        trace_.add("fault: kill " + server->site.str());
        server->is_running = false;
    } else if (kind == 1) {
        trace_.add("fault: site off " + server->site.str());
        server->is_host_up = false;
        server->is_running = false;
    } else {
        trace_.add("fault: freeze " + server->site.str());
        server->is_frozen = true;
    }
    CO_TRY_OK(co_await clock_.sleep_for(random_.below(4) == 0 ? Duration(seconds(3)) : lasts));
    if (kind == 1) {
        server->is_host_up = true;
    }
    if (kind == 2) {
        server->is_frozen = false;
    } else if (random_.below(2) == 0) {
        world_.start(server);
    }
    trace_.add("fault over: " + server->site.str());
    world_.check();
    co_return Result<>{};
}

Task<> Scenario::fault_network() {
    const std::array sites{SiteId("east"), SiteId("west"), SiteId("arbiter")};
    const auto& from = sites.at(random_.below(3));
    const auto& to = sites.at(random_.below(3));
    const auto kind = random_.below(4);
    auto& link = world_.link(from, to);
    trace_.add("fault: network " + from.str() + " to " + to.str() + " kind " +
               std::to_string(kind));
    if (kind == 0) {
        link.is_cut = true;
    } else if (kind == 1) {
        link.loss = 0.3 * random_.unit();
    } else if (kind == 2) {
        link.delay = std::chrono::milliseconds(random_.below(2'000));
    } else {
        world_.management(to).is_cut = true;
        world_.link(to, from).is_cut = true;
    }
    CO_TRY_OK(co_await clock_.sleep_for(seconds(1 + static_cast<long>(random_.below(600)))));
    world_.link(from, to) = {};
    world_.link(to, from) = {};
    world_.management(to) = {};
    co_return Result<>{};
}

Task<> Scenario::fault_node() {
    const auto index = random_.below(nodes_.size());
    if (random_.below(2) == 0) {
        trace_.add("fault: pause node " + node_sites_[index].str());
        nodes_[index]->pause(std::chrono::milliseconds(100 + random_.below(120'000)));
        co_return Result<>{};
    }
    trace_.add("fault: kill node " + node_sites_[index].str());
    auto killed = std::move(nodes_[index]);
    start_node(index);
    auto* node = killed.get();
    dead_.push_back(std::move(killed));
    co_return co_await node->kill();
}

Task<> Scenario::one_fault() {
    ++faults_;
    const auto kind = random_.below(6);
    if (kind == 5) {
        trace_.add(world_.intrude() ? "fault: a former primary is started by hand" : "no fault");
        co_return Result<>{};
    }
    if (kind < 2) {
        co_return co_await fault_server(&world_.server(any_site()));
    }
    if (kind < 4) {
        co_return co_await fault_network();
    }
    co_return co_await fault_node();
}

Task<> Scenario::make_trouble() {
    while (!is_quiet_) {
        CO_TRY_OK(co_await clock_.sleep_for(seconds(20 + static_cast<long>(random_.below(300)))));
        if (!is_quiet_) {
            tasks_.spawn(one_fault());
        }
    }
    co_return Result<>{};
}

agent::Agent* Scenario::living_agent() {
    for (auto& node : nodes_) {
        if (node && node->is_serving()) {
            return &node->agent();
        }
    }
    return nullptr;
}

// A person answers runs that wait: tries again, at times gives up.
Task<> Scenario::answer_runs(agent::Agent* agent) {
    std::vector<RunId> waiting;
    for (const auto* run : agent->runner().list()) {
        if (run->status == workflow::RunStatus::kWaiting) {
            waiting.push_back(run->spec.id);
        }
    }
    for (const auto& run : waiting) {
        const auto choice = random_.below(6);
        auto answered = choice == 0   ? co_await agent->runner().abort(run, "operator")
                        : choice == 1 ? co_await agent->runner().rollback(run, "operator")
                                      : co_await agent->runner().resume(run, "operator");
        static_cast<void>(answered);
    }
    co_return Result<>{};
}

// And brings a lost standby back, or tries a planned move.
Task<> Scenario::protect_again(agent::Agent* agent) {
    const auto status = agent->status();
    if (status.services.empty() || status.services[0].active_run) {
        co_return Result<>{};
    }
    const auto& service = status.services[0];
    const auto other = service.primary == SiteId("east") ? SiteId("west") : SiteId("east");
    const auto& standby = world_.server(other);
    agent::MoveRequest request;
    request.service = service.id;
    request.to = other;
    request.by = "operator";
    const bool is_fit = standby.answers() && standby.role == postgres::Role::kStandby &&
                        clock_.now() - standby.heard_at < seconds(60);
    const bool is_idle = random_.below(is_fit ? 6 : 8) != 0;  // The keeper does it, mostly.
    if (is_idle) {
        co_return Result<>{};
    }
    if (!is_fit) {
        request.kind = Move::Kind::kRebuild;
    }
    const auto moved = co_await agent->move(std::move(request));
    static_cast<void>(moved);
    co_return Result<>{};
}

Task<> Scenario::operate_once() {
    if (auto* agent = living_agent()) {
        CO_TRY_OK(co_await answer_runs(agent));
    }
    if (auto* agent = living_agent()) {
        CO_TRY_OK(co_await protect_again(agent));
    }
    co_return Result<>{};
}

// Near the end nothing new is begun, so that what was begun can end.
Task<> Scenario::operate() {
    while (true) {
        CO_TRY_OK(co_await clock_.sleep_for(seconds(60 + static_cast<long>(random_.below(240)))));
        if (clock_.now() > Instant(options_.length) - minutes(10)) {
            co_return Result<>{};
        }
        const auto done = co_await operate_once();
        static_cast<void>(done);
    }
}

void Scenario::heal() {
    is_quiet_ = true;
    world_.heal_network();
}

// Once nothing fails any more, a former primary that was started is out of service again.
void Scenario::judge_intruders(Outcome* outcome) {
    outcome->intrusions = world_.intrusions;
    outcome->refusals = world_.refusals;
    const auto is_bad = [](const SimServer& server) {
        return server.is_writable() && server.is_intruder;
    };
    const auto writable = std::ranges::count_if(world_.servers(), &SimServer::is_writable);
    if (writable > 1 && std::ranges::any_of(world_.servers(), is_bad)) {
        trace_.violate("a former primary still takes writes beside its successor");
    }
}

void Scenario::judge(Outcome* outcome) {
    judge_intruders(outcome);
    auto* agent = living_agent();
    if (agent == nullptr) {
        trace_.violate("no node serves although nothing fails any more");
        return;
    }
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        for (const auto* run : nodes_[i]->agent().runner().list()) {
            // Another node's run is listed as it stood when this one started.
            if (run->spec.parameters.at("node_site") != node_sites_[i].str()) {
                continue;
            }
            ++outcome->runs;
            outcome->reprotections += run->spec.cause.is_automatic &&
                                              run->spec.cause.kind == "rebuild" &&
                                              run->status == workflow::RunStatus::kDone
                                          ? 1
                                          : 0;
            if (run->status == workflow::RunStatus::kWaiting) {
                ++outcome->waiting;
            } else if (!workflow::is_final(run->status)) {
                trace_.violate("run " + run->spec.id.str() +
                               " neither ends nor waits: " + std::string(to_string(run->status)));
            }
        }
    }
}

Outcome Scenario::run() {
    for (std::size_t i = 0; i < nodes_.size(); ++i) {
        start_node(i);
    }
    tasks_.spawn(serve_clients());
    tasks_.spawn(make_trouble());
    tasks_.spawn(operate());
    const auto end = Instant(options_.length);
    const auto calm = end - minutes(40);
    while (clock_.now() < end && clock_.step()) {
        world_.check();
        if (!is_quiet_ && clock_.now() >= calm) {
            heal();
        }
    }
    Outcome outcome;
    judge(&outcome);
    outcome.trace_hash = trace_.hash();
    outcome.violations = trace_.violations();
    outcome.text = trace_.text();
    outcome.faults = faults_;
    outcome.promotions = world_.promotions;
    outcome.lost = world_.lost;
    // Everything that still runs is told to end before what it refers to goes.
    TaskGroup closing(loop_.get_executor());
    for (auto& node : nodes_) {
        closing.spawn(node->kill());
    }
    closing.spawn(tasks_.stop());
    while (closing.size() > 0 && clock_.step()) {
    }
    outcome.observations = recorded_;
    return outcome;
}

}  // namespace

Outcome simulate(const ScenarioOptions& options) {
    // On the heap: coroutine frames refer to it until the loop is gone.
    return std::make_unique<Scenario>(options)->run();
}

}  // namespace muster::sim

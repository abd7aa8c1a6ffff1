#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "component/all_components.h"
#include "component/parameters.h"

// Ports that remember what they were asked and answer what the test told them; and a small shop.
namespace muster::component {

class FakeClock final : public Clock {
  public:
    [[nodiscard]] Instant now() const override { return now_; }
    [[nodiscard]] WallTime wall() const override { return WallTime(); }
    Task<> sleep_until(Instant when) override {
        now_ = std::max(now_, when);
        co_return Result<>{};
    }
    Instant now_ = Instant(std::chrono::seconds(1000));
};

class FakeControl final : public postgres::ServerControl {
  public:
    std::map<std::string, postgres::ServerState> states;  ///< By name, else by site.
    std::map<std::string, std::string> followed;          ///< Standby to its source, by name.
    std::map<std::string, postgres::Marks> marks;         ///< By site.
    std::map<std::string, Error> errors;                  ///< By call, such as "fence east".
    std::vector<std::string> calls;
    postgres::Divergence divergence;

    Task<postgres::ServerState> inspect(postgres::Server server, Instant /*deadline*/) override {
        co_return answer("inspect", server);
    }
    Task<postgres::Marks> read_marks(postgres::Server server, Instant /*deadline*/) override {
        CO_TRY_OK(plain("marks", server));
        co_return marks[server.site.str()];
    }
    Task<postgres::ServerState> fence(postgres::Server server, Epoch /*epoch*/,
                                      postgres::StopMode /*mode*/, Instant /*deadline*/) override {
        co_return answer(server.fence_command.empty() ? "fence" : "fence by command", server);
    }
    Task<postgres::ServerState> promote(postgres::Server server, Epoch /*epoch*/,
                                        Instant /*deadline*/) override {
        auto state = answer("promote", server);
        if (state) {
            state->role = postgres::Role::kPrimary;
            state->is_writable = !is_promotion_stuck;
        }
        co_return state;
    }
    Task<postgres::ServerState> demote(postgres::Server server, Epoch /*epoch*/,
                                       Instant /*deadline*/) override {
        co_return answer("demote", server);
    }
    Task<> await_position(postgres::Server standby, postgres::Lsn /*position*/,
                          Instant /*deadline*/) override {
        co_return plain("await", standby);
    }
    Task<postgres::Divergence> keep_divergence(postgres::Server old_primary,
                                               postgres::Server /*new_primary*/,
                                               std::string keep_in, Instant /*deadline*/) override {
        kept_in = keep_in;
        CO_TRY_OK(plain("keep", old_primary));
        errors.erase(refused_until_kept);
        co_return divergence;
    }
    Task<postgres::Commits> commits_after(postgres::Server server, postgres::Lsn /*from*/,
                                          Instant /*deadline*/) override {
        CO_TRY_OK(plain("commits", server));
        co_return commits;
    }
    Task<postgres::ServerState> rebuild(postgres::Server server, postgres::Server /*primary*/,
                                        Epoch /*epoch*/, Instant /*deadline*/) override {
        co_return answer("rebuild", server);
    }
    Task<postgres::ServerState> follow(postgres::Server standby, postgres::Server primary,
                                       Epoch /*epoch*/, Instant /*deadline*/) override {
        followed[standby.name] = primary.name;
        co_return answer("follow", standby);
    }
    Task<> start(postgres::Server server, Instant /*deadline*/) override {
        co_return plain("start", server);
    }
    Task<> write_canary(postgres::Server server, Epoch /*epoch*/, Instant /*deadline*/) override {
        co_return plain("canary", server);
    }
    Task<> set_sync_standby(postgres::Server primary, std::string standby,
                            Instant /*deadline*/) override {
        sync_standby = standby;
        co_return plain("sync", primary);
    }
    Task<> name_standby(postgres::Server standby, Instant /*deadline*/) override {
        co_return plain("name", standby);
    }
    Task<> renew_stream(postgres::Server /*primary*/, postgres::Server standby,
                        Instant /*deadline*/) override {
        co_return plain("renew", standby);
    }
    Task<std::vector<std::string>> missing_ids(postgres::Server server, postgres::IdCheck check,
                                               Instant /*deadline*/) override {
        checked = check;
        CO_TRY_OK(plain("missing", server));
        std::erase_if(check.ids, [this](const auto& id) { return !missing.contains(id); });
        co_return check.ids;
    }

    std::string sync_standby;
    postgres::IdCheck checked;
    std::set<std::string> missing;

    postgres::Commits commits;
    std::string refused_until_kept;  ///< The call whose error a keep ends.
    std::string kept_in;
    bool is_promotion_stuck = false;

  private:
    static std::string key(const postgres::Server& server) {
        return server.name.empty() ? server.site.str() : server.name;
    }
    Result<> plain(const std::string& call, const postgres::Server& server) {
        const std::string name = call + " " + key(server);
        calls.push_back(name);
        const auto error = errors.find(name);
        return error == errors.end() ? Result<>{} : Result<>{error->second};
    }
    Result<postgres::ServerState> answer(const std::string& call, const postgres::Server& server) {
        TRY_OK(plain(call, server));
        return states[key(server)];
    }
};

class FakeCommands final : public workflow::CommandRunner {
  public:
    std::vector<workflow::Command> ran;
    std::map<std::string, workflow::CommandResult> results;  ///< By the whole command line.
    std::map<std::string, Error> errors;
    std::function<void(const std::string&)> on_run = [](const std::string&) {};

    Task<workflow::CommandResult> run(workflow::Command command, Instant /*deadline*/) override {
        std::string line;
        for (const auto& word : command.argv) {
            line += (line.empty() ? "" : " ") + word;
        }
        ran.push_back(std::move(command));
        on_run(line);
        if (const auto error = errors.find(line); error != errors.end()) {
            co_return error->second;
        }
        co_return results[line];
    }
};

class FakeSteerer final : public steer::Steerer {
  public:
    std::map<std::string, steer::Actual> records;
    std::optional<Error> error;

    Task<steer::Actual> current(steer::Record record, Instant /*deadline*/) override {
        if (error) {
            co_return *error;
        }
        co_return records[record.name];
    }
    Task<> apply(steer::Wanted wanted, Instant /*deadline*/) override {
        auto& record = records[wanted.record.name];
        if (wanted.epoch < record.epoch) {
            co_return Error(Errc::kConflict, "a newer epoch has steered");
        }
        record = {wanted.answers, wanted.record.ttl, wanted.epoch, record.serial + 1};
        co_return Result<>{};
    }
};

/// What answers at each address; everything else refuses.
struct World {
    std::map<std::string, int> good_after;  ///< Address to the number of checks it stays silent.
    int checks = 0;
};

/// The actions of all kinds over fakes, and a way to run them. Fails the test when one puts out
/// what it does not declare: `muster validate` would refuse a plan that uses it.
class Bench {
  public:
    FakeClock clock;
    SeededRandom random{7};
    NullLog log;
    FakeControl control;
    FakeCommands commands;
    FakeSteerer steerer;
    World world;
    probe::Registry probes;
    workflow::Actions actions;

    Bench();
    ~Bench();
    Result<Fields> apply(const std::string& action, plan::Node with);
    Result<workflow::Observation> observe(const std::string& action, plan::Node with);
    Result<> undo(const std::string& action, plan::Node with, Fields outputs = {});

  private:
    struct Loop;
    std::unique_ptr<Loop> loop_;
};

/// A map of texts: `map({{"site", "east"}})`.
inline plan::Node map(const Fields& fields) {
    Parameters parameters;
    for (const auto& [key, value] : fields) {
        parameters.text(key, value);
    }
    return std::move(parameters).build();
}

inline plan::Probe http_probe() {
    plan::Probe probe;
    probe.type = "http";
    probe.settings = map({{"http", "http://{address}/health"}});
    return probe;
}

inline plan::Component orders() {
    plan::Component component;
    component.id = ComponentId("orders");
    component.kind = "postgres";
    for (const std::string site : {"east", "west"}) {
        component.sites.push_back(
            {SiteId(site), map({{"conninfo", "host=" + site + ".db dbname=orders"},
                                {"data", "/srv/" + site},
                                {"run_as", "postgres"}})});
    }
    component.settings = map({{"kind", "postgres"}});
    return component;
}

inline plan::Component web() {
    plan::Component component;
    component.id = ComponentId("web");
    component.kind = "servers";
    component.needs = {ComponentId("orders")};
    component.probe = http_probe();
    component.capacity = plan::Capacity{2, 1, 2};
    for (const std::string site : {"east", "west"}) {
        const std::string net = site == "east" ? "10.0.1." : "10.1.1.";
        component.sites.push_back(
            {SiteId(site),
             std::move(Parameters().texts("hosts", {net + "10:8080", net + "11:8080"})).build()});
    }
    component.settings = std::move(Parameters()
                                       .texts("start", {"startweb", "{host}", "{index}"})
                                       .texts("stop", {"stopweb", "{host}", "{index}"}))
                             .build();
    return component;
}

inline plan::Component entry() {
    plan::Component component;
    component.id = ComponentId("entry");
    component.kind = "dns";
    component.needs = {ComponentId("web")};
    Parameters answers;
    answers.texts("east", {"10.0.1.10", "10.0.1.11"}).texts("west", {"10.1.1.10", "10.1.1.11"});
    component.settings =
        std::move(Parameters()
                      .node("record", map({{"name", "shop.example.com"}, {"ttl", "10s"}}))
                      .node("answers", std::move(answers).build()))
            .build();
    return component;
}

inline plan::Component queue() {
    plan::Component component;
    component.id = ComponentId("queue");
    component.kind = "custom";
    component.probe = http_probe();
    for (const std::string site : {"east", "west"}) {
        component.sites.push_back({SiteId(site), map({{"address", site + ".queue:5672"}})});
    }
    component.settings = std::move(Parameters()
                                       .texts("fence", {"queue-fence", "{address}"})
                                       .texts("promote", {"queue-promote", "{address}"})
                                       .texts("rebuild", {"queue-rebuild", "{address}"}))
                             .build();
    return component;
}

inline plan::Service shop(std::vector<plan::Component> components) {
    plan::Service service;
    service.id = ServiceId("shop");
    service.primary = SiteId("east");
    service.standby = {SiteId("west")};
    service.objectives = {std::chrono::seconds(30), std::chrono::minutes(2)};
    service.components = std::move(components);
    return service;
}

inline Move move_of(Move::Kind kind) {
    const bool is_rebuild = kind == Move::Kind::kRebuild;
    return {kind, SiteId(is_rebuild ? "west" : "east"), SiteId(is_rebuild ? "east" : "west")};
}

inline probe::TargetId target_of(const std::string& component, const std::string& site,
                                 const std::string& instance = "") {
    return {ServiceId("shop"), ComponentId(component), SiteId(site), instance};
}

}  // namespace muster::component

#include "decide/golden_script_test.h"

#include <map>
#include <sstream>
#include <stdexcept>
#include <vector>

namespace muster::decide {
namespace {

using namespace std::chrono_literals;

constexpr Instant kNow{10h};

/// One line: bare words in order, `key=value` pairs apart; "…" keeps blanks.
struct Line {
    std::vector<std::string> words;
    std::map<std::string, std::string> values;
    std::string text;

    [[nodiscard]] bool has(const std::string& word) const {
        return std::find(words.begin(), words.end(), word) != words.end();
    }
    [[nodiscard]] std::string value(const std::string& key, const std::string& fallback) const {
        const auto found = values.find(key);
        return found == values.end() ? fallback : found->second;
    }
};

[[noreturn]] void refuse(const std::string& line) {
    throw std::invalid_argument("can't read: " + line);
}

Line split(const std::string& text) {
    Line line{.words = {}, .values = {}, .text = text};
    std::string word;
    bool is_quoted = false;
    const auto flush = [&] {
        const auto equals = word.find('=');
        if (word.empty()) {
            return;
        }
        if (equals == std::string::npos) {
            line.words.push_back(word);
        } else {
            line.values[word.substr(0, equals)] = word.substr(equals + 1);
        }
        word.clear();
    };
    for (const char letter : text) {
        if (letter == '"') {
            is_quoted = !is_quoted;
        } else if (letter == ' ' && !is_quoted) {
            flush();
        } else {
            word += letter;
        }
    }
    flush();
    return line;
}

std::vector<std::string> by_comma(const std::string& text) {
    std::vector<std::string> items;
    std::istringstream in(text);
    for (std::string item; std::getline(in, item, ',');) {
        items.push_back(item);
    }
    return items;
}

Duration duration(const std::string& text) {
    auto parsed = parse_duration(text);
    if (!parsed) {
        refuse(text);
    }
    return *parsed;
}

template <class T>
T pick(const std::map<std::string, T>& choices, const std::string& word) {
    const auto found = choices.find(word);
    if (found == choices.end()) {
        refuse(word);
    }
    return found->second;
}

const std::map<std::string, plan::FenceClass> kFences{{"advisory", plan::FenceClass::kAdvisory},
                                                      {"lease", plan::FenceClass::kLease},
                                                      {"actuated", plan::FenceClass::kActuated},
                                                      {"enforced", plan::FenceClass::kEnforced}};
const std::map<std::string, plan::Mode> kModes{{"observe", plan::Mode::kObserve},
                                               {"approve", plan::Mode::kApprove},
                                               {"automatic", plan::Mode::kAutomatic}};
const std::map<std::string, plan::Preset> kPresets{{"fast", plan::Preset::kFast},
                                                   {"balanced", plan::Preset::kBalanced},
                                                   {"careful", plan::Preset::kCareful},
                                                   {"manual", plan::Preset::kManual}};
const std::map<std::string, Witness::Says> kSays{{"nothing", Witness::Says::kNothing},
                                                 {"alive", Witness::Says::kAlive},
                                                 {"dead", Witness::Says::kDead}};
const std::map<std::string, probe::Health> kHealths{{"up", probe::Health::kUp},
                                                    {"down", probe::Health::kDown},
                                                    {"unknown", probe::Health::kUnknown}};
const std::map<std::string, probe::Evidence> kEvidences{{"good", probe::Evidence::kGood},
                                                        {"slow", probe::Evidence::kSlow},
                                                        {"silence", probe::Evidence::kSilence},
                                                        {"hard", probe::Evidence::kHard}};

class Reader {
  public:
    Script read(const std::string& text) {
        std::istringstream in(text);
        for (std::string line; std::getline(in, line);) {
            if (!line.empty() && line.front() != '#') {
                read_line(split(line));
            }
        }
        for (auto& [id, service] : services_) {
            service.plan.id = id;
        }
        for (const auto& id : order_) {
            script_.plan.services.push_back(services_.at(id).plan);
            script_.view.services.push_back(services_.at(id).view);
        }
        return std::move(script_);
    }

  private:
    struct Service {
        plan::Service plan;
        ServiceView view;
    };

    void read_line(const Line& line) {
        const std::map<std::string, void (Reader::*)(const Line&)> verbs{
            {"sites", &Reader::sites},        {"vantages", &Reader::vantages},
            {"service", &Reader::service},    {"now", &Reader::now_of},
            {"votes", &Reader::votes},        {"witness", &Reader::witness},
            {"candidate", &Reader::candidate}};
        if (line.words.empty()) {
            refuse(line.text);
        }
        (this->*pick(verbs, line.words.front()))(line);
    }

    /// sites east west arbiter: a site called "arbiter" only votes.
    void sites(const Line& line) {
        for (std::size_t i = 1; i < line.words.size(); ++i) {
            plan::Site site;
            site.id = SiteId(line.words[i]);
            site.is_arbiter = line.words[i] == "arbiter";
            script_.plan.sites.push_back(site);
        }
    }

    /// vantages v1 v2, then `vantages v3 out="its reference targets do not answer"`.
    void vantages(const Line& line) {
        for (std::size_t i = 1; i < line.words.size(); ++i) {
            script_.view.vantages.push_back({.site = SiteId(line.words[i]),
                                             .is_eligible = !line.values.contains("out"),
                                             .why_not = line.value("out", "")});
        }
    }

    /// service shop east → west, with the plan's settings.
    void service(const Line& line) {
        if (line.words.size() < 3) {
            refuse(line.text);
        }
        const ServiceId id(line.words[1]);
        order_.push_back(id);
        auto& planned = services_[id].plan;
        planned.primary = SiteId(line.words[2]);
        for (std::size_t i = 3; i < line.words.size(); ++i) {
            planned.standby.emplace_back(line.words[i]);
        }
        planned.impact.tier = std::stoi(line.value("tier", "1"));
        if (line.values.contains("loss_per_hour")) {
            planned.impact.loss_per_hour = std::stod(line.values.at("loss_per_hour"));
        }
        planned.objectives.rpo = duration(line.value("rpo", "30s"));
        for (const auto& on : by_comma(line.value("depends_on", ""))) {
            planned.depends_on.emplace_back(on);
        }
        failover(planned.failover, line);
        planned.components.resize(1);
        planned.components.front().probe = plan::Probe{};
        planned.components.front().probe->interval = duration(line.value("interval", "1s"));
        auto& view = services_[id].view;
        view.service = id;
        view.primary = planned.primary;
        view.has_full_picture = true;
        view.writable_primaries = 1;
        view.fence = plan::FenceClass::kActuated;
    }

    static void failover(plan::FailoverPolicy& policy, const Line& line) {
        policy.mode = pick(kModes, line.value("mode", "automatic"));
        policy.preset = pick(kPresets, line.value("preset", "balanced"));
        policy.fence = pick(kFences, line.value("fence", "actuated"));
        policy.cooldown = duration(line.value("cooldown", "30m"));
        policy.max_per_day = std::stoi(line.value("max_per_day", "2"));
        policy.is_frozen = line.has("frozen");
        if (line.values.contains("hold")) {
            policy.hold = duration(line.values.at("hold"));
        }
        if (line.values.contains("max_loss")) {
            policy.max_loss = duration(line.values.at("max_loss"));
        }
    }

    /// now shop …: what is known of the service beyond votes.
    void now_of(const Line& line) {
        auto& view = at(line).view;
        view.primary = SiteId(line.value("primary", view.primary.str()));
        view.fence = pick(kFences, line.value("fence", "actuated"));
        view.writable_primaries = std::stoi(line.value("writers", "1"));
        view.has_full_picture = !line.has("partial");
        view.is_frozen = line.has("frozen");
        for (const auto& ago : by_comma(line.value("moved", ""))) {
            view.moves_ago.push_back(duration(ago));
        }
        if (line.values.contains("run")) {
            view.active_run = RunId(line.values.at("run"));
        }
        if (line.values.contains("rebuilds")) {
            view.rebuilding = SiteId(line.values.at("rebuilds"));
        }
        if (line.values.contains("asked")) {
            view.waiting_approval = line.values.at("asked");
        }
        for (const auto& name : by_comma(line.value("watched", ""))) {
            view.targets.push_back(target(view.service, name));
        }
        for (const auto& name : by_comma(line.value("never_up", ""))) {
            view.never_up.push_back(target(view.service, name));
        }
    }

    /// votes shop orders@east v1,v2 down hard for=3s [heard=1s] ["detail=…"]
    void votes(const Line& line) {
        if (line.words.size() < 5) {
            refuse(line.text);
        }
        auto& view = at(line).view;
        Vote vote;
        vote.target = target(view.service, line.words[2]);
        vote.health = pick(kHealths, line.words[4]);
        vote.evidence = pick(kEvidences, line.words.size() > 5 ? line.words[5] : "good");
        vote.since = kNow - duration(line.value("for", "1h"));
        vote.received = kNow - duration(line.value("heard", "500ms"));
        vote.detail = line.value("detail", "");
        for (const auto& vantage : by_comma(line.words[3])) {
            vote.vantage = SiteId(vantage);
            view.votes.push_back(vote);
        }
    }

    /// witness shop orders@west west alive|dead [confirmed] ago=1s
    void witness(const Line& line) {
        if (line.words.size() < 5) {
            refuse(line.text);
        }
        at(line).view.witnesses.push_back({.name = line.words[2],
                                           .site = SiteId(line.words[3]),
                                           .says = pick(kSays, line.words[4]),
                                           .is_confirmed_stop = line.has("confirmed"),
                                           .at = kNow - duration(line.value("ago", "500ms")),
                                           .detail = line.value("detail", "")});
    }

    /// candidate shop west up|down [sync] [symptom] [small] [loss=2s] [bytes=1MiB] [why="…"]
    /// [lacks="…"]
    void candidate(const Line& line) {
        Candidate candidate;
        candidate.site = SiteId(line.words.at(2));
        candidate.is_up = line.has("up");
        candidate.shows_same_symptom = line.has("symptom");
        candidate.has_capacity = !line.has("small");
        candidate.is_in_sync = line.has("sync");
        if (line.values.contains("loss")) {
            candidate.loss = duration(line.values.at("loss"));
        }
        if (line.values.contains("bytes")) {
            candidate.loss_bytes = *parse_size(line.values.at("bytes"));
        }
        candidate.why_not = line.value("why", "");
        candidate.sync_detail = line.value("lacks", "");
        at(line).view.candidates.push_back(candidate);
    }

    Service& at(const Line& line) {
        const auto found = services_.find(ServiceId(line.words.at(1)));
        if (found == services_.end()) {
            refuse(line.text);
        }
        return found->second;
    }

    /// "web@east#1"
    static probe::TargetId target(const ServiceId& service, const std::string& name) {
        const auto at = name.find('@');
        const auto hash = name.find('#');
        if (at == std::string::npos) {
            refuse(name);
        }
        return {
            .service = service,
            .component = ComponentId(name.substr(0, at)),
            .site = SiteId(name.substr(at + 1, hash == std::string::npos ? hash : hash - at - 1)),
            .instance = hash == std::string::npos ? "" : name.substr(hash + 1)};
    }

    Script script_{.plan = {}, .view = {}, .now = kNow};
    std::map<ServiceId, Service> services_;
    std::vector<ServiceId> order_;
};

}  // namespace

Script read_script(const std::string& text) {
    return Reader().read(text);
}

std::string play(const Script& script) {
    std::string out;
    for (const auto& decision : decide(script.view, script.plan, script.now)) {
        out += (out.empty() ? "" : "\n") + explain(decision, script.now);
    }
    return out;
}

}  // namespace muster::decide

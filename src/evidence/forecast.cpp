#include "evidence/forecast.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>
#include <utility>

#include "base/random.h"
#include "evidence/segments.h"

// A move is a graph: its length is that of its longest path, and which path that is changes from
// one move to the next. So the total is not the sum of the steps' quantiles. Moves are drawn: every
// step takes one of its samples, each as likely as the others, and the longest path is measured.
// The seed is fixed, so that the same history gives the same figure.
//
// A step's sample runs from the moment at which all that it needs had ended to its own end: what
// the engine takes between two steps is in it, and waiting for its turn is not.

namespace muster::evidence {
namespace {

using workflow::StepStatus;

constexpr int kDraws = 2000;
constexpr std::uint64_t kSeed = 20'261'121;
constexpr std::array<std::string_view, 4> kRecovery{"fence", "promote", "steer", "verify"};

using Samples = std::vector<Duration>;

/// By nearest rank: of few samples the 95th in a hundred is the longest.
Duration quantile(const Samples& sorted, std::size_t percent) {
    const auto rank = (sorted.size() * percent + 99) / 100;
    return sorted[std::max<std::size_t>(rank, 1) - 1];
}

Spread spread_of(Samples samples) {
    if (samples.empty()) {
        return {};
    }
    std::sort(samples.begin(), samples.end());
    return {quantile(samples, 50), quantile(samples, 95), samples.size()};
}

/// When the step might have begun; nothing where that can't be told.
std::optional<Duration> ready_at(const workflow::Run& run, const plan::Step& step) {
    Duration ready{};
    for (const auto& need : step.needs) {
        const auto found = run.steps.find(need);
        if (found == run.steps.end() || (found->second.status != StepStatus::kDone &&
                                         found->second.status != StepStatus::kSkipped)) {
            return std::nullopt;
        }
        ready = std::max(ready, found->second.began_after + found->second.took);
    }
    return ready;
}

std::optional<Duration> sample_of(const workflow::Run& run, const plan::Step& step) {
    const auto* state = state_of(run, step);
    if (state == nullptr || state->status != StepStatus::kDone || state->was_resumed) {
        return std::nullopt;
    }
    const auto ready = ready_at(run, step);
    if (!ready) {
        return std::nullopt;
    }
    return std::max(Duration{}, end_of(*state) - *ready);
}

/// The service's newest finished runs; one that was interrupted measures the interruption.
std::vector<const workflow::Run*> usable(const ForecastOf& wanted,
                                         const std::vector<const workflow::Run*>& runs,
                                         WallTime now) {
    std::vector<const workflow::Run*> found;
    for (const auto* run : runs) {
        const bool counts = run->spec.cause.service == wanted.service && is_final(run->status) &&
                            run->restarts == 0 && now - run->started <= kForecastAge;
        if (counts && found.size() < kForecastRuns) {
            found.push_back(run);
        }
    }
    return found;
}

struct History {
    Samples detect;
    Samples decide;
    std::vector<Samples> steps;  ///< As the wanted ones.
    std::set<RunId> runs;        ///< That gave any.
};

void take_steps(const ForecastOf& wanted, const workflow::Run& run, History* history) {
    for (const auto& step : run.spec.steps) {
        const auto sample = sample_of(run, step);
        if (!sample) {
            continue;
        }
        for (std::size_t i = 0; i < wanted.steps.size(); ++i) {
            if (wanted.steps[i].id == step.id && wanted.steps[i].action == step.action) {
                history->steps[i].push_back(*sample);
                history->runs.insert(run.spec.id);
            }
        }
    }
}

void take_decision(const ForecastOf& wanted, const workflow::Run& run, History* history) {
    const auto& cause = run.spec.cause;
    if (cause.kind != wanted.kind || !cause.outage_began || !cause.detected) {
        return;
    }
    history->detect.push_back(
        std::max(Duration{}, Duration(*cause.detected - *cause.outage_began)));
    if (cause.is_automatic == wanted.is_automatic) {
        history->decide.push_back(std::max(Duration{}, Duration(run.started - *cause.detected)));
    }
}

/// Steps in whose end the recovery lies, and all that these need.
std::vector<bool> awaited(const std::vector<plan::Step>& steps) {
    std::map<StepId, std::size_t> place;
    std::vector<std::size_t> open;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        place[steps[i].id] = i;
        if (std::find(kRecovery.begin(), kRecovery.end(), steps[i].phase) != kRecovery.end()) {
            open.push_back(i);
        }
    }
    if (open.empty()) {
        return std::vector<bool>(steps.size(), true);
    }
    std::vector<bool> marked(steps.size(), false);
    while (!open.empty()) {
        const auto at = open.back();
        open.pop_back();
        if (marked[at]) {
            continue;
        }
        marked[at] = true;
        for (const auto& need : steps[at].needs) {
            if (const auto found = place.find(need); found != place.end()) {
                open.push_back(found->second);
            }
        }
    }
    return marked;
}

/// The steps as numbers, each after what it needs.
struct Graph {
    std::vector<std::vector<std::size_t>> needs;
    std::vector<std::size_t> order;
};

Graph graph_of(const std::vector<plan::Step>& steps) {
    std::map<StepId, std::size_t> place;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        place[steps[i].id] = i;
    }
    Graph graph;
    graph.needs.resize(steps.size());
    for (std::size_t i = 0; i < steps.size(); ++i) {
        for (const auto& need : steps[i].needs) {
            if (const auto found = place.find(need); found != place.end()) {
                graph.needs[i].push_back(found->second);
            }
        }
    }
    std::vector<bool> placed(steps.size(), false);
    for (bool has_moved = true; has_moved;) {
        has_moved = false;
        for (std::size_t i = 0; i < steps.size(); ++i) {
            const bool is_free = std::all_of(graph.needs[i].begin(), graph.needs[i].end(),
                                             [&placed](std::size_t need) { return placed[need]; });
            if (!placed[i] && is_free) {
                placed[i] = true;
                has_moved = true;
                graph.order.push_back(i);
            }
        }
    }
    return graph;
}

/// Finds the longest path through the awaited steps, again and again.
class PathFinder {
  public:
    PathFinder(Graph graph, std::vector<bool> is_awaited)
        : graph_(std::move(graph)),
          is_awaited_(std::move(is_awaited)),
          ends_(is_awaited_.size()),
          after_(is_awaited_.size()) {}

    /// Its length; `path` then has its steps, last first.
    Duration find(const std::vector<Duration>& times) {
        auto last = kNone;
        for (const auto at : graph_.order) {
            after_[at] = kNone;
            Duration begin{};
            for (const auto need : graph_.needs[at]) {
                if (after_[at] == kNone || ends_[need] > begin) {
                    after_[at] = need;
                    begin = ends_[need];
                }
            }
            ends_[at] = begin + times[at];
            if (is_awaited_[at] && (last == kNone || ends_[at] > ends_[last])) {
                last = at;
            }
        }
        path_.clear();
        for (auto at = last; at != kNone; at = after_[at]) {
            path_.push_back(at);
        }
        return last == kNone ? Duration{} : ends_[last];
    }
    [[nodiscard]] const std::vector<std::size_t>& path() const { return path_; }

  private:
    static constexpr auto kNone = static_cast<std::size_t>(-1);
    Graph graph_;
    std::vector<bool> is_awaited_;
    std::vector<Duration> ends_;
    std::vector<std::size_t> after_;
    std::vector<std::size_t> path_;
};

Duration draw(const Samples& samples, Random* random) {
    return samples.empty() ? Duration{} : samples[random->below(samples.size())];
}

void draw_moves(const History& history, Graph graph, Forecast* made) {
    SeededRandom random(kSeed);
    std::vector<bool> is_awaited;
    std::vector<Duration> medians;
    for (const auto& step : made->steps) {
        is_awaited.push_back(step.is_awaited);
        medians.push_back(step.time.p50.value_or(Duration{}));
    }
    PathFinder paths(std::move(graph), std::move(is_awaited));
    Samples totals;
    totals.reserve(kDraws);
    std::vector<Duration> times(made->steps.size());
    std::vector<int> hits(made->steps.size());
    for (int i = 0; i < kDraws; ++i) {
        for (std::size_t step = 0; step < times.size(); ++step) {
            times[step] = draw(history.steps[step], &random);
        }
        const auto before = draw(history.detect, &random) + draw(history.decide, &random);
        totals.push_back(before + paths.find(times));
        for (const auto step : paths.path()) {
            ++hits[step];
        }
    }
    made->total = spread_of(std::move(totals));
    made->total.samples = made->runs;
    paths.find(medians);
    for (const auto step : paths.path()) {
        made->steps[step].is_critical = made->steps[step].time.samples > 0;
    }
    for (std::size_t step = 0; step < hits.size(); ++step) {
        made->steps[step].share = static_cast<double>(hits[step]) / kDraws;
    }
}

void fill_steps(const ForecastOf& wanted, const History& history, Forecast* made) {
    const auto is_awaited = awaited(wanted.steps);
    for (std::size_t i = 0; i < wanted.steps.size(); ++i) {
        const auto& step = wanted.steps[i];
        // What only a condition lets run, and never did, is not expected to run this time either.
        const bool is_expected = step.when.empty() || !history.steps[i].empty();
        made->steps.push_back({step.id, step.action, step.phase, spread_of(history.steps[i]),
                               is_awaited[i] && is_expected, false, 0});
        if (made->steps.back().is_awaited && history.steps[i].empty()) {
            made->unknown.push_back(step.id.str());
        }
    }
}

std::string seconds(const std::optional<Duration>& time) {
    return time ? human_duration(*time) : "unknown";
}

std::string listed(const std::vector<std::string>& names) {
    constexpr std::size_t kShown = 4;
    std::string text;
    for (std::size_t i = 0; i < std::min(names.size(), kShown); ++i) {
        text += (i == 0 ? "" : ", ") + names[i];
    }
    return names.size() > kShown ? text + ", …" : text;
}

}  // namespace

Forecast::Verdict Forecast::verdict() const {
    if (total.p95 && rto > Duration{} && *total.p95 > rto) {
        return Verdict::kExceeds;
    }
    return total.p95 && unknown.empty() ? Verdict::kFits : Verdict::kUnknown;
}

std::string_view to_string(Forecast::Verdict verdict) {
    switch (verdict) {
        case Forecast::Verdict::kFits:
            return "fits";
        case Forecast::Verdict::kExceeds:
            return "exceeds";
        case Forecast::Verdict::kUnknown:
            break;
    }
    return "unknown";
}

Forecast::Verdict RtoAlarm::take(const Forecast& forecast) {
    const auto verdict = forecast.verdict();
    const bool is_late = verdict == Forecast::Verdict::kExceeds;
    const bool has_room = forecast.rto == Duration{} || !forecast.total.p95 ||
                          *forecast.total.p95 <= forecast.rto - forecast.rto / 10;
    if (is_late == is_raised || (is_raised && !has_room)) {
        return Forecast::Verdict::kUnknown;
    }
    is_raised = is_late;
    return verdict;
}

Forecast forecast(const ForecastOf& wanted, const std::vector<const workflow::Run*>& runs,
                  WallTime now) {
    History history;
    history.steps.resize(wanted.steps.size());
    for (const auto* run : usable(wanted, runs, now)) {
        take_steps(wanted, *run, &history);
        take_decision(wanted, *run, &history);
    }
    Forecast made;
    made.kind = wanted.kind;
    made.to = wanted.to;
    made.rto = wanted.rto;
    made.runs = history.runs.size();
    if (wanted.kind == "failover") {
        made.detect = spread_of(history.detect);
        made.decide = spread_of(history.decide);
        for (const auto& [name, spread] :
             {std::pair("detect", made.detect), std::pair("decide", made.decide)}) {
            if (spread.samples == 0) {
                made.unknown.emplace_back(name);
            }
        }
    } else {
        history.detect.clear();
        history.decide.clear();
    }
    fill_steps(wanted, history, &made);
    if (made.runs > 0) {
        draw_moves(history, graph_of(wanted.steps), &made);
    }
    return made;
}

std::string describe(const Forecast& forecast) {
    const std::string from =
        "from " + std::to_string(forecast.runs) + (forecast.runs == 1 ? " run" : " runs");
    if (!forecast.total.p95) {
        return "unknown: no run has measured its steps yet";
    }
    std::string text = forecast.unknown.empty() ? "" : "at least ";
    text += seconds(forecast.total.p50) + " p50, " + seconds(forecast.total.p95) + " p95";
    if (forecast.rto > Duration{}) {
        text += " of " + human_duration(forecast.rto) + " (RTO)";
    }
    text += ", " + from;
    if (!forecast.unknown.empty()) {
        text += "; never measured: " + listed(forecast.unknown);
    }
    return text;
}

}  // namespace muster::evidence

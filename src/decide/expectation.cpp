#include "decide/expectation.h"

#include <algorithm>
#include <cmath>

// Samples of a vantage see the channel at points in time. In solid bursts the channel is a Markov
// chain of two states, so between two points a time t apart it stays bad with the probability
//
//   stay(t) = p + (1 - p) exp(-t / ((1 - p) B))
//
// A sample is bad when all its attempts fall into bad time; whether the next is bad as well depends
// on nothing else. So bad samples in a row are a chain of their own, with
//
//   P = p stay(s)^(a-1)             a sample is bad (a attempts, s apart)
//   Q = stay(T - (a-1) s) stay(s)^(a-1)   the next is, too
//   rate of k in a row   = P (1 - Q) Q^(k-1) / T
//   mean time they stay  = T (Q / (1 - Q) + rise)
//
// and of several vantages, each with a channel of its own, all say so at once at the rate
//
//   sum over i of rate_i, times the product over the others j of rate_j stay_j.
//
// Loss on the target's own line is seen by all at once: one channel with the share c of the loss,
// and a burst that outlasts the whole silence, whatever the number of vantages.

namespace muster::decide {
namespace {

constexpr double kYear = 365.0 * 86400.0;

double sec(Duration duration) {
    return std::chrono::duration<double>(duration).count();
}

Duration from_sec(double seconds) {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

/// Between the beginnings of two samples: a sample that lasts longer than the interval takes the
/// place of the next ones.
double spacing(const plan::Probe& probe) {
    const auto interval = std::max(probe.interval, Duration(1));
    const auto turns =
        std::max<Duration::rep>(1, (probe.timeout + interval - Duration(1)) / interval);
    return sec(interval * turns);
}

int attempts(const Watching& watching) {
    return watching.is_retried ? std::max(1, watching.probe.attempts) : 1;
}

/// The first to the last attempt of one sample.
double attempts_last(const Watching& watching) {
    return (attempts(watching) - 1) * sec(watching.attempt_spacing);
}

/// How many samples in a row must be bad before silence has held for long enough. Once the verdict
/// is down, fewer than `rise` good ones do not lift it.
int bad_in_row(const Watching& watching, Duration hold) {
    const auto within = static_cast<int>(std::floor(sec(hold) / spacing(watching.probe) + 1e-9));
    return std::max(std::max(1, watching.probe.fall),
                    within + 2 - std::max(1, watching.probe.rise));
}

/// One observer's false word: how often it begins, in 1/s, and how long it lasts.
struct Word {
    double rate = 0;
    double lasts = 0;
};

double stay(double time, double loss, double burst) {
    return loss + (1 - loss) * std::exp(-time / ((1 - loss) * burst));
}

Word vantage_word(const Watching& watching, Duration hold, const Channel& channel) {
    const double interval = spacing(watching.probe);
    const double burst = sec(channel.burst);
    const double within =
        std::pow(stay(sec(watching.attempt_spacing), channel.loss, burst), attempts(watching) - 1);
    const double bad = channel.loss * within;
    const double again =
        stay(std::max(0.0, interval - attempts_last(watching)), channel.loss, burst) * within;
    const int row = bad_in_row(watching, hold);
    return {bad * (1 - again) * std::pow(again, row - 1) / interval,
            interval * (again / (1 - again) + std::max(1, watching.probe.rise))};
}

/// The standby loses sight of its primary when its own channel is bad for so long.
Word witness_word(Duration silence, const Channel& channel) {
    const double burst = sec(channel.burst);
    return {channel.loss / burst * std::exp(-sec(silence) / burst), burst};
}

/// The latest of `vantages` first samples after a fault, as a share of the interval: its quantile.
double latest(int vantages, double quantile) {
    return std::pow(quantile, 1.0 / vantages);
}

/// Likewise the one that makes a majority, by bisection over the binomial tail.
double majority(int vantages, double quantile) {
    const int needed = vantages / 2 + 1;
    const auto reached = [vantages, needed](double share) {
        double sum = 0;
        for (int seen = needed; seen <= vantages; ++seen) {
            const double choose = std::exp(std::lgamma(vantages + 1) - std::lgamma(seen + 1) -
                                           std::lgamma(vantages - seen + 1));
            sum += choose * std::pow(share, seen) * std::pow(1 - share, vantages - seen);
        }
        return sum;
    };
    double low = 0;
    double high = 1;
    for (int i = 0; i < 60; ++i) {
        const double middle = (low + high) / 2;
        (reached(middle) < quantile ? low : high) = middle;
    }
    return high;
}

/// E[exp(-U / burst)] with U the largest of `vantages` uniform phases within the interval.
double phase_factor(int vantages, double interval, double burst) {
    constexpr int kSlices = 400;
    double sum = 0;
    for (int i = 0; i < kSlices; ++i) {
        const double from = std::pow(static_cast<double>(i) / kSlices, vantages);
        const double to = std::pow(static_cast<double>(i + 1) / kSlices, vantages);
        sum += (to - from) * std::exp(-(i + 0.5) / kSlices * interval / burst);
    }
    return sum;
}

Detection detection(double first_p50, double first_p99, double until_seen, double held) {
    const auto at = [](double first, double more) { return from_sec(first + more); };
    const double acted = std::max(until_seen, held);
    return {{at(first_p50, until_seen), at(first_p99, until_seen)},
            {at(first_p50, acted), at(first_p99, acted)}};
}

/// Silence allows a move, or only a question; and after how long.
struct SilenceRule {
    bool is_moved = false;
    bool with_witness = false;
    Duration hold{};
    std::string why;
};

std::string vantages(int number) {
    return std::to_string(number) + (number == 1 ? " vantage" : " vantages");
}

SilenceRule silence_rule(const Policy& policy, const Watched& watched) {
    const bool has_witness = watched.witness > Duration{};
    const int seen = watched.watching.vantages;
    if (seen >= policy.min_vantages_for_silence) {
        return {true, has_witness, has_witness ? policy.hold_silence : policy.hold_without_witness,
                has_witness ? "all " + vantages(seen) + " and a standby that lost the primary too"
                            : "all " + vantages(seen) + ", no witness inside"};
    }
    if (has_witness && watched.fence >= plan::FenceClass::kActuated) {
        return {true, true, policy.hold_silence,
                vantages(seen) + ", if a standby lost the primary too and the fence is confirmed"};
    }
    return {false, false, policy.hold_without_witness,
            vantages(seen) + " of the " + std::to_string(policy.min_vantages_for_silence) +
                " that are wanted: a person is asked"};
}

}  // namespace

Detection detect_hard(const Watching& watching, Duration hold) {
    const double interval = spacing(watching.probe);
    const double more = std::max(0, watching.probe.fall_hard - 1) * sec(watching.recheck);
    return detection(majority(watching.vantages, 0.5) * interval,
                     majority(watching.vantages, 0.99) * interval, more, sec(hold));
}

Detection detect_silence(const Watching& watching, Duration hold) {
    const double interval = spacing(watching.probe);
    const double timeout = sec(watching.probe.timeout);
    const double more = std::max(0, watching.probe.fall - 1) * interval;
    return detection(latest(watching.vantages, 0.5) * interval + timeout,
                     latest(watching.vantages, 0.99) * interval + timeout, more, sec(hold));
}

FalseAlarms false_silence(const Watching& watching, Duration hold, Duration witness,
                          const Channel& channel) {
    std::vector<Word> words(static_cast<std::size_t>(watching.vantages),
                            vantage_word(watching, hold, channel));
    const double interval = spacing(watching.probe);
    double silence = (bad_in_row(watching, hold) - 1) * interval + attempts_last(watching);
    if (witness > Duration{}) {
        words.push_back(witness_word(witness, channel));
        silence = std::max(silence, sec(witness));
    }
    FalseAlarms alarms;
    for (std::size_t i = 0; i < words.size(); ++i) {
        double rate = words[i].rate;
        for (std::size_t j = 0; j < words.size(); ++j) {
            rate *= i == j ? 1 : std::min(1.0, words[j].rate * words[j].lasts);
        }
        alarms.independent += rate * kYear;
    }
    const double burst = sec(channel.burst);
    alarms.own_line = channel.own_line * channel.loss / burst * std::exp(-silence / burst) *
                      phase_factor(watching.vantages, interval, burst) * kYear;
    return alarms;
}

Expectation expect(const plan::Service& service, const Watched& watched,
                   const std::vector<Channel>& channels) {
    const auto policy = policy_for(service);
    const auto rule = silence_rule(policy, watched);
    Expectation made;
    made.service = service.id;
    made.component = watched.component;
    made.watching = watched.watching;
    made.has_witness = watched.witness > Duration{};
    made.hold_hard = policy.hold_hard;
    made.hold_silence = rule.hold;
    made.is_moved_by_silence = rule.is_moved;
    made.silence_rule = rule.why;
    made.hard = detect_hard(watched.watching, policy.hold_hard);
    made.silence = detect_silence(watched.watching, rule.hold);
    for (const auto& channel : channels) {
        made.silence_rates.push_back(
            {channel, false_silence(watched.watching, rule.hold,
                                    rule.with_witness ? watched.witness : Duration{}, channel)});
    }
    return made;
}

}  // namespace muster::decide

#include "probe/reference.h"

namespace muster::probe {

namespace {

constexpr auto kLatest = std::chrono::milliseconds(200);
constexpr auto kSettled = std::chrono::seconds(3);  // Time for fresh samples of every target.
constexpr int kSharePercent = 30;

Eligibility refuse(std::string why) {
    return {.is_eligible = false, .why_not = std::move(why)};
}

std::string of(int part, int whole) {
    return std::to_string(part) + " of " + std::to_string(whole);
}

}  // namespace

Eligibility judge_self(const SelfView& view) {
    if (view.since_resume > Duration::zero() && view.since_resume < kSettled) {
        return refuse("the process stood still until " + human_duration(view.since_resume) +
                      " ago: what it last saw is old");
    }
    if (view.loop_lag > kLatest) {
        return refuse("its checks start up to " + human_duration(view.loop_lag) + " late (limit " +
                      human_duration(kLatest) + "): it is overloaded");
    }
    if (view.references_failing * 2 > view.references) {
        return refuse(of(view.references_failing, view.references) +
                      " reference targets do not answer: it may be cut off itself");
    }
    if (view.targets_turned_bad * 100 > view.targets * kSharePercent) {
        return refuse(of(view.targets_turned_bad, view.targets) +
                      " targets at other sites turned bad at once: the fault may be its own");
    }
    return {};
}

}  // namespace muster::probe

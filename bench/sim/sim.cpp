// Simulated hours per second: whole worlds of one and of three nodes, beside the wall clock.
#include "sim/scenario.h"

#include "support/report.h"

namespace {

using namespace muster;

constexpr long kHours = 2;
constexpr std::uint64_t kWorlds = 2;
constexpr double kSecondsPerHour = 3600;

void measure(int nodes, bench::Report* report) {
    const double seconds = bench::seconds_of([nodes] {
        for (std::uint64_t seed = 1; seed <= kWorlds; ++seed) {
            const auto outcome = sim::simulate({seed, nodes, std::chrono::hours(kHours), false});
            if (!outcome.violations.empty()) {
                bench::give_up("seed " + std::to_string(seed) +
                               " broke a rule: " + outcome.violations.front());
            }
        }
    });
    report->add(
        {"muster sim", nodes == 1 ? "1 node" : std::to_string(nodes) + " nodes", "simulated h/s"},
        static_cast<double>(kHours * kWorlds) / seconds);
}

}  // namespace

int main(int count, char** words) {
    bench::Report report;
    for (int i = 0; i < bench::kRepetitions; ++i) {
        // The baseline needs no run: without virtual time an hour takes an hour.
        report.add({"wall clock", "any number of nodes", "simulated h/s"}, 1 / kSecondsPerHour);
        measure(1, &report);
        measure(3, &report);
    }
    return report.finish(bench::words_of(count, words));
}

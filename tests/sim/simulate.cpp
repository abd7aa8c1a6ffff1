// Runs simulated worlds from their seeds and tells whether a safety rule was broken in any of them.
//
//   muster_simulate [--seeds N] [--first SEED] [--hours H] [--nodes 1|3] [--sync never|DURATION]
//                   [--twice] [--trace]
//
// --sync has muster manage synchronous replication, with that value of `degrade`: then a promotion
// that loses an acknowledged row breaks the seed. --twice runs each seed two times and compares the
// trace hashes; --trace prints what happened.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "sim/scenario.h"

namespace {

struct Arguments {
    std::uint64_t first = 1;
    std::uint64_t seeds = 1;
    long hours = 6;
    int nodes = 1;
    bool is_twice = false;
    bool is_traced = false;
    std::string degrade;
};

bool parse(int count, char** words, Arguments* arguments) {
    for (int i = 1; i < count; ++i) {
        const std::string word = words[i];
        const char* value = i + 1 < count ? words[i + 1] : "";
        if (word == "--twice") {
            arguments->is_twice = true;
            continue;
        }
        if (word == "--trace") {
            arguments->is_traced = true;
            continue;
        }
        if (word == "--sync" && *value != '\0') {
            arguments->degrade = value;
            ++i;
            continue;
        }
        const auto number = std::strtoul(value, nullptr, 10);
        if (number == 0) {
            return false;
        }
        ++i;
        if (word == "--seeds") {
            arguments->seeds = number;
        } else if (word == "--first") {
            arguments->first = number;
        } else if (word == "--hours") {
            arguments->hours = static_cast<long>(number);
        } else if (word == "--nodes") {
            arguments->nodes = static_cast<int>(number);
        } else {
            return false;
        }
    }
    return arguments->nodes == 1 || arguments->nodes == 3;
}

}  // namespace

int main(int count, char** words) {
    Arguments arguments;
    if (!parse(count, words, &arguments)) {
        std::fprintf(stderr,
                     "usage: muster_simulate [--seeds N] [--first SEED] [--hours H] [--nodes 1|3] "
                     "[--sync never|DURATION] [--twice] [--trace]\n");
        return 2;
    }
    muster::sim::Outcome sum;
    int broken = 0;
    std::printf("sim: seeds %lu to %lu, %ld h, %d node(s)\n",
                static_cast<unsigned long>(arguments.first),
                static_cast<unsigned long>(arguments.first + arguments.seeds - 1), arguments.hours,
                arguments.nodes);
    for (auto seed = arguments.first; seed < arguments.first + arguments.seeds; ++seed) {
        const muster::sim::ScenarioOptions options{seed, arguments.nodes,
                                                   std::chrono::hours(arguments.hours),
                                                   arguments.is_traced, arguments.degrade};
        const auto outcome = muster::sim::simulate(options);
        for (const auto& line : outcome.text) {
            std::printf("%s\n", line.c_str());
        }
        for (const auto& violation : outcome.violations) {
            std::printf("seed %lu: %s\n", static_cast<unsigned long>(seed), violation.c_str());
        }
        bool is_broken = !outcome.violations.empty();
        if (arguments.is_twice && muster::sim::simulate(options).trace_hash != outcome.trace_hash) {
            std::printf("seed %lu: the same seed gave another trace\n",
                        static_cast<unsigned long>(seed));
            is_broken = true;
        }
        broken += is_broken ? 1 : 0;
        sum.trace_hash = sum.trace_hash * 31 + outcome.trace_hash;
        sum.faults += outcome.faults;
        sum.promotions += outcome.promotions;
        sum.lost += outcome.lost;
        sum.runs += outcome.runs;
        sum.waiting += outcome.waiting;
        sum.reprotections += outcome.reprotections;
        sum.intrusions += outcome.intrusions;
        sum.refusals += outcome.refusals;
    }
    std::printf("sim: %lu re-protections, %lu former primaries started by hand, %lu refused\n",
                static_cast<unsigned long>(sum.reprotections),
                static_cast<unsigned long>(sum.intrusions),
                static_cast<unsigned long>(sum.refusals));
    std::printf(
        "sim: %lu faults, %lu promotions, %lu acknowledged rows lost, %lu runs of which %lu wait "
        "for "
        "a person, %d seeds broken, trace %016lx\n",
        static_cast<unsigned long>(sum.faults), static_cast<unsigned long>(sum.promotions),
        static_cast<unsigned long>(sum.lost), static_cast<unsigned long>(sum.runs),
        static_cast<unsigned long>(sum.waiting), broken,
        static_cast<unsigned long>(sum.trace_hash));
    // A simulation in which nothing happens proves nothing.
    return broken == 0 && sum.promotions > 0 ? 0 : 1;
}

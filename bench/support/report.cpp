#include "support/report.h"

#include <algorithm>
#include <array>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>

namespace muster::bench {
namespace {

struct Spread {
    double least = 0;
    double median = 0;
    double most = 0;
};

Spread spread_of(std::vector<double> values) {
    std::sort(values.begin(), values.end());
    const auto middle = values.size() / 2;
    const double median =
        values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
    return {values.front(), median, values.back()};
}

/// Four digits of a small number, all of the whole ones of a large one.
std::string figure(double value) {
    constexpr double kLarge = 1000;
    std::array<char, 64> text{};
    std::snprintf(text.data(), text.size(), value < kLarge ? "%.4g" : "%.0f", value);
    return text.data();
}

}  // namespace

void Report::add(const Subject& subject, double value) {
    for (auto& row : rows_) {
        if (row.subject.system == subject.system && row.subject.name == subject.name) {
            row.values.push_back(value);
            return;
        }
    }
    rows_.push_back({subject, {value}});
}

std::string Report::json() const {
    boost::json::array rows;
    for (const auto& row : rows_) {
        const auto spread = spread_of(row.values);
        boost::json::object out{{"system", row.subject.system}, {"case", row.subject.name},
                                {"median", spread.median},      {"min", spread.least},
                                {"max", spread.most},           {"runs", row.values.size()},
                                {"unit", row.subject.unit}};
        if (row.subject.unit.ends_with("/s")) {
            out["median_per_s"] = spread.median;
        }
        rows.push_back(std::move(out));
    }
    return boost::json::serialize(rows) + "\n";
}

int Report::finish(const std::vector<std::string>& words) const {
    std::printf("%-28s %-26s %12s %12s %12s  %s\n", "system", "case", "median", "min", "max",
                "unit");
    for (const auto& row : rows_) {
        const auto spread = spread_of(row.values);
        std::printf("%-28s %-26s %12s %12s %12s  %s\n", row.subject.system.c_str(),
                    row.subject.name.c_str(), figure(spread.median).c_str(),
                    figure(spread.least).c_str(), figure(spread.most).c_str(),
                    row.subject.unit.c_str());
    }
    const auto option = std::find(words.begin(), words.end(), "--json");
    if (option == words.end()) {
        return 0;
    }
    if (option + 1 == words.end()) {
        std::fprintf(stderr, "bench: --json needs a file\n");
        return 2;
    }
    std::ofstream file(*(option + 1));
    file << json();
    file.close();
    if (!file) {
        std::fprintf(stderr, "bench: can't write %s\n", (option + 1)->c_str());
        return 1;
    }
    return 0;
}

double seconds_of(const std::function<void()>& work) {
    const auto began = std::chrono::steady_clock::now();
    work();
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - began).count();
}

std::vector<std::string> words_of(int count, char** words) {
    return {words + std::min(count, 1), words + count};
}

void give_up(const std::string& why) {
    std::fprintf(stderr, "bench: %s\n", why.c_str());
    std::exit(1);
}

}  // namespace muster::bench

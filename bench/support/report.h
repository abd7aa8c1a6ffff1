#pragma once

#include <functional>
#include <string>
#include <vector>

namespace muster::bench {

/// So often everything is measured; the median counts.
inline constexpr int kRepetitions = 5;

/// What is compared: whose doing, at what task, in which unit.
struct Subject {
    std::string system;
    std::string name;  ///< The case.
    std::string unit;
};

/// Collects figures by subject, prints them as a table and writes them as JSON.
class Report {
  public:
    void add(const Subject& subject, double value);
    /// Prints the table; with `--json FILE` among the words, writes the rows there as well. The
    /// exit code.
    [[nodiscard]] int finish(const std::vector<std::string>& words) const;

  private:
    struct Row {
        Subject subject;
        std::vector<double> values;
    };
    [[nodiscard]] std::string json() const;
    std::vector<Row> rows_;
};

/// Seconds that `work` took, by the steady clock.
double seconds_of(const std::function<void()>& work);

/// The words after the program's name.
std::vector<std::string> words_of(int count, char** words);

/// Tells what went wrong and ends the program: a benchmark that failed measures nothing.
[[noreturn]] void give_up(const std::string& why);

}  // namespace muster::bench

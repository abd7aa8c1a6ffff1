#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "plan/load.h"

namespace muster::plan {

/// Collects what is wrong in a plan. Past `kMax` it only counts, so that a broken file can't make
/// it large.
class Findings {
  public:
    static constexpr std::size_t kMax = 500;

    void error(Mark mark, std::string message, std::string hint = {});
    void warning(Mark mark, std::string message, std::string hint = {});
    /// All of them in file order; the collection is empty afterwards.
    [[nodiscard]] std::vector<Diagnostic> take();

  private:
    void add(Diagnostic diagnostic);

    std::vector<Diagnostic> diagnostics_;
    std::size_t left_out_ = 0;
};

/// By line, then column; what stands at one place keeps its order.
void sort_in_file_order(std::vector<Diagnostic>& diagnostics);
/// A value of the plan in quotes for a message: control characters shown as '?', cut at 60 bytes.
std::string quote(std::string_view text);
/// Names one after the other: "a, b, c".
std::string join(const std::vector<std::string>& names, std::string_view separator = ", ");

}  // namespace muster::plan

#pragma once

#include <string>
#include <vector>

#include "base/time.h"

namespace muster::probe {

/// Whether a vantage can prove that it sees: its own reference targets answer, its loop is not
/// late, and its targets did not all turn bad at once (health-dns section 5, reliability I10).
struct SelfView {
    int references = 0;  ///< Reference targets declared for this vantage.
    int references_failing = 0;
    int targets = 0;
    int targets_turned_bad = 0;  ///< Within the last 10 s, outside the site with most of them.
    Duration loop_lag{};
    /// Since the last gap in which the process did not run; zero: there was none.
    Duration since_resume{};
};

struct Eligibility {
    bool is_eligible = true;
    std::string why_not;
};

/// Pure. A vantage without reference targets is eligible but says so in `why` and `validate` warns.
Eligibility judge_self(const SelfView& view);

}  // namespace muster::probe

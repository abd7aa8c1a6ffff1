#include "plan/nearest.h"

#include <algorithm>
#include <cctype>
#include <limits>

namespace muster::plan {
namespace {

constexpr std::size_t kLongestCompared = 64;
constexpr std::size_t kMostListed = 12;

bool is_same(char a, char b) {
    return std::tolower(static_cast<unsigned char>(a)) ==
           std::tolower(static_cast<unsigned char>(b));
}

/// Optimal string alignment distance, ignoring case; three rows of the usual table.
std::size_t distance(std::string_view a, std::string_view b) {
    std::vector<std::size_t> before(b.size() + 1);
    std::vector<std::size_t> above(b.size() + 1);
    std::vector<std::size_t> row(b.size() + 1);
    for (std::size_t j = 0; j <= b.size(); ++j) {
        above[j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t replace = above[j - 1] + (is_same(a[i - 1], b[j - 1]) ? 0 : 1);
            row[j] = std::min({above[j] + 1, row[j - 1] + 1, replace});
            if (i > 1 && j > 1 && is_same(a[i - 1], b[j - 2]) && is_same(a[i - 2], b[j - 1])) {
                row[j] = std::min(row[j], before[j - 2] + 1);
            }
        }
        std::swap(before, above);
        std::swap(above, row);
    }
    return above[b.size()];
}

}  // namespace

std::string nearest(std::string_view name, const std::vector<std::string>& known) {
    std::string best;
    std::size_t least = std::numeric_limits<std::size_t>::max();
    if (name.empty() || name.size() > kLongestCompared) {
        return best;
    }
    for (const auto& candidate : known) {
        const std::size_t allowed =
            std::max<std::size_t>(1, std::max(name.size(), candidate.size()) / 3);
        const std::size_t edits = distance(name, candidate);
        if (edits <= allowed && edits < least) {
            least = edits;
            best = candidate;
        }
    }
    return best;
}

std::string suggest(std::string_view name, const std::vector<std::string>& known) {
    const std::string best = nearest(name, known);
    if (!best.empty()) {
        return "did you mean \"" + best + "\"?";
    }
    if (known.empty()) {
        return {};
    }
    std::string out = "known here: ";
    for (std::size_t i = 0; i < std::min(known.size(), kMostListed); ++i) {
        out += (i == 0 ? "" : ", ") + known[i];
    }
    return known.size() > kMostListed ? out + ", …" : out;
}

}  // namespace muster::plan

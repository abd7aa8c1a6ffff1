#include "plan/findings.h"

#include <algorithm>
#include <map>
#include <utility>

namespace muster::plan {

void Findings::error(Mark mark, std::string message, std::string hint) {
    add({Diagnostic::Severity::kError, mark, std::move(message), std::move(hint)});
}

void Findings::warning(Mark mark, std::string message, std::string hint) {
    add({Diagnostic::Severity::kWarning, mark, std::move(message), std::move(hint)});
}

void Findings::add(Diagnostic diagnostic) {
    if (diagnostics_.size() >= kMax) {
        ++left_out_;
        return;
    }
    diagnostics_.push_back(std::move(diagnostic));
}

std::vector<Diagnostic> Findings::take() {
    sort_in_file_order(diagnostics_);
    if (left_out_ > 0) {
        const Mark last = diagnostics_.back().mark;
        diagnostics_.push_back({Diagnostic::Severity::kError, last,
                                std::to_string(left_out_) + " more mistakes are not shown",
                                "mend the first ones and validate again"});
    }
    left_out_ = 0;
    return std::exchange(diagnostics_, {});
}

void sort_in_file_order(std::vector<Diagnostic>& diagnostics) {
    std::multimap<std::pair<int, int>, Diagnostic> sorted;
    for (auto& diagnostic : diagnostics) {
        const std::pair place(diagnostic.mark.line, diagnostic.mark.column);
        sorted.emplace(place, std::move(diagnostic));
    }
    diagnostics.clear();
    for (auto& [place, diagnostic] : sorted) {
        diagnostics.push_back(std::move(diagnostic));
    }
}

std::string quote(std::string_view text) {
    constexpr std::size_t kLongest = 60;
    std::string out = "\"";
    std::size_t end = std::min(text.size(), kLongest);
    while (end < text.size() && end > 0 &&
           (static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80U) {
        --end;  // never cut a character in two
    }
    for (const char c : text.substr(0, end)) {
        out += static_cast<unsigned char>(c) < 0x20U || c == 0x7F ? '?' : c;
    }
    return out + (end < text.size() ? "…\"" : "\"");
}

std::string join(const std::vector<std::string>& names, std::string_view separator) {
    std::string out;
    for (const auto& name : names) {
        out.append(out.empty() ? "" : separator).append(name);
    }
    return out;
}

}  // namespace muster::plan

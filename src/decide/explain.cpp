#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "decide/decide.h"
#include "decide/words.h"

namespace muster::decide {
namespace {

std::string_view mark(Stage::State state) {
    switch (state) {
        case Stage::State::kPassed:
            return "✓";
        case Stage::State::kStopped:
            return "✗";
        case Stage::State::kNotReached:
            break;
    }
    return "·";
}

constexpr std::size_t kNameWidth = 12;

std::string padded(std::string text, std::size_t width) {
    text.resize(std::max(width, text.size()), ' ');
    return text;
}

std::string rtrim(std::string text) {
    text.erase(text.find_last_not_of(' ') + 1);
    return text;
}

std::string headline(const Decision& decision) {
    auto text = decision.service.str() + ": " + std::string(to_string(decision.kind));
    text += ", " + decision.from.str();
    if (decision.target) {
        text += " → " + decision.target->str();
    }
    return text + (decision.is_site_event ? " (site event)" : "");
}

using Row = std::array<std::string, 6>;

std::string table(const std::vector<Row>& rows) {
    std::array<std::size_t, 6> widths{};
    for (const auto& row : rows) {
        for (std::size_t i = 0; i < row.size(); ++i) {
            widths.at(i) = std::max(widths.at(i), row.at(i).size());
        }
    }
    std::string out;
    for (const auto& row : rows) {
        std::string line = "  ";
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += padded(row.at(i), widths.at(i) + 2);
        }
        out += rtrim(line) + "\n";
    }
    return out;
}

std::string votes_table(const std::vector<Vote>& votes, Instant now) {
    std::vector<Row> rows{{"target", "vantage", "says", "for", "heard", "detail"}};
    for (const auto& vote : votes) {
        auto says = std::string(word(vote.health));
        if (vote.health != probe::Health::kUnknown && vote.evidence != probe::Evidence::kGood) {
            says += " (" + std::string(word(vote.evidence)) + ")";
        }
        rows.push_back({name_of(vote.target), vote.vantage.str(), says,
                        human_duration(now - vote.since),
                        human_duration(now - vote.received) + " ago", vote.detail});
    }
    return table(rows);
}

}  // namespace

std::string explain(const Decision& decision, Instant now) {
    auto out = headline(decision) + "\n" + decision.summary + "\n\n";
    for (const auto& stage : decision.stages) {
        out += rtrim("  " + std::string(mark(stage.state)) + " " + padded(stage.name, kNameWidth) +
                     stage.reason) +
               "\n";
        if (!stage.would_change.empty()) {
            out +=
                "    " + padded("", kNameWidth) + "would change it: " + stage.would_change + "\n";
        }
    }
    if (!decision.votes.empty()) {
        out += "\n" + votes_table(decision.votes, now);
    }
    if (decision.outage_began) {
        out += "\nfirst bad sample " + human_duration(now - *decision.outage_began) + " ago\n";
    }
    if (decision.reconsider) {
        out += "time alone may change this in " + human_duration(*decision.reconsider - now) + "\n";
    }
    return out;
}

}  // namespace muster::decide

#include "cli/repository/progress_text.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "base/units.h"

namespace muster::cli {

namespace {

constexpr Duration kWindow = std::chrono::seconds(10);
constexpr Duration kApart = std::chrono::milliseconds(500);  // Samples that are kept.
constexpr double kLongestLeft = 100 * 86'400;  // Seconds; what takes longer stands still.

std::string size_of(double bytes) {
    return human_size(ByteCount{static_cast<std::int64_t>(bytes)});
}

std::string percent_text(double fraction) {
    // Down, so that 100 % is never said before the end.
    std::array<char, 16> text{};
    std::snprintf(text.data(), text.size(), "%.1f%%", std::floor(fraction * 1000) / 10);
    return text.data();
}

}  // namespace

std::optional<double> fraction_done(const ProgressFigures& figures) {
    if (!figures.total) {
        return {};
    }
    const bool has_bytes = figures.total->bytes > 0;
    const auto all = has_bytes ? figures.total->bytes : figures.total->files;
    const auto done = has_bytes ? figures.done.bytes : figures.done.files;
    return all == 0 ? 1.0 : std::min(1.0, static_cast<double>(done) / static_cast<double>(all));
}

std::optional<std::int64_t> seconds_left(const ProgressFigures& figures) {
    if (!figures.total || figures.bytes_per_second <= 0 ||
        figures.done.bytes >= figures.total->bytes) {
        return {};
    }
    const double left =
        static_cast<double>(figures.total->bytes - figures.done.bytes) / figures.bytes_per_second;
    return left <= kLongestLeft ? std::optional(static_cast<std::int64_t>(std::ceil(left)))
                                : std::nullopt;
}

std::string clock_text(std::int64_t seconds) {
    constexpr std::int64_t kMinute = 60;
    constexpr std::int64_t kHour = 3600;
    const auto two = [](std::int64_t number) {
        return (number < 10 ? "0" : "") + std::to_string(number);
    };
    const std::string end = ":" + two(seconds % kMinute);
    return seconds < kHour
               ? std::to_string(seconds / kMinute) + end
               : std::to_string(seconds / kHour) + ":" + two(seconds % kHour / kMinute) + end;
}

std::string progress_line(const ProgressFigures& figures) {
    const auto elapsed = std::chrono::floor<std::chrono::seconds>(figures.elapsed).count();
    std::string line = "[" + clock_text(elapsed) + "] ";
    if (const auto fraction = fraction_done(figures)) {
        line += percent_text(*fraction) + "  ";
    }
    line += std::to_string(figures.done.files);
    if (figures.total) {
        line += " of " + std::to_string(figures.total->files);
    }
    line += " files, " + size_of(static_cast<double>(figures.done.bytes));
    if (figures.total) {
        line += " of " + size_of(static_cast<double>(figures.total->bytes));
    }
    line += ", " + size_of(figures.bytes_per_second) + "/s, ";
    if (const auto left = seconds_left(figures)) {
        line += "ETA " + clock_text(*left) + ", ";
    }
    return line + std::to_string(figures.problems) + (figures.problems == 1 ? " error" : " errors");
}

std::string status_start(const ProgressFigures& figures) {
    const auto elapsed = std::chrono::floor<std::chrono::seconds>(figures.elapsed).count();
    std::string line = R"({"message_type":"status","seconds_elapsed":)" + std::to_string(elapsed);
    if (const auto left = seconds_left(figures)) {
        line += R"(,"seconds_remaining":)" + std::to_string(*left);
    }
    std::array<char, 32> fraction{};
    std::snprintf(fraction.data(), fraction.size(), "%.6g", fraction_done(figures).value_or(0));
    return line.append(R"(,"percent_done":)").append(fraction.data());
}

std::string count_line(const std::string& what, const ProgressFigures& figures) {
    std::string line = what + " " + std::to_string(figures.done.bytes);
    if (figures.total) {
        line += " / " + std::to_string(figures.total->bytes);
    }
    if (const auto fraction = fraction_done(figures)) {
        line += "  " + percent_text(*fraction);
    }
    if (const auto left = seconds_left(figures)) {
        line += "  ETA " + clock_text(*left);
    }
    return line;
}

void RateMeter::add(Instant now, std::uint64_t count) {
    const auto size = samples_.size();
    if (size >= 2 && now - samples_[size - 2].at < kApart) {
        samples_.back() = {now, count};
    } else {
        samples_.push_back({now, count});
    }
    while (samples_.size() > 2 && now - samples_[1].at >= kWindow) {
        samples_.pop_front();
    }
}

double RateMeter::per_second() const {
    if (samples_.size() < 2) {
        return 0;
    }
    const double seconds = to_seconds(samples_.back().at - samples_.front().at);
    const auto count = samples_.back().count - samples_.front().count;
    return seconds > 0 ? static_cast<double>(count) / seconds : 0;
}

}  // namespace muster::cli

#include <array>
#include <charconv>

#include "agent/replay.h"

namespace muster::agent {

namespace {

constexpr std::string_view kNames =
    "rise, fall, fall_hard, slow, interval, timeout, preset, hold, cooldown, max_per_day, max_loss";

Error bad(const std::string& text, const std::string& why) {
    return {Errc::kInvalid, "--set " + text + ": " + why,
            "write NAME=VALUE, such as fall=5 or hold=20s; the names are " + std::string(kNames)};
}

struct Number {
    std::string_view name;
    std::optional<int>* member;
    int most;
    int least = 1;
};

struct Time {
    std::string_view name;
    std::optional<Duration>* member;
    Duration least{0};
};

Result<int> read(const Number& number, const std::string& text) {
    int value = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    if (read.ec != std::errc{} || read.ptr != end || value < number.least || value > number.most) {
        return Error{Errc::kInvalid, "a whole number from " + std::to_string(number.least) +
                                         " to " + std::to_string(number.most) + " is wanted"};
    }
    return value;
}

Result<Duration> read(const Time& time, const std::string& text) {
    TRY(const auto value, parse_duration(text));
    if (value < time.least) {
        return Error{Errc::kInvalid, "it must be longer than nothing"};
    }
    return value;
}

/// Sets the one of that name; false when there is none.
template <class Settings>
Result<bool> set_one(const Settings& settings, const std::string& name, const std::string& text) {
    for (const auto& setting : settings) {
        if (name == setting.name) {
            TRY(*setting.member, read(setting, text));
            return true;
        }
    }
    return false;
}

std::optional<plan::Preset> preset(const std::string& text) {
    for (const auto one : {plan::Preset::kFast, plan::Preset::kBalanced, plan::Preset::kCareful,
                           plan::Preset::kManual}) {
        if (plan::to_string(one) == text) {
            return one;
        }
    }
    return std::nullopt;
}

}  // namespace

Result<> Thresholds::set(const std::string& text) {
    const auto equals = text.find('=');
    const auto name = text.substr(0, equals);
    const auto value = equals == std::string::npos ? std::string() : text.substr(equals + 1);
    const std::array numbers{
        Number{"rise", &rise, plan::kMostInRow}, Number{"fall", &fall, plan::kMostInRow},
        Number{"fall_hard", &fall_hard, plan::kMostInRow}, Number{"slow", &slow, plan::kMostSlow},
        Number{"max_per_day", &max_per_day, plan::kMostMovesPerDay, 0}};
    const std::array times{Time{"interval", &interval, Duration(1)},
                           Time{"timeout", &timeout, Duration(1)}, Time{"hold", &hold},
                           Time{"cooldown", &cooldown}, Time{"max_loss", &max_loss}};
    auto is_set = set_one(numbers, name, value);
    if (is_set && !*is_set) {
        is_set = set_one(times, name, value);
    }
    if (!is_set) {
        return bad(text, is_set.error().message());
    }
    if (*is_set) {
        return {};
    }
    if (name == "preset") {
        preset = agent::preset(value);
        return preset ? Result<>() : bad(text, "the presets are fast, balanced, careful, manual");
    }
    return bad(text, "there is no threshold \"" + name + "\"");
}

bool Thresholds::is_empty() const {
    return !rise && !fall && !fall_hard && !slow && !interval && !timeout && !preset && !hold &&
           !cooldown && !max_per_day && !max_loss;
}

}  // namespace muster::agent

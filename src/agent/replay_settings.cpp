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

std::optional<int> whole(const std::string& text) {
    int value = 0;
    const char* end = text.data() + text.size();
    const auto read = std::from_chars(text.data(), end, value);
    return read.ec == std::errc{} && read.ptr == end && value > 0 && value <= 1000
               ? std::optional(value)
               : std::nullopt;
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
    const std::array numbers{std::pair("rise", &rise), std::pair("fall", &fall),
                             std::pair("fall_hard", &fall_hard), std::pair("slow", &slow),
                             std::pair("max_per_day", &max_per_day)};
    for (const auto& [known, member] : numbers) {
        if (name == known) {
            *member = whole(value);
            return *member ? Result<>() : bad(text, "a whole number from 1 to 1000 is wanted");
        }
    }
    const std::array times{std::pair("interval", &interval), std::pair("timeout", &timeout),
                           std::pair("hold", &hold), std::pair("cooldown", &cooldown),
                           std::pair("max_loss", &max_loss)};
    for (const auto& [known, member] : times) {
        if (name == known) {
            const auto read = parse_duration(value);
            if (!read) {
                return bad(text, read.error().message());
            }
            *member = *read;
            return {};
        }
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

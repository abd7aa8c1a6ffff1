#include "probe/probe.h"

#include <algorithm>

#include "probe/attempts.h"

namespace muster::probe {

std::string TargetId::str() const {
    std::string text = service.str() + "/" + component.str() + "@" + site.str();
    if (!instance.empty()) {
        text += "#" + instance;
    }
    return text;
}

std::string_view to_string(Evidence evidence) {
    switch (evidence) {
        case Evidence::kGood:
            return "good";
        case Evidence::kSlow:
            return "slow";
        case Evidence::kSilence:
            return "silence";
        case Evidence::kHard:
            return "hard";
    }
    return "silence";
}

void Registry::add(std::string_view type, Entry entry) {
    entries_.insert_or_assign(std::string(type), std::move(entry));
}

Result<Registry::Single> Registry::make_single(const Settings& settings, Deps deps) const {
    const auto found = entries_.find(settings.plan.type);
    if (found == entries_.end()) {
        std::string known;
        for (const auto& [name, entry] : entries_) {
            known += (known.empty() ? "" : ", ") + name;
        }
        return Error{
            Errc::kInvalid,
            "\"" + settings.plan.type + "\" is not a probe type (" + settings.target.str() + ")",
            "use one of: " + known};
    }
    auto made = found->second.make(settings, std::move(deps));
    if (!made) {
        return std::move(made).error().with("the probe of " + settings.target.str());
    }
    const int attempts = found->second.is_retried ? std::max(1, settings.plan.attempts) : 1;
    return Single{std::move(*made), attempts};
}

Result<std::unique_ptr<Probe>> Registry::make(const Settings& settings, Deps deps) const {
    TRY(auto single, make_single(settings, deps));
    if (single.attempts <= 1) {
        return std::move(single.probe);
    }
    return with_attempts(std::move(single.probe), single.attempts, std::move(deps));
}

namespace {

bool is_name(std::string_view text) {
    const auto is_part = [](unsigned char c) {
        return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    };
    return !text.empty() && text.front() >= 'a' && text.front() <= 'z' &&
           std::ranges::all_of(text, is_part);
}

std::string listed(const Fields& variables) {
    std::string names;
    for (const auto& [name, value] : variables) {
        names += (names.empty() ? "{" : ", {") + name + "}";
    }
    return names.empty() ? "none" : names;
}

}  // namespace

Result<std::string> fill(std::string_view text, const Fields& variables) {
    std::string filled;
    while (true) {
        const auto open = text.find('{');
        const auto close = open == std::string_view::npos ? open : text.find('}', open);
        if (close == std::string_view::npos) {
            filled += text;
            return filled;
        }
        const auto name = text.substr(open + 1, close - open - 1);
        if (!is_name(name)) {
            // Braces of something else: a regular expression, a JSON body.
            filled += text.substr(0, open + 1);
            text.remove_prefix(open + 1);
            continue;
        }
        const auto found = variables.find(std::string(name));
        if (found == variables.end()) {
            return Error{Errc::kInvalid, "{" + std::string(name) + "} is not known here",
                         "known are: " + listed(variables)};
        }
        filled += text.substr(0, open);
        filled += found->second;
        text.remove_prefix(close + 1);
    }
}

}  // namespace muster::probe

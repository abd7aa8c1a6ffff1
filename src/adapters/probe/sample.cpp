#include "adapters/probe/sample.h"

#include "adapters/net/failure.h"

namespace muster::adapters {

Result<probe::Sample> failed_sample(const Error& error, Duration latency) {
    if (error.code() == Errc::kCancelled) {
        return error;
    }
    probe::Sample sample;
    sample.evidence = is_refusal(error) ? probe::Evidence::kHard : probe::Evidence::kSilence;
    sample.detail = error.message();
    sample.latency = latency;
    return sample;
}

probe::Sample answered_sample(std::string detail, Duration latency, Duration budget) {
    probe::Sample sample;
    sample.evidence = probe::Evidence::kGood;
    sample.detail = std::move(detail);
    sample.latency = latency;
    if (budget > Duration::zero() && latency > budget) {
        sample.evidence = probe::Evidence::kSlow;
        sample.detail +=
            " in " + human_duration(latency) + ", over the budget of " + human_duration(budget);
    }
    return sample;
}

Result<Duration> duration_at(const plan::Node& settings, std::string_view key) {
    const auto text = settings.text(key);
    if (text.empty()) {
        return Duration::zero();
    }
    return parse_duration(text).with(key);
}

Result<std::string> text_at(const probe::Settings& settings, std::string_view key) {
    return probe::fill(settings.plan.settings.text(key), settings.variables).with(key);
}

}  // namespace muster::adapters

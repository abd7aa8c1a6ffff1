#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "workflow/run.h"

namespace muster::evidence {

/// The six parts of a recovery time, each from one clock; nothing where it was not measured.
struct Parts {
    std::optional<Duration> detect;      ///< First bad sample → verdict down.
    std::optional<Duration> decide;      ///< → decision.
    std::optional<Duration> fence;       ///< → every fence confirmed.
    std::optional<Duration> promote;     ///< → writes accepted at the new site.
    std::optional<Duration> steer;       ///< → the entry answers the new site.
    std::optional<Duration> users_back;  ///< → first good answer through the real entry point.
    std::optional<Duration> total;       ///< RTO: first bad sample → users back.
};

/// Loss as measured: never assumed.
struct Loss {
    std::optional<Duration> time;  ///< RPO: age of the newest data that arrived.
    std::optional<std::uint64_t> bytes;
    std::optional<std::uint64_t> transactions;
    std::optional<std::uint64_t> own;  ///< Of those, muster's own marks.
    std::string artefact;              ///< Where what was lost is kept.
    std::string tables;  ///< Which it touched, with their changes, as far as it can be told.
    /// Commits waited for the new primary: what is lost was acknowledged to nobody.
    bool was_in_sync = false;
    /// The application's own acknowledgements, asked for at the new primary.
    std::optional<std::uint64_t> sampled;  ///< Nothing: not sampled, or it failed.
    std::optional<std::uint64_t> missing;  ///< Of these.
    std::string missing_ids;               ///< The first of them.
    std::string sample_error;              ///< Why the sample failed.
};

enum class Objective { kMet, kMissed, kUnknown };
std::string_view to_string(Objective objective);

/// A run, measured against its objectives.
struct Report {
    workflow::Run run;
    Parts parts;
    Loss loss;
    Objective rpo = Objective::kUnknown;
    Objective rto = Objective::kUnknown;
};

/// Reads the measurements off a run's steps: their phases are in the step ids and outputs (see
/// docs/reference/report.md). Pure.
Report measure(const workflow::Run& run);

std::string to_json(const Report& report);
std::string to_markdown(const Report& report);
/// One self-contained page with the timeline inline.
std::string to_html(const Report& report);
/// The timeline alone, as an SVG picture.
std::string timeline_svg(const Report& report);

}  // namespace muster::evidence

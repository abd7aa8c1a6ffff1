#include "base/units.h"
#include "cli/render.h"
#include "cli/table.h"

namespace muster::cli {

namespace {

Colour state_colour(const std::string& state) {
    if (state == "protected") {
        return Colour::kGood;
    }
    return state == "unverified" || state == "exposed" ? Colour::kWarn : Colour::kBad;
}

std::string second_of(const std::string& time) {
    constexpr std::size_t kSeconds = 19;  // "2026-11-21T02:00:00", then fractions and Z.
    if (time.size() < kSeconds) {
        return "never";
    }
    return time.substr(0, 10) + " " + time.substr(11, 8) + "Z";
}

std::string next_of(const JsonView& job) {
    if (const auto activity = job.text("activity"); !activity.empty()) {
        return activity + " now";
    }
    return job.text("hold").empty() ? second_of(job.text("next")) : "waits";
}

std::string size_of(const JsonView& job) {
    const auto bytes = job["last"].whole("bytes");
    return bytes ? human_size(ByteCount{*bytes}) : "";
}

}  // namespace

std::string backup_table(const std::vector<JsonView>& jobs, bool has_colours) {
    Table table({"BACKUP OF", "REPOSITORY", "STATE", "LAST", "SIZE", "VERIFIED DATA IS", "NEXT"});
    for (const auto& job : jobs) {
        const auto state = job.text("state");
        const auto age = job.number("verified_age_s");
        table.add(
            {{job.text("service") + "/" + job.text("component")},
             {job.text("repository")},
             {state, state_colour(state)},
             {second_of(job["last"].text("at"))},
             {size_of(job)},
             {age ? human_seconds(age) + " old" : "unknown", age ? Colour::kPlain : Colour::kWarn},
             {next_of(job)}});
    }
    return jobs.empty() ? "" : table.render(has_colours);
}

std::string render_backups(const JsonView& answer, bool has_colours) {
    const auto jobs = answer.items("backups");
    std::string out =
        jobs.empty() ? "the plan backs nothing up\n" : backup_table(jobs, has_colours);
    for (const auto& job : jobs) {
        const auto detail = job.text("hold").empty() ? job.text("detail") : job.text("hold");
        if (!detail.empty()) {
            out += job.text("service") + "/" + job.text("component") + " to " +
                   job.text("repository") + ": " + detail + "\n";
        }
    }
    return out;
}

}  // namespace muster::cli

#include <boost/json.hpp>

#include "api/encode.h"

namespace muster::api {

namespace json = boost::json;

namespace {

json::value encode_taken(const std::optional<protection::Taken>& taken) {
    if (!taken) {
        return nullptr;
    }
    return json::object{{"snapshot", taken->snapshot},        {"at", format_wall(taken->at)},
                        {"site", taken->site.str()},          {"files", taken->extent.files},
                        {"bytes", taken->extent.bytes.bytes}, {"added_bytes", taken->added.bytes},
                        {"took_s", to_seconds(taken->took)}};
}

}  // namespace

json::object encode(const protection::JobStatus& job) {
    const auto& standing = job.standing;
    const bool has_next = job.next != WallTime::max();
    return {{"service", job.id.service.str()},
            {"component", job.id.component.str()},
            {"repository", job.id.repository},
            {"site", job.site.str()},
            {"state", standing.state},
            {"detail", standing.detail},
            {"is_protected", standing.is_protected},
            {"activity", job.activity},
            {"hold", job.hold},
            {"last", encode_taken(job.good)},
            {"verified_at", wall_or_null(job.verified)},
            {"verified_age_s", seconds_or_null(standing.verified_age)},
            {"allowed_age_s", to_seconds(standing.allowed)},
            {"next", has_next ? json::value(format_wall(job.next)) : json::value(nullptr)},
            {"next_verify", wall_or_null(job.next_trial)},
            {"failures", job.failures}};
}

}  // namespace muster::api

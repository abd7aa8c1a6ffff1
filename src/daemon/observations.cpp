#include "daemon/observations.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "adapters/os/segment_files.h"
#include "daemon/load_plan.h"

namespace muster::daemon {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostPlans = 64;

std::string plan_name(const std::string& digest) {
    return std::string(kObservations) + "/plan-" + digest + ".yaml";
}

// The oldest copies go; a record that old went before.
void remove_oldest_plans(const std::string& directory) {
    std::vector<std::pair<fs::file_time_type, fs::path>> plans;
    std::error_code failed;
    std::error_code unknown;
    for (fs::directory_iterator at(directory, failed); at != fs::directory_iterator();
         at.increment(failed)) {
        if (at->path().extension() == ".yaml") {
            plans.emplace_back(at->last_write_time(unknown), at->path());
        }
    }
    std::ranges::sort(plans);
    for (std::size_t i = 0; i + kMostPlans < plans.size(); ++i) {
        fs::remove(plans[i].second, unknown);
    }
}

}  // namespace

Result<> keep_plan(const DataDirectory& data, const std::string& path, const plan::Plan& plan,
                   const plan::Vocabulary& vocabulary) {
    const auto name = plan_name(plan.digest);
    std::error_code unknown;
    if (fs::exists(data.file(name), unknown)) {
        return {};
    }
    std::ostringstream text;
    text << std::ifstream(path, std::ios::binary).rdbuf();
    TRY_OK(data.write(name, text.str()));
    const auto kept = load_plan(data.file(name), vocabulary);
    if (!kept || kept->digest != plan.digest) {
        data.remove(name);
        return Error{Errc::kConflict, path + " changed while it was read",
                     "a replay of what comes now will not find its plan; reload it"};
    }
    remove_oldest_plans(data.file(kObservations));
    return {};
}

Result<agent::Replay> replay_directory(const std::string& data, agent::ReplayOf wanted,
                                       const plan::Vocabulary& vocabulary) {
    TRY(wanted.segments, adapters::read_segments(data + "/" + kObservations));
    wanted.plan = [&data, &vocabulary](const std::string& digest) -> Result<plan::Plan> {
        return load_plan(data + "/" + plan_name(digest), vocabulary);
    };
    return agent::replay(wanted);
}

}  // namespace muster::daemon

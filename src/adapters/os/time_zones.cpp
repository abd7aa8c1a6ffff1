#include "adapters/os/time_zones.h"

#include <cstdlib>
#include <fstream>
#include <iterator>

namespace muster::adapters {
namespace {

constexpr std::size_t kLargest = std::size_t{1} << 20U;

}  // namespace

Result<protection::TimeZone> SystemTimeZones::find(const std::string& name) {
    const char* given = std::getenv("TZDIR");  // NOLINT(concurrency-mt-unsafe): nobody sets it
    const std::string folder =
        given == nullptr || *given == '\0' ? "/usr/share/zoneinfo" : std::string(given);
    const bool is_odd = name.empty() || name.front() == '/' || name.find("..") != std::string::npos;
    std::ifstream file;
    if (!is_odd) {
        file.open(folder + "/" + name, std::ios::binary);
    }
    std::string bytes;
    if (file.is_open()) {
        bytes.assign(std::istreambuf_iterator<char>(file), {});
    }
    if (bytes.empty()) {
        return Error{Errc::kNotFound, "this machine knows no time zone \"" + name + "\"",
                     "write it as Europe/Berlin; the package tzdata brings them all"};
    }
    if (bytes.size() > kLargest) {
        return Error{Errc::kCorrupt, "the file of the time zone " + name + " is too large"};
    }
    return protection::TimeZone::parse(bytes).with("the time zone " + name);
}

std::vector<plan::Diagnostic> unknown_zones(const plan::Plan& plan) {
    SystemTimeZones zones;
    std::vector<plan::Diagnostic> found;
    for (const auto& service : plan.services) {
        for (const auto& component : service.components) {
            if (!component.backup || component.backup->zone == "UTC") {
                continue;
            }
            if (const auto zone = zones.find(component.backup->zone); !zone) {
                found.push_back({plan::Diagnostic::Severity::kError, component.backup->mark,
                                 zone.error().message(), zone.error().hint()});
            }
        }
    }
    return found;
}

}  // namespace muster::adapters

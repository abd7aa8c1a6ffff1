// Rules of meaning of repositories and backups.

#include <algorithm>
#include <array>

#include "plan/meaning.h"
#include "plan/nearest.h"

namespace muster::plan {
namespace {

constexpr std::array<std::string_view, 4> kRemote{"s3:", "rest:", "sftp:", "s3+"};

bool is_path(const std::string& at) {
    return std::ranges::none_of(kRemote, [&at](auto scheme) { return at.starts_with(scheme); });
}

/// "rest:https://user:secret@host/": between the scheme and the first slash.
bool has_password(const std::string& at) {
    const auto begin = at.find("://");
    if (begin == std::string::npos) {
        return false;
    }
    const auto host = std::string_view(at).substr(begin + 3);
    const auto user = host.substr(0, host.find('/'));
    const auto end = user.rfind('@');
    return end != std::string_view::npos && user.substr(0, end).find(':') != std::string_view::npos;
}

void check_schedule(const Node& node, std::string_view key, Findings& findings) {
    const Node* const value = node.find(key);
    const bool is_off = key == "verify" && value != nullptr && value->scalar == "never";
    if (value == nullptr || !value->is_scalar() || is_off) {
        return;
    }
    if (const auto parsed = parse_schedule(value->scalar); !parsed) {
        findings.error(value->mark, std::string(key) + ": " + parsed.error().message(),
                       parsed.error().hint());
    }
}

void check_rates(const Repository& repository, const Node& node, Findings& findings) {
    const Node& limit = at_path(node, {"limit"});
    for (const auto& [key, rate] :
         {std::pair("upload", repository.upload), std::pair("download", repository.download)}) {
        if (rate && rate->bytes < 1024) {
            findings.error(at_path(limit, {key}).mark,
                           repository.name + " may take less than 1KiB/s: nothing would end",
                           "write a limit such as 20MB/s, or none");
        }
    }
}

void check_repository(const Subject& subject, const Repository& repository, Findings& findings) {
    const Node& node = at_path(subject.document, {"repositories", repository.name});
    const Node& at = at_path(node, {"at"});
    const std::string path =
        repository.at.starts_with("local:") ? repository.at.substr(6) : repository.at;
    if (has_password(repository.at)) {
        findings.error(at.mark, "the location of " + repository.name + " has a password in it",
                       "leave it out and add `environment: {RESTIC_REST_USERNAME: {…}, "
                       "RESTIC_REST_PASSWORD: {…}}`");
    } else if (at.is_scalar() && is_path(repository.at) && !path.starts_with('/')) {
        findings.error(at.mark, "the path of " + repository.name + " is not absolute",
                       "write it from the root on, as /srv/backups/" + repository.name);
    }
    check_schedule(node, "check", findings);
    check_schedule(node, "prune", findings);
    check_rates(repository, node, findings);
    const auto is_region = [&repository](const Site& site) {
        return site.region == repository.region;
    };
    if (!repository.region.empty() && std::ranges::none_of(subject.plan.sites, is_region)) {
        std::vector<std::string> known;
        known.reserve(subject.plan.sites.size());
        for (const auto& site : subject.plan.sites) {
            known.push_back(site.region);
        }
        const auto near = nearest(repository.region, known);
        if (!near.empty()) {
            findings.warning(at_path(node, {"region"}).mark,
                             "no site lies in " + quote(repository.region) + ", where " +
                                 repository.name + " is said to be",
                             suggest(repository.region, known));
        }
    }
}

struct Part {
    const Subject& subject;
    const Service& service;
    const Component& component;
    const Backup& backup;
    const Node& node;

    [[nodiscard]] std::string name() const { return service.id.str() + "." + component.id.str(); }
};

void check_source(const Part& part, Findings& findings) {
    const auto& from = part.backup.from;
    const Node* const named = part.node.find("from");
    if (from == "standby" && part.service.standby.empty()) {
        findings.error(named == nullptr ? part.node.mark : named->mark,
                       part.name() + " has no standby to be backed up from", "use from: primary");
    } else if (from != "primary" && from != "standby" && !part.subject.sites.known.contains(from)) {
        const auto& known = part.subject.sites.known;
        findings.error(named == nullptr ? part.node.mark : named->mark,
                       "unknown site " + quote(from) + " in the backup of " + part.name(),
                       suggest(from, {known.begin(), known.end()}));
    } else if (from != "primary" && from != "standby" && !part.component.sites.empty() &&
               part.component.at(SiteId(from)) == nullptr) {
        findings.error(named == nullptr ? part.node.mark : named->mark,
                       part.name() + " is not at " + quote(from) + ", where it is to be backed up",
                       "name one of its sites, or primary or standby");
    }
    for (const auto& path : part.backup.paths) {
        if (!path.starts_with('/') && !path.starts_with("${")) {
            findings.error(mark_of(part.node, "paths", path),
                           "the path " + quote(path) + " of " + part.name() + " is not absolute",
                           "write it from the root on");
        }
    }
}

void check_keep(const Part& part, Findings& findings) {
    if (!part.backup.keep) {
        return;
    }
    const auto mark = at_path(part.node, {"keep"}).mark;
    if (part.backup.keep->empty()) {
        findings.error(mark, "keep of " + part.name() + " keeps nothing: every snapshot would go",
                       "write keep: {daily: 7, weekly: 4}, or leave it out to keep all");
    } else if (part.backup.keep->within && *part.backup.keep->within < std::chrono::hours(1)) {
        findings.error(mark, "keep.within of " + part.name() + " is less than 1h",
                       "write a longer one, such as 14d");
    }
}

/// ≥ 2 copies, at least one of them in another failure domain than the data.
void check_domains(const Part& part, Findings& findings) {
    // What is read at a standby is the same data.
    const Site* const site = part.subject.plan.find(part.service.primary);
    std::vector<std::string> known;
    for (const auto& name : part.backup.to) {
        const auto* repository = part.subject.plan.find_repository(name);
        if (repository == nullptr) {
            return;
        }
        if (site != nullptr && !repository->region.empty() && repository->region != site->region) {
            return;
        }
        known.push_back(name);
    }
    if (site != nullptr && !known.empty()) {
        findings.warning(at_path(part.node, {"to"}).mark,
                         "no repository of " + part.name() +
                             " is said to lie in another failure domain than its data (" +
                             site->region + "): one fire takes both",
                         "back up to a repository elsewhere as well, and give each its region");
    }
}

void check_trial(const Part& part, Findings& findings) {
    const Node* const verify = part.node.find("verify");
    if (verify != nullptr && verify->scalar == "never") {
        findings.warning(
            verify->mark,
            "backups of " + part.name() + " are never restored: they count as no protection",
            "use verify: weekly");
    }
    for (const auto& variable :
         {std::string("schedule"), std::string("full"), std::string("verify")}) {
        check_schedule(part.node, variable, findings);
    }
    if (part.backup.schedule.every && part.backup.jitter >= *part.backup.schedule.every &&
        part.backup.jitter > Duration{}) {
        findings.error(
            at_path(part.node, {"jitter"}).mark,
            "the jitter of " + part.name() + " is as long as the time between two backups",
            "lower it");
    }
}

}  // namespace

void check_repositories(const Subject& subject, Findings& findings) {
    for (const auto& repository : subject.plan.repositories) {
        check_repository(subject, repository, findings);
    }
}

void check_backup(const Subject& subject, const Service& service, const Component& component,
                  Findings& findings) {
    if (!component.backup) {
        return;
    }
    const Node& node = at_path(subject.document, {"services", service.id.str(), "components",
                                                  component.id.str(), "backup"});
    const Part part{subject, service, component, *component.backup, node};
    References repositories{"repository", {}};
    for (const auto& repository : subject.plan.repositories) {
        repositories.known.insert(repository.name);
    }
    check_references(node.find("to"), repositories, "", findings);
    check_source(part, findings);
    check_keep(part, findings);
    check_trial(part, findings);
    check_domains(part, findings);
}

}  // namespace muster::plan

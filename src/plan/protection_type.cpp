#include "plan/protection_type.h"

#include <algorithm>
#include <array>

#include "plan/scalar.h"

namespace muster::plan {
namespace {

constexpr std::array<const char*, 6> kKept{"last",   "hourly",  "daily",
                                           "weekly", "monthly", "yearly"};

Field required(std::string name, Type type) {
    return {std::move(name), std::move(type), true, {}};
}

Field optional(std::string name, Type type, std::string fallback = {}) {
    return {std::move(name), std::move(type), false, std::move(fallback)};
}

Type pattern(std::string_view expression, std::string doc) {
    Type type = Type::text(std::move(doc));
    type.pattern = std::string(expression);
    return type;
}

Type schedule_type(std::string doc) {
    return pattern(kSchedulePattern, std::move(doc));
}

Type some(Type list) {
    list.min = 1;
    return list;
}

Type argv(std::string doc) {
    return some(Type::list(Type::text("a word"), std::move(doc)));
}

Type secret_type(std::string doc) {
    Type type = Type::object(
        {
            optional("file", pattern(".{1,256}", "a file that only the node may read")),
            optional("environment", pattern("[A-Za-z_][A-Za-z0-9_]{0,126}",
                                            "a variable of the node's environment")),
        },
        std::move(doc) + ": {file: PATH} or {environment: NAME}; a plan holds no secret itself");
    type.exactly_one_of = {"file", "environment"};
    type.is_secret = true;
    return type;
}

Type rate_type(std::string doc) {
    return pattern("(?:" + std::string(kSizePattern) + ")/s", std::move(doc) + ", such as 20MB/s");
}

Type keep_type() {
    std::vector<Field> fields;
    fields.reserve(kKept.size() + 2);
    for (const auto* kept : kKept) {
        fields.push_back(optional(kept, Type::integer(0, 100'000, "so many of these stay")));
    }
    fields.push_back(optional("within", Type::duration("all stay that are not older, from 1h on")));
    fields.push_back(
        optional("tags", some(Type::list(Type::text("a tag"), "all with one of these stay"))));
    return Type::object(std::move(fields), "which snapshots stay, as muster forget --keep-…");
}

std::optional<Schedule> schedule(const Node& node, std::string_view key) {
    auto parsed = parse_schedule(node.text(key));
    return parsed ? std::optional(std::move(*parsed)) : std::nullopt;
}

std::optional<Duration> duration(const Node& node, std::string_view key) {
    const auto text = node.text(key);
    const auto parsed = is_duration(text) ? parse_duration(text) : Result<Duration>(Duration{});
    return is_duration(text) && parsed ? std::optional<Duration>(*parsed) : std::nullopt;
}

SecretPlace secret(const Node* node) {
    return node == nullptr ? SecretPlace{}
                           : SecretPlace{node->text("file"), node->text("environment")};
}

std::optional<ByteCount> rate(const Node* limits, std::string_view key) {
    auto text = limits == nullptr ? std::string() : limits->text(key);
    if (!text.ends_with("/s")) {
        return std::nullopt;
    }
    text.resize(text.size() - 2);
    const auto size = parse_size(text);
    return size ? std::optional(*size) : std::nullopt;
}

Keep build_keep(const Node& node) {
    Keep keep;
    for (const auto* kept : kKept) {
        if (node.find(kept) != nullptr) {
            keep.counts[kept] = node.integer(kept, 0);
        }
    }
    keep.within = duration(node, "within");
    keep.tags = node.texts("tags");
    return keep;
}

}  // namespace

bool Keep::empty() const {
    const bool counts_some =
        std::ranges::any_of(counts, [](const auto& entry) { return entry.second > 0; });
    return !counts_some && !within && tags.empty();
}

Type repository_type() {
    Type environment = Type::map(secret_type("its value"), "credentials of the store, by variable");
    environment.pattern = "[A-Za-z_][A-Za-z0-9_]{0,62}";
    Type type = Type::object(
        {
            required("at", pattern(".{1,256}",
                                   "where it is: a path, s3:https://HOST/BUCKET, "
                                   "rest:https://HOST/ or sftp:USER@HOST:PATH")),
            required("password", secret_type("the repository's password")),
            optional("environment", environment),
            optional("limit", Type::object({optional("upload", rate_type("bytes written")),
                                            optional("download", rate_type("bytes read"))},
                                           "the bandwidth that it may take")),
            optional("region", Type::text("the failure domain that it lies in, as a site's")),
            optional("check", schedule_type("when its structure is checked")),
            optional("prune", schedule_type("when what was forgotten is removed")),
        },
        "where backups are kept, in restic's format");
    type.name = "repository";
    return type;
}

Type backup_type() {
    Type name = pattern(kNamePattern, "the name of a repository");
    Type type = Type::object(
        {
            required("to", Type::one_or_list(name, "the repositories that it goes to")),
            optional("paths", some(Type::list(Type::text("an absolute path"),
                                              "files and directories that are backed up"))),
            optional("command", argv("its output is backed up, as one file")),
            optional("file", pattern("[^/]{1,200}", "what that file is called"), "COMPONENT.dump"),
            optional("from", pattern(kNamePattern, "primary, standby, or a site"), "primary"),
            required("schedule",
                     schedule_type("when: \"02:00\", \"02:00 Mon-Fri\", 6h, daily, or crontab's")),
            optional("zone",
                     pattern("[A-Za-z0-9_+-]+(?:/[A-Za-z0-9_+-]+)*",
                             "the time zone of the schedules, as Europe/Berlin"),
                     "UTC"),
            optional("jitter", Type::duration("it begins up to so much later"), "0s"),
            optional("full", schedule_type("when everything is read again")),
            optional("keep", keep_type(), "all of them"),
            optional("verify",
                     schedule_type("when the newest one is restored as a trial; or never"),
                     "weekly"),
            optional("check", argv("asked after a trial; ${restored} is where it lies")),
            optional("restore_to", pattern("/.{1,255}", "a folder for trials"), "the node's own"),
            optional("exclude", some(Type::list(Type::text("a pattern"), "what is left out"))),
            optional("tags", some(Type::list(pattern("[^,]{1,100}", "a tag without a comma"),
                                             "of each snapshot"))),
            optional("pre",
                     argv("run before, at the same host; when it fails, there is no backup")),
            optional("post", argv("run after, whatever happened")),
            optional("run_as", Type::text("the user that reads"), "the site's, for a command"),
            optional("program", Type::text("where muster is, at hosts that ssh reaches"), "muster"),
            optional("timeout", Type::duration("the longest that it may take"), "24h"),
        },
        "how it is backed up");
    type.exactly_one_of = {"paths", "command"};
    type.name = "backup";
    return type;
}

Repository build_repository(const Node::Entry& entry) {
    const Node& node = entry.value;
    Repository repository;
    repository.name = entry.key;
    repository.at = node.text("at");
    repository.password = secret(node.find("password"));
    if (const Node* const variables = node.find("environment"); variables != nullptr) {
        for (const auto& variable : variables->entries) {
            repository.environment[variable.key] = secret(&variable.value);
        }
    }
    repository.upload = rate(node.find("limit"), "upload");
    repository.download = rate(node.find("limit"), "download");
    repository.region = node.text("region");
    repository.check = schedule(node, "check");
    repository.prune = schedule(node, "prune");
    repository.mark = entry.key_mark;
    return repository;
}

Backup build_backup(const Node& node) {
    Backup backup;
    backup.to = node.texts("to");
    backup.paths = node.texts("paths");
    backup.command = node.texts("command");
    backup.file = node.text("file");
    backup.from = node.text("from", backup.from);
    backup.schedule = schedule(node, "schedule").value_or(Schedule{});
    backup.zone = node.text("zone", backup.zone);
    backup.jitter = duration(node, "jitter").value_or(backup.jitter);
    backup.full = schedule(node, "full");
    if (const Node* const keep = node.find("keep"); keep != nullptr) {
        backup.keep = build_keep(*keep);
    }
    backup.verify = node.find("verify") == nullptr ? parse_schedule("weekly").value()
                                                   : schedule(node, "verify");
    backup.check_command = node.texts("check");
    backup.restore_to = node.text("restore_to");
    backup.exclude = node.texts("exclude");
    backup.tags = node.texts("tags");
    backup.pre = node.texts("pre");
    backup.post = node.texts("post");
    backup.run_as = node.text("run_as");
    backup.program = node.text("program", "muster");
    backup.timeout = duration(node, "timeout").value_or(backup.timeout);
    backup.mark = node.mark;
    return backup;
}

}  // namespace muster::plan

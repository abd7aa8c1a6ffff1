#include "protection/tools.h"

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <sstream>

#include "workflow/shell_line.h"

namespace muster::protection {
namespace {

namespace json = boost::json;

constexpr std::size_t kMostOutput = std::size_t{1} << 20U;
constexpr std::size_t kLongestComplaint = 300;

void add(std::vector<std::string>& words, std::initializer_list<std::string> more) {
    words.insert(words.end(), more);
}

void add_limits(std::vector<std::string>& words, const plan::Repository& repository) {
    if (repository.upload) {
        add(words, {"--limit-upload", std::to_string(repository.upload->bytes / 1024)});
    }
    if (repository.download) {
        add(words, {"--limit-download", std::to_string(repository.download->bytes / 1024)});
    }
}

Fields environment_of(const plan::Repository& repository, const Secrets& secrets) {
    Fields environment;
    for (const auto& [name, secret] : secrets) {
        environment[name] = secret.reveal();
    }
    environment["RESTIC_REPOSITORY"] = repository.at;
    return environment;
}

// Reads NAME=VALUE lines up to an empty one, exports them, and becomes the program.
constexpr const char* kReadVariables =
    "while IFS= read -r line && [ -n \"$line\" ]; do export \"$line\"; done; exec \"$@\"";

std::vector<std::string> filled(const std::vector<std::string>& words, const Fields& variables) {
    std::vector<std::string> out;
    out.reserve(words.size());
    for (const auto& word : words) {
        out.push_back(fill(word, variables));
    }
    return out;
}

void add_source(std::vector<std::string>& words, const Job& job) {
    const auto& backup = job.backup;
    for (const auto& pattern : backup.exclude) {
        words.push_back("--exclude=" + pattern);
    }
    if (!backup.pre.empty()) {
        words.push_back("--pre-hook=" + workflow::shell_line(filled(backup.pre, job.variables)));
    }
    if (!backup.post.empty()) {
        words.push_back("--post-hook=" + workflow::shell_line(filled(backup.post, job.variables)));
    }
    const bool is_command = !backup.command.empty();
    if (is_command) {
        add(words, {"--stdin-from-command",
                    "--stdin-filename=" +
                        (backup.file.empty() ? job.id.component.str() + ".dump" : backup.file)});
    }
    words.emplace_back("--");
    const auto source = filled(is_command ? backup.command : backup.paths, job.variables);
    words.insert(words.end(), source.begin(), source.end());
}

/// restic's own form of a time span: whole hours.
std::string span_text(Duration span) {
    return std::to_string(std::chrono::ceil<std::chrono::hours>(span).count()) + "h";
}

/// The objects among the lines of an output, the last first.
std::vector<json::object> objects_in(const std::string& output) {
    std::vector<json::object> found;
    std::istringstream lines(output);
    for (std::string line; std::getline(lines, line);) {
        boost::system::error_code failure;
        auto value = json::parse(line, failure);
        if (!failure && value.is_object()) {
            found.push_back(std::move(value.get_object()));
        }
    }
    std::ranges::reverse(found);
    return found;
}

std::int64_t whole(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    if (value == nullptr || !value->is_number()) {
        return 0;
    }
    boost::system::error_code failure;
    const auto number = value->to_number<std::int64_t>(failure);
    return failure ? 0 : number;
}

std::string text(const json::object& object, std::string_view key) {
    const auto* value = object.if_contains(key);
    return value != nullptr && value->is_string() ? std::string(value->get_string()) : "";
}

/// {"error": {"message": …}, "item": …} as restic and muster say it, or {"message": …}.
std::string message_of(const json::object& object) {
    std::string message = text(object, "message");
    if (const auto* error = object.if_contains("error"); error != nullptr && error->is_object()) {
        message = text(error->get_object(), "message");
    }
    const auto item = text(object, "item");
    return item.empty() || message.empty() ? message : item + ": " + message;
}

}  // namespace

std::string tag_of(const JobId& job) {
    return "muster:" + job.service.str() + "/" + job.component.str();
}

std::string fill(std::string text, const Fields& variables) {
    for (std::size_t begin = text.find("${"); begin != std::string::npos;) {
        const auto end = text.find('}', begin);
        if (end == std::string::npos) {
            break;
        }
        const auto known = variables.find(text.substr(begin + 2, end - begin - 2));
        if (known == variables.end()) {
            begin = text.find("${", end);
            continue;
        }
        text.replace(begin, end + 1 - begin, known->second);
        begin = text.find("${", begin + known->second.size());
    }
    return text;
}

workflow::Command Tools::local(const plan::Repository& repository, const Secrets& secrets,
                               std::vector<std::string> words) const {
    workflow::Command command;
    command.argv = {program_};
    command.argv.insert(command.argv.end(), words.begin(), words.end());
    command.environment = environment_of(repository, secrets);
    command.max_output = kMostOutput;
    return command;
}

workflow::Command Tools::backup(const Job& job, const Secrets& secrets, bool is_full) const {
    std::vector<std::string> words{"backup",    "--json",           "--quiet",
                                   "--no-scan", "--retry-lock=10m", "--tag=" + tag_of(job.id)};
    for (const auto& tag : job.backup.tags) {
        words.push_back("--tag=" + tag);
    }
    if (is_full) {
        words.emplace_back("--force");
    }
    add_limits(words, job.repository);
    add_source(words, job);
    auto command = local(job.repository, secrets, std::move(words));
    command.run_as = job.run_as;
    if (job.ssh.empty()) {
        return command;
    }
    command.argv.front() = job.backup.program;
    command.ssh = job.ssh;
    for (const auto& [name, value] : command.environment) {
        command.input.append(name).append("=").append(value).append("\n");
    }
    command.input += "\n";
    command.environment.clear();
    command.argv.insert(command.argv.begin(), {"sh", "-c", kReadVariables, "sh"});
    return command;
}

workflow::Command Tools::restore(const Job& job, const Secrets& secrets,
                                 const std::string& snapshot, const std::string& folder) const {
    std::vector<std::string> words{"restore",  snapshot, "--target=" + folder,
                                   "--verify", "--json", "--quiet"};
    add_limits(words, job.repository);
    return local(job.repository, secrets, std::move(words));
}

// By nothing: the tag alone says what belongs together, whatever host a snapshot comes from.
workflow::Command Tools::forget(const Job& job, const Secrets& secrets) const {
    std::vector<std::string> words{"forget", "--json", "--retry-lock=10m",
                                   "--tag=" + tag_of(job.id), "--group-by=,"};
    const auto& keep = *job.backup.keep;
    for (const auto& [name, count] : keep.counts) {
        if (count > 0) {
            words.push_back("--keep-" + name + "=" + std::to_string(count));
        }
    }
    if (keep.within) {
        words.push_back("--keep-within=" + span_text(*keep.within));
    }
    for (const auto& tag : keep.tags) {
        words.push_back("--keep-tag=" + tag);
    }
    return local(job.repository, secrets, std::move(words));
}

workflow::Command Tools::upkeep(const plan::Repository& repository, const Secrets& secrets,
                                const std::string& word) const {
    std::vector<std::string> words{word, "--quiet", "--retry-lock=10m"};
    add_limits(words, repository);
    return local(repository, secrets, std::move(words));
}

workflow::Command Tools::check(const Job& job, const std::string& folder) {
    auto variables = job.variables;
    variables["restored"] = folder;
    workflow::Command command;
    command.argv = filled(job.backup.check_command, variables);
    command.working_directory = folder;
    return command;
}

Result<BackupSummary> read_summary(const std::string& output) {
    for (const auto& object : objects_in(output)) {
        if (text(object, "message_type") != "summary") {
            continue;
        }
        return BackupSummary{
            text(object, "snapshot_id"),
            {whole(object, "total_files_processed"),
             ByteCount{whole(object, "total_bytes_processed")}},
            ByteCount{object.contains("data_added_packed") ? whole(object, "data_added_packed")
                                                           : whole(object, "data_added")}};
    }
    return Error{Errc::kCorrupt, "the backup ended without a summary"};
}

std::optional<std::int64_t> read_restored(const std::string& output) {
    for (const auto& object : objects_in(output)) {
        if (text(object, "message_type") == "summary" && object.contains("files_restored")) {
            return whole(object, "files_restored");
        }
    }
    return std::nullopt;
}

Result<ByteCount> read_free(const std::string& output) {
    std::istringstream lines(output);
    std::string heading;
    std::string device;
    std::int64_t blocks = 0;
    std::int64_t used = 0;
    std::int64_t free = 0;
    std::getline(lines, heading);
    if (lines >> device >> blocks >> used >> free && free >= 0) {
        return ByteCount{free * 1024};
    }
    return Error{Errc::kCorrupt, "df said nothing that can be read"};
}

std::string complaint_of(const workflow::CommandResult& result) {
    std::string found;
    for (const auto* stream : {&result.output, &result.error}) {
        for (const auto& object : objects_in(*stream)) {
            if (const auto message = message_of(object); !message.empty()) {
                found = message;
                break;
            }
        }
        std::istringstream lines(*stream);
        for (std::string line; stream == &result.error && std::getline(lines, line);) {
            const bool is_hint = line.starts_with("  hint:");
            if (!line.empty() && !line.starts_with('{') && !is_hint) {
                found = line;
            }
        }
    }
    std::ranges::replace_if(found, [](unsigned char c) { return c < 0x20; }, ' ');
    const auto status = "status " + std::to_string(result.exit_code);
    return found.empty() ? status : found.substr(0, kLongestComplaint) + " (" + status + ")";
}

}  // namespace muster::protection

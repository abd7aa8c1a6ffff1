#include "cli/repository/backup_inputs.h"

#include <fcntl.h>
#include <glob.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <iterator>
#include <utility>

#include "adapters/files/folder_source.h"
#include "adapters/files/stream_source.h"

extern char** environ;  // NOLINT: the system's

namespace muster::cli {

namespace {

std::optional<std::string> variable(std::string_view name) {
    const char* value = std::getenv(std::string(name).c_str());  // NOLINT: nobody sets it
    return value == nullptr ? std::nullopt : std::optional<std::string>(value);
}

/// A whole file; "-": the standard input.
Result<std::string> read_text(const std::string& path) {
    std::ifstream file;
    if (path != "-") {
        file.open(path, std::ios::binary);
        if (!file) {
            return Error(Errc::kInvalid, "can't read " + path + ": " + std::strerror(errno));
        }
    }
    std::istream& stream = path == "-" ? std::cin : file;
    return std::string(std::istreambuf_iterator<char>(stream), {});
}

std::vector<std::string> pieces(const std::string& text, char separator) {
    std::vector<std::string> found;
    for (std::size_t begin = 0; begin < text.size();) {
        const std::size_t end = std::min(text.find(separator, begin), text.size());
        if (end > begin) {
            found.push_back(text.substr(begin, end - begin));
        }
        begin = end + 1;
    }
    return found;
}

/// As restic's --files-from: blanks around a line, empty lines and comments are dropped, and a line
/// is a pattern of the shell.
Result<> add_matches(const std::string& file, const std::string& text,
                     std::vector<std::string>& targets) {
    for (auto line : pieces(text, '\n')) {
        const auto begin = line.find_first_not_of(" \t\r");
        if (begin == std::string::npos || line[begin] == '#') {
            continue;
        }
        line = line.substr(begin, line.find_last_not_of(" \t\r") - begin + 1);
        glob_t found{};
        const int status = ::glob(line.c_str(), 0, nullptr, &found);
        for (std::size_t i = 0; status == 0 && i < found.gl_pathc; ++i) {
            targets.emplace_back(found.gl_pathv[i]);
        }
        ::globfree(&found);
        if (status != 0) {
            return Error(Errc::kInvalid,
                         std::string(file).append(": nothing is there by the name ").append(line));
        }
    }
    return {};
}

Result<std::vector<std::string>> gather_targets(const BackupOptions& options) {
    auto targets = options.paths;
    for (const auto& file : options.files_from) {
        TRY(const auto text, read_text(file));
        TRY_OK(add_matches(file, text, targets));
    }
    for (const auto& file : options.files_from_verbatim) {
        TRY(const auto text, read_text(file));
        std::ranges::copy(pieces(text, '\n'), std::back_inserter(targets));
    }
    for (const auto& file : options.files_from_raw) {
        TRY(const auto text, read_text(file));
        std::ranges::copy(pieces(text, '\0'), std::back_inserter(targets));
    }
    if (targets.empty()) {
        return Error(Errc::kInvalid, "nothing to back up was named", "name files or directories");
    }
    if (std::ranges::find(targets, "") != targets.end()) {
        return Error(Errc::kInvalid, "a path to back up is empty",
                     "a variable in the command may not be set");
    }
    return targets;
}

Result<> add_pattern_files(const std::vector<std::string>& files,
                           std::vector<std::string>& patterns) {
    for (const auto& file : files) {
        TRY(const auto text, read_text(file));
        TRY(const auto found, backup::parse_pattern_file(text, variable).with(file));
        patterns.insert(patterns.end(), found.begin(), found.end());
    }
    return {};
}

Result<backup::Exclusions> gather_exclusions(const BackupOptions& options,
                                             const BackupInputs& inputs) {
    backup::ExclusionRules rules;
    rules.patterns = {options.excludes, options.excludes_any_case};
    TRY_OK(add_pattern_files(options.exclude_files, rules.patterns.exact));
    TRY_OK(add_pattern_files(options.exclude_files_any_case, rules.patterns.any_case));
    for (const auto& text : options.exclude_if_present) {
        TRY(auto tag, backup::TagFile::parse(text));
        rules.tags.push_back(std::move(tag));
    }
    if (options.are_caches_excluded) {
        rules.tags.push_back(backup::TagFile::of_caches());
    }
    if (!options.exclude_larger_than.empty()) {
        TRY(rules.larger_than, backup::parse_size_limit(options.exclude_larger_than));
    }
    for (const auto& target : inputs.targets) {
        const auto node = inputs.source->status(target);
        if (options.is_one_file_system && node) {
            rules.devices.insert(node->device_id);
        }
    }
    return backup::Exclusions::make(std::move(rules));
}

/// A name, or a path of names: what else there is has no place in a snapshot.
Result<> check_stdin_name(const std::string& path) {
    for (std::size_t begin = path.starts_with('/') ? 1 : 0; begin <= path.size();) {
        const std::size_t end = std::min(path.find('/', begin), path.size());
        const auto part = path.substr(begin, end - begin);
        if (part.empty() || part == "." || part == "..") {
            return Error(Errc::kInvalid, "--stdin-filename names no file: \"" + path + "\"",
                         "write a name, or a path without empty parts, \".\" and \"..\"");
        }
        begin = end + 1;
    }
    return {};
}

}  // namespace

InputStream::~InputStream() {
    if (process_ > 0) {
        ::kill(process_, SIGTERM);
        (void)end();
    } else if (fd_ > STDIN_FILENO) {
        ::close(fd_);
    }
}

Result<> InputStream::begin(const std::vector<std::string>& command) {
    if (command.empty()) {
        fd_ = STDIN_FILENO;
        return {};
    }
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) {
        return Error(Errc::kUnavailable, std::string("can't make a pipe: ") + std::strerror(errno));
    }
    name_ = command.front();
    std::vector<char*> arguments;
    for (const auto& argument : command) {
        arguments.push_back(const_cast<char*>(argument.c_str()));  // NOLINT: how exec is called
    }
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    ::posix_spawn_file_actions_init(&actions);
    ::posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
    pid_t process = -1;
    const int number =
        ::posix_spawnp(&process, name_.c_str(), &actions, nullptr, arguments.data(), environ);
    ::posix_spawn_file_actions_destroy(&actions);
    ::close(ends[1]);
    if (number != 0) {
        ::close(ends[0]);
        return Error(Errc::kNotFound, "can't start " + name_ + ": " + std::strerror(number));
    }
    fd_ = ends[0];
    process_ = process;
    return {};
}

Result<> InputStream::end() {
    if (process_ <= 0) {
        return {};
    }
    ::close(std::exchange(fd_, -1));
    int status = 0;
    while (::waitpid(process_, &status, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
    const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return code == 0 ? Result<>{}
                     : Result<>(Error(
                           Errc::kUnavailable,
                           "the command " + name_ + " ended with status " + std::to_string(code),
                           "no snapshot was made; what the command wrote to its "
                           "standard error is above"));
}

Result<std::unique_ptr<BackupInputs>> gather_inputs(Session& session,
                                                    const BackupOptions& options) {
    auto inputs = std::make_unique<BackupInputs>();
    const bool is_stream = options.is_stdin || options.is_stdin_command;
    if (!is_stream) {
        TRY(inputs->targets, gather_targets(options));
        inputs->source = std::make_unique<adapters::FolderSource>(options.are_devices_read);
        TRY(inputs->exclusions, gather_exclusions(options, *inputs));
        return inputs;
    }
    const bool is_listed = !options.files_from.empty() || !options.files_from_verbatim.empty() ||
                           !options.files_from_raw.empty();
    if (options.is_stdin == options.is_stdin_command || is_listed ||
        options.paths.empty() == options.is_stdin_command) {
        return Error(Errc::kInvalid, "--stdin takes no path, --stdin-from-command takes a command",
                     "muster backup --stdin-filename all.sql --stdin-from-command -- pg_dumpall");
    }
    TRY_OK(check_stdin_name(options.stdin_name));
    TRY_OK(inputs->stream.begin(options.is_stdin ? std::vector<std::string>{} : options.paths));
    const auto now = session.host().wall().time_since_epoch();
    const auto seconds = std::chrono::floor<std::chrono::seconds>(now);
    const auto rest = std::chrono::nanoseconds(now - seconds).count();
    const backup::NodeTime time{seconds.count(), static_cast<std::uint32_t>(rest)};
    inputs->source =
        std::make_unique<adapters::StreamSource>(inputs->stream.fd(), options.stdin_name, time);
    inputs->targets = {inputs->source->absolute(options.stdin_name)};
    return inputs;
}

}  // namespace muster::cli

#include "adapters/os/postmaster.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <optional>

namespace muster::adapters {

namespace {

using Process = PostmasterState::Process;

struct PidFile {
    int pid = 0;
    int port = 0;
};

// PostgreSQL's miscadmin.h: line 1 is the pid (negative for a stand-alone backend), line 4 the
// port.
std::optional<PidFile> read_pid_file(const std::string& data_directory) {
    std::ifstream file(data_directory + "/postmaster.pid");
    PidFile found;
    std::string line;
    for (int number = 1; number <= 4 && std::getline(file, line); ++number) {
        if (number == 1) {
            std::from_chars(line.data(), line.data() + line.size(), found.pid);
        } else if (number == 4) {
            std::from_chars(line.data(), line.data() + line.size(), found.port);
        }
    }
    if (found.pid == 0 || found.pid == std::numeric_limits<int>::min()) {
        return std::nullopt;  // What is no number, or has no positive one.
    }
    found.pid = std::abs(found.pid);
    return found;
}

// Name and state of a process: "123 (postgres) S …"; the name may hold brackets itself.
struct Stat {
    bool is_postgres = false;
    char state = '?';
};
std::optional<Stat> read_stat(const std::string& process) {
    std::ifstream file("/proc/" + process + "/stat");
    std::string line;
    if (!std::getline(file, line)) {
        return std::nullopt;
    }
    const auto open = line.find('(');
    const auto close = line.rfind(") ");
    if (open == std::string::npos || close == std::string::npos || close + 2 >= line.size()) {
        return std::nullopt;
    }
    const auto name = std::string_view(line).substr(open + 1, close - open - 1);
    return Stat{name.starts_with("postgres") || name.starts_with("postmaster"), line[close + 2]};
}

enum class WorksHere { kNo, kYes, kHidden };

// Compares directories, not paths: a container sees the same directory under another name.
WorksHere works_in(const std::string& process, const struct stat& directory) {
    struct stat current{};
    const auto link = "/proc/" + process + "/cwd";
    if (::stat(link.c_str(), &current) != 0) {
        return errno == EACCES ? WorksHere::kHidden : WorksHere::kNo;
    }
    return current.st_dev == directory.st_dev && current.st_ino == directory.st_ino
               ? WorksHere::kYes
               : WorksHere::kNo;
}

Process judge(char state) {
    switch (state) {
        case 'T':
        case 't':
            return Process::kFrozen;
        case 'Z':
        case 'X':
            return Process::kStopped;
        default:
            return Process::kRunning;
    }
}

// Any postgres under any pid in that directory: children that outlive their postmaster, a server in
// a container, a pid file that was removed by hand.
Process look_everywhere(const struct stat& directory) {
    std::error_code error;
    bool is_hidden = false;
    const std::filesystem::directory_iterator end;
    for (std::filesystem::directory_iterator at("/proc", error); at != end; at.increment(error)) {
        const auto name = at->path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) {
            continue;
        }
        const auto stat = read_stat(name);
        if (!stat || !stat->is_postgres || judge(stat->state) == Process::kStopped) {
            continue;
        }
        switch (works_in(name, directory)) {
            case WorksHere::kYes:
                return judge(stat->state);
            case WorksHere::kHidden:
                is_hidden = true;
                break;
            case WorksHere::kNo:
                break;
        }
    }
    return is_hidden || error ? Process::kUnknown : Process::kStopped;
}

}  // namespace

PostmasterState read_postmaster(const std::string& data_directory) {
    struct stat directory{};
    const bool is_data_directory = !data_directory.empty() &&
                                   ::stat(data_directory.c_str(), &directory) == 0 &&
                                   ::access((data_directory + "/PG_VERSION").c_str(), F_OK) == 0;
    if (!is_data_directory || (::geteuid() != 0 && ::geteuid() != directory.st_uid)) {
        return {};
    }
    PostmasterState found;
    if (const auto file = read_pid_file(data_directory)) {
        found.port = file->port;
        const auto process = std::to_string(file->pid);
        const auto stat = read_stat(process);
        if (stat && stat->is_postgres && works_in(process, directory) == WorksHere::kYes) {
            found.pid = file->pid;
            found.process = judge(stat->state);
        }
    }
    if (found.process == Process::kUnknown || found.process == Process::kStopped) {
        found.pid = 0;
        found.process = look_everywhere(directory);
    }
    return found;
}

}  // namespace muster::adapters

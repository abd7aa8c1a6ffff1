#include "adapters/os/spawn.h"

#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <spawn.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <sstream>

namespace muster::adapters {
namespace {

Error system_error(const std::string& what, int problem) {
    Errc code = Errc::kUnavailable;
    if (problem == ENOENT || problem == ENOTDIR) {
        code = Errc::kNotFound;
    } else if (problem == EACCES || problem == EPERM || problem == ENOEXEC) {
        code = Errc::kDenied;
    } else if (problem == E2BIG || problem == ENAMETOOLONG) {
        code = Errc::kInvalid;
    }
    return Error{code, what + ": " + strerror(problem)};
}

struct Pipe {
    UniqueFd ours;
    UniqueFd theirs;
};

Result<Pipe> make_pipe() {
    int ends[2] = {-1, -1};
    if (pipe2(ends, O_CLOEXEC) != 0) {
        return system_error("can't make a pipe", errno);
    }
    return Pipe{UniqueFd(ends[0]), UniqueFd(ends[1])};
}

// A server that its starter leaves behind keeps the starter's standard output. Were that a pipe,
// the server would die by SIGPIPE at its first line after we closed our end.
Result<Pipe> make_output_file(std::size_t size) {
    UniqueFd file(memfd_create("muster-output", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (!file.is_open() || ftruncate(file.get(), static_cast<off_t>(size)) != 0 ||
        fcntl(file.get(), F_ADD_SEALS, F_SEAL_GROW) != 0) {
        return system_error("can't make a file for a program's output", errno);
    }
    UniqueFd copy(fcntl(file.get(), F_DUPFD_CLOEXEC, 0));
    if (!copy.is_open()) {
        return system_error("can't make a file for a program's output", errno);
    }
    return Pipe{std::move(file), std::move(copy)};
}

Result<UniqueFd> make_input(const std::string& text) {
    if (text.empty()) {
        UniqueFd nothing(open("/dev/null", O_RDONLY | O_CLOEXEC));
        if (!nothing.is_open()) {
            return system_error("can't open /dev/null", errno);
        }
        return nothing;
    }
    UniqueFd file(memfd_create("muster-input", MFD_CLOEXEC));
    std::size_t written = 0;
    while (file.is_open() && written < text.size()) {
        const auto got = write(file.get(), text.data() + written, text.size() - written);
        if (got <= 0) {
            return system_error("can't keep a program's input", errno);
        }
        written += static_cast<std::size_t>(got);
    }
    if (!file.is_open() || lseek(file.get(), 0, SEEK_SET) != 0) {
        return system_error("can't keep a program's input", errno);
    }
    return file;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> list;
    list.reserve(texts.size() + 1);
    for (auto& text : texts) {
        list.push_back(text.data());
    }
    list.push_back(nullptr);
    return list;
}

// posix_spawn's two option objects, freed together.
class SpawnOptions {
  public:
    SpawnOptions() {
        posix_spawn_file_actions_init(&actions_);
        posix_spawnattr_init(&attributes_);
    }
    SpawnOptions(const SpawnOptions&) = delete;
    SpawnOptions& operator=(const SpawnOptions&) = delete;
    ~SpawnOptions() {
        posix_spawn_file_actions_destroy(&actions_);
        posix_spawnattr_destroy(&attributes_);
    }

    void standard_streams(int input, int output, int error) {
        posix_spawn_file_actions_adddup2(&actions_, input, 0);
        posix_spawn_file_actions_adddup2(&actions_, output, 1);
        posix_spawn_file_actions_adddup2(&actions_, error, 2);
        posix_spawn_file_actions_addclosefrom_np(&actions_, 3);
    }
    void working_directory(const std::string& path) {
        posix_spawn_file_actions_addchdir_np(&actions_, path.c_str());
    }
    // Own group; no blocked, ignored or handled signal is inherited.
    void clean_signals() {
        sigset_t none;
        sigset_t all;
        sigemptyset(&none);
        sigfillset(&all);
        posix_spawnattr_setsigmask(&attributes_, &none);
        posix_spawnattr_setsigdefault(&attributes_, &all);
        posix_spawnattr_setpgroup(&attributes_, 0);
        posix_spawnattr_setflags(
            &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
    }
    [[nodiscard]] const posix_spawn_file_actions_t* actions() const { return &actions_; }
    [[nodiscard]] const posix_spawnattr_t* attributes() const { return &attributes_; }

  private:
    posix_spawn_file_actions_t actions_{};
    posix_spawnattr_t attributes_{};
};

// Descriptors that we pass must not be 0, 1 or 2 themselves, or one dup2 would hide the next.
Result<UniqueFd> above_standard(UniqueFd descriptor) {
    if (descriptor.get() > 2) {
        return descriptor;
    }
    UniqueFd higher(fcntl(descriptor.get(), F_DUPFD_CLOEXEC, 3));
    if (!higher.is_open()) {
        return system_error("can't copy a descriptor", errno);
    }
    return higher;
}

}  // namespace

Fields own_environment() {
    Fields environment;
    for (const auto* name : {"PATH", "HOME", "LANG", "SSH_AUTH_SOCK"}) {
        if (const char* value = std::getenv(name)) {
            environment[name] = value;
        }
    }
    return environment;
}

Result<std::optional<User>> user_to_become(const std::string& run_as) {
    if (run_as.empty() || geteuid() != 0) {
        return std::optional<User>{};
    }
    passwd entry{};
    passwd* found = nullptr;
    std::vector<char> buffer(16U << 10U);
    const int problem = getpwnam_r(run_as.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr) {
        return Error{Errc::kNotFound,
                     "there is no user \"" + run_as + "\" on this machine" +
                         (problem == 0 ? std::string() : std::string(": ") + strerror(problem)),
                     "create it, or correct run_as"};
    }
    if (entry.pw_uid == geteuid()) {
        return std::optional<User>{};
    }
    return std::optional<User>(User{run_as, entry.pw_uid, entry.pw_gid, entry.pw_dir});
}

Result<std::string> find_program(const std::string& name, const std::string& path) {
    const bool is_path = name.find('/') != std::string::npos;
    std::istringstream folders(is_path ? std::string("-") : path);
    std::string folder;
    bool is_there = false;
    while (std::getline(folders, folder, ':')) {
        std::string candidate = is_path ? name : (folder.empty() ? "." : folder) + "/" + name;
        struct stat info{};
        if (stat(candidate.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) {
            continue;
        }
        is_there = true;
        if (access(candidate.c_str(), X_OK) == 0) {
            return candidate;
        }
    }
    if (is_there) {
        return Error{Errc::kDenied, "the program \"" + name + "\" may not be executed",
                     "make it executable for the user that muster runs as"};
    }
    return Error{Errc::kNotFound,
                 "there is no program \"" + name + "\"" + (is_path ? "" : " in PATH " + path),
                 "install it, or write its full path"};
}

Result<Spawned> spawn(const CommandLine& line, const Start& start) {
    const auto path = line.environment.find("PATH");
    TRY(const auto program,
        find_program(line.argv.front(),
                     path == line.environment.end() ? std::string() : path->second));
    struct stat info{};
    if (stat(line.working_directory.c_str(), &info) != 0 || !S_ISDIR(info.st_mode)) {
        return Error{Errc::kNotFound, "there is no directory " + line.working_directory +
                                          " to run " + line.name + " in"};
    }
    TRY(auto input, make_input(start.input));
    TRY(auto output, start.to_file ? make_output_file(start.max_output) : make_pipe());
    TRY(auto error, start.to_file ? make_output_file(start.max_output) : make_pipe());
    TRY(const auto in, above_standard(std::move(input)));
    TRY(const auto out, above_standard(std::move(output.theirs)));
    TRY(const auto err, above_standard(std::move(error.theirs)));

    SpawnOptions options;
    options.working_directory(line.working_directory);
    options.standard_streams(in.get(), out.get(), err.get());
    options.clean_signals();
    auto words = line.argv;
    std::vector<std::string> variables;
    for (const auto& [name, value] : line.environment) {
        variables.push_back(name);
        variables.back().append("=").append(value);
    }
    const auto argv = pointers(words);
    const auto environment = pointers(variables);
    Spawned child;
    const int problem = posix_spawn(&child.pid, program.c_str(), options.actions(),
                                    options.attributes(), argv.data(), environment.data());
    if (problem != 0) {
        return system_error("can't start " + line.name, problem);
    }
    child.process.reset(static_cast<int>(syscall(SYS_pidfd_open, child.pid, 0)));
    if (!child.process.is_open()) {
        const int why = errno;
        kill(-child.pid, SIGKILL);
        waitpid(child.pid, nullptr, 0);
        return Error{Errc::kOutcomeUnknown,
                     "started " + line.name + " but can't wait for it: " + strerror(why)};
    }
    child.output = std::move(output.ours);
    child.error = std::move(error.ours);
    return child;
}

}  // namespace muster::adapters

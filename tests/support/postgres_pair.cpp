#include "support/postgres_pair.h"

#include <libpq-fe.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>

#include "adapters/net/net_test_support.h"

namespace muster::testing {
namespace {

using Steady = std::chrono::steady_clock;
constexpr auto kPatience = std::chrono::seconds(10);

std::string tools() {
    const char* named = std::getenv("MUSTER_PG_BIN");
    if (named != nullptr) {
        return named;
    }
    return shell("ls -d /usr/lib/postgresql/*/bin | sort -V | tail -n 1").output;
}

// PostgreSQL refuses to run as root.
std::string as_server(const std::string& command) {
    return ::getuid() == 0 ? "runuser -u postgres -- " + command : command;
}

void must(const std::string& command) {
    const auto done = shell(command);
    if (done.exit_code != 0) {
        throw std::runtime_error(command + ": " + done.output);
    }
}

void start_server(const std::string& bin, const std::string& data) {
    const auto log = data + "/server.log";
    const auto command = as_server(bin + "/pg_ctl start -s -w -D " + data + " -l " + log);
    if (shell(command).exit_code != 0) {
        throw std::runtime_error(command + ": " + shell("tail -n 20 " + log).output);
    }
}

// Memory where there is enough of it: a server's files are many, and slow disks are not the
// subject.
std::filesystem::path temporary() {
    constexpr std::uintmax_t kEnough = 1U << 30U;
    std::error_code error;
    const auto room = std::filesystem::space("/dev/shm", error);
    const bool is_named = std::getenv("TMPDIR") != nullptr;
    if (!is_named && !error && room.available > kEnough && ::access("/dev/shm", W_OK) == 0) {
        return "/dev/shm";
    }
    return std::filesystem::temp_directory_path();
}

// One initialised pair for the whole program; each test works on a copy.
class Template {
  public:
    Template() : folder_("muster-pg-template") {
        const auto& folder = folder_.path();
        const auto a = folder + "/a";
        must(as_server(
            tools() + "/initdb -N -A trust -U postgres --no-instructions --wal-segsize=1 -D " + a));
        std::ofstream(a + "/postgresql.conf", std::ios::app)
            << "listen_addresses = ''\nfsync = off\nwal_log_hints = on\nshared_buffers = 16MB\n"
               "dynamic_shared_memory_type = mmap\nautovacuum = off\nwal_receiver_status_interval "
               "= 1s\n"
               "wal_retrieve_retry_interval = 100ms\nmax_wal_size = 64MB\nmin_wal_size = "
               "2MB\nwal_keep_size = 32MB\n"
               "unix_socket_directories = '"
            << folder << "'\n";
        start_server(tools(), a);
        must(as_server("psql -qX -h " + folder +
                       " -U postgres -c 'CREATE TABLE rows (id int PRIMARY KEY)'"));
        must(as_server(tools() + "/pg_basebackup -c fast -R -D " + folder +
                       "/b -d 'host=" + folder + " user=postgres'"));
        must(as_server(tools() + "/pg_ctl stop -s -w -m fast -D " + a));
    }
    Template(const Template&) = delete;
    Template& operator=(const Template&) = delete;
    ~Template() = default;

    [[nodiscard]] const std::string& folder() const { return folder_.path(); }

  private:
    ServersFolder folder_;
};

const Template& the_template() {
    static const Template made;
    return made;
}

postgres::Server make_server(const std::string& folder, const std::string& site) {
    postgres::Server server;
    server.site = SiteId{site};
    server.conninfo = "host=" + folder + "/socket-" + site + " user=postgres dbname=postgres";
    server.data = folder + "/" + site;
    server.bin = tools();
    server.run_as = ::getuid() == 0 ? "postgres" : "";
    return server;
}

void adapt(const std::string& folder, const std::string& site) {
    const auto data = folder + "/" + site;
    must(as_server("mkdir " + folder + "/socket-" + site));
    must("sed -i \"s|^unix_socket_directories.*|unix_socket_directories = '" + folder + "/socket-" +
         site + "'|\" " + data + "/postgresql.conf");
}

}  // namespace

Shell shell(const std::string& command) {
    Shell done;
    FILE* pipe = ::popen(("exec 2>&1; " + command).c_str(), "r");
    if (pipe == nullptr) {
        return {127, "popen failed"};
    }
    std::array<char, 4096> buffer{};
    std::size_t got = 0;
    while ((got = ::fread(buffer.data(), 1, buffer.size(), pipe)) > 0) {
        done.output.append(buffer.data(), got);
    }
    const int status = ::pclose(pipe);
    done.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : 128;
    while (done.output.ends_with('\n')) {
        done.output.pop_back();
    }
    return done;
}

void RecordingLog::write(Level /*level*/, std::string_view event,
                         std::span<const LogField> fields) {
    auto& line = lines_.emplace_back(event);
    for (const auto& field : fields) {
        line += " " + std::string(field.key) + "=" + field.value;
    }
}

bool RecordingLog::has(std::string_view event) const {
    return std::ranges::any_of(
        lines_, [event](const std::string& line) { return line.starts_with(event); });
}

WritingClient::WritingClient(std::vector<std::string> conninfos)
    : conninfos_(std::move(conninfos)), thread_([this] { write_all(); }) {
}

WritingClient::~WritingClient() {
    stop();
}

void WritingClient::write_all() {
    int id = 0;
    std::size_t turn = 0;
    while (!is_ending_) {
        PGconn* connection =
            ::PQconnectdb((conninfos_[turn++ % conninfos_.size()] + " connect_timeout=2").c_str());
        ::PQsetNoticeProcessor(connection, [](void*, const char*) {}, nullptr);
        bool is_good = ::PQstatus(connection) == CONNECTION_OK;
        while (is_good && !is_ending_) {
            const auto text = "INSERT INTO rows VALUES (" + std::to_string(++id) + ")";
            PGresult* result = ::PQexec(connection, text.c_str());
            is_good = ::PQresultStatus(result) == PGRES_COMMAND_OK;
            ::PQclear(result);
            if (is_good) {
                ids_.insert(id);
                ++count_;
            }
        }
        ::PQfinish(connection);
        if (!is_good) {
            ::usleep(1000);
        }
    }
}

bool WritingClient::await(int more) const {
    const int wanted = count_ + more;
    const auto end = Steady::now() + kPatience;
    while (count_ < wanted && Steady::now() < end) {
        ::usleep(1000);
    }
    return count_ >= wanted;
}

const std::set<int>& WritingClient::stop() {
    is_ending_ = true;
    if (thread_.joinable()) {
        thread_.join();
    }
    return ids_;
}

ServersFolder::ServersFolder(const std::string& name)
    : path_((temporary() / (name + "-XXXXXX")).string()) {
    if (::mkdtemp(path_.data()) == nullptr) {
        throw std::runtime_error("no temporary directory");
    }
    if (::getuid() == 0) {
        must("chown postgres " + path_);
    }
    must("chmod 755 " + path_);
}

ServersFolder::~ServersFolder() {
    const std::string processes = "for p in /proc/[0-9]*; do case $(readlink $p/cwd) in " + path_ +
                                  "/*) echo ${p#/proc/};; esac; done";
    static_cast<void>(shell("kill -9 $(" + processes + ")"));
    for (int turn = 0; turn < 500 && !shell(processes).output.empty(); ++turn) {
        ::usleep(2000);
    }
    test::remove_segments(path_);
    std::filesystem::remove_all(path_);
}

PostgresPair::PostgresPair() : folder_("muster-pg") {
    const auto& folder = folder_.path();
    must("cp -a " + the_template().folder() + "/a " + the_template().folder() + "/b " + folder);
    a_ = make_server(folder, "a");
    b_ = make_server(folder, "b");
    adapt(folder, "a");
    adapt(folder, "b");
    std::ofstream(b_.data + "/postgresql.auto.conf")
        << "primary_conninfo = 'host=" << folder << "/socket-a user=postgres'\n";
    start(a_);
    start(b_);
    commands_ = std::make_unique<adapters::ProcessRunner>(io_.get_executor(), clock_);
    control_ =
        std::make_unique<adapters::PgServerControl>(io_.get_executor(), clock_, log_, *commands_);
    if (!await_caught_up(a_, b_)) {
        throw std::runtime_error("the standby does not stream");
    }
}

std::string PostgresPair::sql(const postgres::Server& server, const std::string& statement) {
    PGconn* connection = ::PQconnectdb((server.conninfo + " connect_timeout=2").c_str());
    PGresult* result = ::PQexec(connection, statement.c_str());
    const auto status = ::PQresultStatus(result);
    std::string text = "ERROR";
    if (status == PGRES_TUPLES_OK) {
        text = ::PQntuples(result) > 0 ? ::PQgetvalue(result, 0, 0) : "";
    } else if (status == PGRES_COMMAND_OK) {
        text = ::PQcmdStatus(result);
    }
    ::PQclear(result);
    ::PQfinish(connection);
    return text;
}

int PostgresPair::postmaster(const postgres::Server& server) {
    int pid = 0;
    std::ifstream(server.data + "/postmaster.pid") >> pid;
    return pid;
}

int PostgresPair::processes(const postgres::Server& server) {
    return std::atoi(shell("n=0; for p in /proc/[0-9]*; do [ $p/cwd -ef " + server.data +
                           " ] && n=$((n+1)); done; echo $n")
                         .output.c_str());
}

void PostgresPair::start(const postgres::Server& server) {
    start_server(server.bin, server.data);
}

bool PostgresPair::await_caught_up(const postgres::Server& primary,
                                   const postgres::Server& standby) {
    const auto position = sql(primary, "SELECT pg_current_wal_lsn()");
    const auto end = Steady::now() + kPatience;
    while (Steady::now() < end) {
        if (sql(standby, "SELECT pg_last_wal_replay_lsn() >= '" + position +
                             "' AND (SELECT status = 'streaming' FROM pg_stat_wal_receiver)") ==
            "t") {
            return true;
        }
        ::usleep(5000);
    }
    return false;
}

void PostgresPair::cut_off(const postgres::Server& standby) {
    sql(standby, "ALTER SYSTEM SET primary_conninfo = ''");
    sql(standby, "SELECT pg_reload_conf()");
    for (int turn = 0; turn < 2000; ++turn) {
        if (sql(standby, "SELECT count(*) FROM pg_stat_wal_receiver") == "0") {
            return;
        }
        ::usleep(2000);
    }
}

}  // namespace muster::testing

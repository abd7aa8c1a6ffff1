"""Two sites on loopback: a PostgreSQL pair and the order servers, as ordinary processes of an ordinary user."""
import contextlib
import glob
import os
import pathlib
import pwd
import random
import shutil
import signal
import socket
import subprocess
import time

DATABASE = "shop"


def free_port(address="127.0.0.1"):
    """A port that a server can take again after it was killed: outside the range from which the kernel gives
    ports to outgoing connections, one of which would sit on it otherwise."""
    low = int(pathlib.Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    for port in random.sample(range(10000, max(low, 10100)), 100):
        with contextlib.closing(socket.socket()) as probe, contextlib.suppress(OSError):
            probe.bind((address, port))
            return port
    raise SystemExit("demo: none of 100 ports below the ephemeral range is free")


def server_programs():
    """The newest PostgreSQL on this machine."""
    found = sorted(glob.glob("/usr/lib/postgresql/*/bin/initdb"), key=lambda p: int(p.split("/")[4]))
    if not found:
        raise SystemExit("demo: no PostgreSQL server is installed\nnext: script/setup")
    return pathlib.Path(found[-1]).parent


class Account:
    """Whom the servers run as: PostgreSQL refuses root."""

    def __init__(self):
        self.entry = pwd.getpwnam("postgres") if os.getuid() == 0 else pwd.getpwuid(os.getuid())
        self.prefix = []  # What puts a program elsewhere: into another network.

    def own(self, path):
        if os.getuid() == 0:
            os.chown(path, self.entry.pw_uid, self.entry.pw_gid)

    def options(self):
        if os.getuid() != 0:
            return {}
        return {"user": self.entry.pw_uid, "group": self.entry.pw_gid, "extra_groups": []}

    def environment(self):
        return {"PATH": os.environ["PATH"], "HOME": self.entry.pw_dir, "LANG": "C.UTF-8", "USER": self.entry.pw_name}

    def run(self, *argv, **more):
        done = subprocess.run([*self.prefix, *map(str, argv)], env=self.environment(), cwd="/", text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, **self.options(), **more)
        if done.returncode != 0:
            raise SystemExit(f"demo: {' '.join(map(str, argv))} failed:\n{done.stdout}")
        return done.stdout

    def start(self, argv, log, environment=None):
        with open(log, "ab") as out:
            return subprocess.Popen([*self.prefix, *map(str, argv)], env={**self.environment(), **(environment or {})},
                                    cwd="/", stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                                    **self.options())


def programs(account, build, folder, names):
    """Where the account can run the programs: a checkout may lie in a folder that only its owner enters."""
    if os.getuid() != 0:
        return pathlib.Path(build).resolve()
    target = pathlib.Path(folder) / "bin"
    target.mkdir(exist_ok=True)
    target.chmod(0o755)
    for name in names:
        shutil.copy(pathlib.Path(build).resolve() / name, target / name)
        account.own(target / name)
    return target


class Postgres:
    """One server; the standby is copied from the primary."""

    def __init__(self, account, folder, port, address="127.0.0.1"):
        self.account, self.folder, self.port, self.address = account, pathlib.Path(folder), port, address
        self.data = self.folder / "data"
        self.bin = server_programs()

    def conninfo(self):
        return f"host={self.address} port={self.port} dbname={DATABASE} user={self.account.entry.pw_name}"

    def _configure(self):
        # What differs from server to server stands in conf.d, which a rebuild leaves to each server. Its shared memory
        # lies in its data directory; of a server that is killed only one small segment stays (see remove_segments).
        (self.data / "conf.d").mkdir(exist_ok=True)
        self.account.own(self.data / "conf.d")
        with open(self.data / "conf.d" / "site.conf", "w", encoding="utf-8") as conf:
            conf.write(
                f"port = {self.port}\nlisten_addresses = '{self.address}'\nunix_socket_directories = '{self.folder}'\n"
                "wal_level = replica\nhot_standby = on\nwal_log_hints = on\nmax_wal_senders = 10\n"
                "dynamic_shared_memory_type = mmap\nwal_keep_size = 256MB\nlog_min_messages = warning\nfsync = on\n")
        self.account.own(self.data / "conf.d" / "site.conf")

    def create_primary(self):
        self.account.run(self.bin / "initdb", "-D", self.data, "-U", self.account.entry.pw_name, "-A", "trust",
                         "-E", "UTF8", "--no-sync", "-N")
        with open(self.data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write("include_dir 'conf.d'\n")
        with open(self.data / "pg_hba.conf", "a", encoding="utf-8") as hba:
            hba.write("host all,replication all 192.0.2.0/24 trust\n")
        self._configure()
        self.start()
        self.sql(f"CREATE DATABASE {DATABASE}", database="postgres")
        self.sql("CREATE TABLE orders (id text PRIMARY KEY, at timestamptz NOT NULL DEFAULT now())")

    def create_standby(self, primary):
        self.account.run(self.bin / "pg_basebackup", "-D", self.data, "-R", "-X", "stream", "-c", "fast", "-N",
                         "-d", primary.conninfo())
        self._configure()
        self.start()

    def start(self):
        self.account.run(self.bin / "pg_ctl", "-D", self.data, "-w", "-l", self.folder / "postgres.log", "start")

    def sql(self, statement, database=DATABASE):
        return self.account.run("psql", "-X", "-q", "-A", "-t", "-h", self.address, "-p", self.port, "-d", database,
                                "-U", self.account.entry.pw_name, "-c", statement)

    def processes(self):
        """The postmaster and all its children."""
        try:
            postmaster = int((self.data / "postmaster.pid").read_text().split("\n")[0])
        except (FileNotFoundError, ValueError):
            return []
        return [postmaster] + children_of(postmaster)


def children_of(parent):
    found = []
    for stat in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            text = pathlib.Path(stat).read_text()
            if int(text.rsplit(")", 1)[1].split()[1]) == parent:
                pid = int(stat.split("/")[2])
                found += [pid] + children_of(pid)
    return found


def read_pid(path):
    try:
        return int(pathlib.Path(path).read_text().strip())
    except (FileNotFoundError, ValueError):
        return None


def kill(pids, how=signal.SIGKILL):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError, TypeError):
            os.kill(pid, how)


def remove_segments():
    """Removes the shared memory that killed servers left: 56 bytes each that only a next start in the same data
    directory would take back, and the system has room for 4,096 of them. PostgreSQL itself calls a segment dead
    when nobody is attached and its maker is gone."""
    owner = Account().entry.pw_uid
    for line in pathlib.Path("/proc/sysvipc/shm").read_text(encoding="utf-8").splitlines()[1:]:
        _, segment, _, size, maker, _, attached, user, *_ = line.split()
        is_own = int(user) == owner and int(size) < 4096
        if is_own and attached == "0" and not os.path.exists(f"/proc/{maker}"):
            subprocess.run(["ipcrm", "-m", segment], stderr=subprocess.DEVNULL, check=False)


def wait_gone(pids, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if not any(pid and os.path.exists(f"/proc/{pid}") and not is_zombie(pid) for pid in pids):
            return True
        time.sleep(0.02)
    return False


def is_zombie(pid):
    try:
        return pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] == "Z"
    except OSError:
        return True


def working_directory(pid):
    try:
        return os.readlink(f"/proc/{pid}/cwd")
    except OSError:
        return ""


def remove(folder):
    shutil.rmtree(folder, ignore_errors=True)

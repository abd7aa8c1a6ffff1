"""What every system of the benchmark stands on: a network, accounts, servers, ssh between hosts, the load."""
import contextlib
import glob
import os
import pathlib
import pwd
import shutil
import signal
import subprocess
import tempfile
import time

import network

HERE = pathlib.Path(__file__).resolve().parent
BIN = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))[-1]
PATH = f"{BIN}:/usr/sbin:/usr/bin:/sbin:/bin"
SITES = ("east", "west")
DATABASE = "shop"
ROWS_PER_SECOND = 200
# What a client can do by itself against a network that swallows packets, the same for every system.
CLIENT = ("connect_timeout=2 tcp_user_timeout=1000 keepalives_idle=1 keepalives_interval=1 keepalives_count=2 "
          "application_name=load")


class Failed(Exception):
    """Something did not happen; its text says what."""


def now_ns():
    return time.monotonic_ns()


class Stage:
    """A folder, a network, an account, and all that was started on them; `close` leaves nothing behind."""

    def __init__(self, options):
        self.options = options
        self.user = pwd.getpwnam("postgres")
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="muster-failover-", dir="/var/tmp"))
        self.folder.chmod(0o755)
        self.own(self.folder)
        self.network = network.Network()
        self.clients = {}
        self.started = []

    def own(self, path):
        os.chown(path, self.user.pw_uid, self.user.pw_gid)

    def make(self, *parts):
        path = self.folder.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        self.own(path)
        return path

    def file(self, name, text, mode=0o644):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        self.own(path)
        return path

    def open(self):
        self.network.create()
        for place in network.ADDRESSES:
            self.make(place)
        self.program = self.folder / "bench_failover"
        shutil.copy(self.options.program, self.program)
        self.program.chmod(0o755)

    # --- programs --------------------------------------------------------------------------------------------------

    def environment(self, more=None):
        return {"PATH": f"{self.folder}/bin:{PATH}", "HOME": self.user.pw_dir,
                "TMPDIR": str(self.folder), "LANG": "C.UTF-8", "USER": self.user.pw_name, **(more or {})}

    def at(self, place, argv):
        become = ["setpriv", f"--reuid={self.user.pw_uid}", f"--regid={self.user.pw_gid}", "--clear-groups", "--"]
        return [*self.network.inside(place), *become, *map(str, argv)]

    def start(self, place, *argv, log, environment=None):
        with open(log, "ab") as out:
            process = subprocess.Popen(self.at(place, argv), env=self.environment(environment), cwd="/",
                                       stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
        self.started.append(process)
        return process

    def run(self, place, *argv, environment=None, timeout=120, check=True):
        done = subprocess.run(self.at(place, argv), env=self.environment(environment), cwd="/", text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=timeout, check=False)
        if check and done.returncode != 0:
            raise Failed(f"{' '.join(map(str, argv))} at {place} ended with {done.returncode}:\n{done.stdout[-2000:]}")
        return done.stdout

    def wait(self, what, seconds, is_so, pause=0.1):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = is_so()
            if found:
                return found
            time.sleep(pause)
        raise Failed(f"waited {seconds} s in vain for {what}")

    # --- servers ---------------------------------------------------------------------------------------------------

    def data(self, site):
        return self.folder / site / "data"

    def conninfo(self, site, database=DATABASE):
        return f"host={network.ADDRESSES[site]} port=5432 dbname={database} user=postgres"

    def initdb(self, place, data):
        """A new cluster with the benchmark's settings that lets the whole network in."""
        self.run(place, "initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "-N", "-k")
        with open(data / "pg_hba.conf", "a", encoding="utf-8") as hba:
            hba.write(f"host all all {network.ALL} trust\nhost replication all {network.ALL} trust\n")
        with open(data / "postgresql.conf", "a", encoding="utf-8") as conf:
            conf.write("include_dir 'conf.d'\n")
        (data / "conf.d").mkdir()
        shutil.copy(HERE / "postgresql.conf", data / "conf.d" / "bench.conf")
        for path in (data / "conf.d", data / "conf.d" / "bench.conf"):
            self.own(path)

    def template(self):
        """A database directory with the table of the load, for every system to begin with."""
        made = pathlib.Path(self.options.template)
        if not (made / "PG_VERSION").exists():
            shutil.rmtree(made, ignore_errors=True)
            data = self.folder / "template"
            self.initdb("users", data)
            self.pg_ctl("users", data, "start")
            self.sql("users", "CREATE DATABASE shop", database="postgres", host=str(self.folder))
            self.sql("users", "CREATE TABLE load (id text PRIMARY KEY, at timestamptz DEFAULT clock_timestamp())",
                     host=str(self.folder))
            self.pg_ctl("users", data, "stop")
            shutil.copytree(data, made, symlinks=True)
        return made

    def pg_ctl(self, place, data, verb):
        self.run(place, "pg_ctl", "-D", data, "-w", "-s", "-l", data.parent / "postgres.log", "-o",
                 f"-c unix_socket_directories={data.parent}", verb)

    def copy_template(self, site):
        shutil.copytree(self.template(), self.data(site), symlinks=True)
        for root, folders, files in os.walk(self.data(site)):
            for name in [*folders, *files, "."]:
                os.chown(os.path.join(root, name), self.user.pw_uid, self.user.pw_gid, follow_symlinks=False)
        self.data(site).chmod(0o700)
        self.configure(site, f"unix_socket_directories = '{self.folder / site}'\n")

    def configure(self, site, text, name="site.conf"):
        path = self.data(site) / "conf.d" / name
        path.write_text(text, encoding="utf-8")
        self.own(path)

    def base_backup(self, site, source):
        self.run(site, "pg_basebackup", "-D", self.data(site), "-R", "-X", "stream", "-c", "fast", "-N", "-d",
                 self.conninfo(source, "postgres"))
        self.configure(site, f"unix_socket_directories = '{self.folder / site}'\n")

    def pair(self):
        """A primary at east and its streaming standby at west, started by hand."""
        self.copy_template("east")
        self.pg_ctl("east", self.data("east"), "start")
        self.base_backup("west", "east")
        self.pg_ctl("west", self.data("west"), "start")

    def sql(self, site, statement, database=DATABASE, host=None, check=True):
        where = host or network.ADDRESSES[site]
        return self.run(site, "psql", "-X", "-q", "-A", "-t", "-h", where, "-p", "5432", "-U", "postgres", "-d",
                        database, "-c", statement, check=check, environment={"PGCONNECT_TIMEOUT": "2"}).strip()

    def writable(self, site):
        """Asked at its own host: whether it takes writes now."""
        asked = self.run(site, "timeout", "3", "psql", "-X", "-q", "-A", "-t", "-h", network.ADDRESSES[site], "-U",
                         "postgres", "-d", "postgres", "-c", "SELECT pg_is_in_recovery(), "
                         "current_setting('transaction_read_only')", check=False)
        return asked.strip() == "f|off"

    def streams(self, source="east"):
        return self.sql(source, "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND "
                        "application_name NOT LIKE '%backup%'", "postgres", check=False) == "1"

    def server_processes(self, site):
        """Every PostgreSQL process of the site's data directory, its postmaster first."""
        directory = os.stat(self.data(site))
        found = []
        for entry in glob.glob("/proc/[0-9]*"):
            with contextlib.suppress(OSError):
                at = os.stat(entry + "/cwd")
                name = pathlib.Path(entry + "/comm").read_text(encoding="utf-8")
                if (at.st_dev, at.st_ino) == (directory.st_dev, directory.st_ino) and name.startswith("postgres"):
                    found.append(int(entry[6:]))
        main = self.postmaster(site)
        return sorted(found, key=lambda pid: (pid != main, pid))

    def postmaster(self, site):
        with contextlib.suppress(OSError, ValueError):
            return int((self.data(site) / "postmaster.pid").read_text(encoding="utf-8").split("\n")[0])
        return None

    # --- ssh -------------------------------------------------------------------------------------------------------

    def serve_ssh(self, places):
        """An sshd of the servers' own user at each place, and an `ssh` that knows its keys."""
        keys = self.make("ssh")
        for name in ("host", "user"):
            self.run("users", "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys / name)
        shutil.copy(keys / "user.pub", keys / "authorized")
        self.own(keys / "authorized")
        self.file("ssh/sshd_config", "Port 22\nUsePAM no\nStrictModes no\nPasswordAuthentication no\n"
                  f"HostKey {keys}/host\nAuthorizedKeysFile {keys}/authorized\nPidFile none\nPrintMotd no\n"
                  "MaxSessions 100\nMaxStartups 100\n")
        host_key = " ".join((keys / "host.pub").read_text(encoding="utf-8").split()[:2])
        self.file("ssh/known_hosts", "".join(f"{a} {host_key}\n" for a in network.ADDRESSES.values()))
        self.file("ssh/config", f"User postgres\nIdentityFile {keys}/user\nUserKnownHostsFile {keys}/known_hosts\n"
                  + self.ssh_options())
        self.make("bin")
        self.file("bin/ssh", f"#!/bin/sh\nexec /usr/bin/ssh -F {keys}/config \"$@\"\n", 0o755)
        for place in places:
            self.start(place, "/usr/sbin/sshd", "-D", "-e", "-f", keys / "sshd_config", log=self.folder / place / "sshd.log")

    def ssh_options(self):
        return ""

    # --- the load --------------------------------------------------------------------------------------------------

    def start_client(self, name, place, sites=SITES, stays=False):
        hosts = ",".join(network.ADDRESSES[site] for site in sites)
        wanted = "target_session_attrs=read-write " if len(sites) > 1 else ""
        conninfo = f"host={hosts} port=5432 dbname={DATABASE} user=postgres {wanted}{CLIENT}"
        log = self.folder / f"{name}.load"
        self.clients[name] = self.start(place, self.program, conninfo, name, ROWS_PER_SECOND, log,
                                        *(["stay"] if stays else []), log=self.folder / f"{name}.log")
        return log

    def end_client(self, name):
        process = self.clients.pop(name)
        end(process)

    # --- the end ---------------------------------------------------------------------------------------------------

    def close(self):
        for process in reversed(self.started):
            end(process, signal.SIGKILL)
        self.network.remove()
        for process in self.started:
            process.wait()
        if not self.options.keep:
            shutil.rmtree(self.folder, ignore_errors=True)


def end(process, how=signal.SIGTERM):
    if process.poll() is None:
        process.send_signal(how)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

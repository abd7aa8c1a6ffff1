"""The peers, from Debian's packages, each with its fastest documented settings (one file beside this one per peer)."""
import json

import network
import stage
from stage import BIN, HERE


class Peer(stage.Stage):
    @staticmethod
    def replications(fault):
        return ("async",)

    def __init__(self, options, replication, fault):
        super().__init__(options)
        self.replication = replication

    def turn(self):
        """Nothing around a peer needs our hand."""

    def report(self):
        return {}

    def settings(self, file, place, more=None):
        text = (HERE / file).read_text(encoding="utf-8")
        values = {"FOLDER": str(self.folder), "PLACE": place, "BIN": BIN, "ADDRESS": network.ADDRESSES[place],
                  "SYNC": "true" if self.replication == "sync" else "false", **(more or {})}
        for old, new in values.items():
            text = text.replace(old, new)
        return text

    def wait_for_standby(self):
        self.wait("the standby to stream", 90, self.streams)
        if self.replication == "sync":
            self.wait("the standby to be in sync", 30, self.is_in_sync)

    def is_in_sync(self):
        return self.sql("east", "SELECT count(*) FROM pg_stat_replication WHERE sync_state IN ('sync', 'quorum')",
                        "postgres", check=False) == "1"


class Patroni(Peer):
    """Three members of etcd, one at each place; Patroni beside both servers."""

    name = "patroni"
    needs = ("patroni", "patronictl", "etcd", "etcdctl", "ip", "bridge")

    def begin(self):
        self.open()
        members = ("east", "west", "arbiter")
        cluster = ",".join(f"{m}=http://{network.ADDRESSES[m]}:2380" for m in members)
        for place in members:
            address = network.ADDRESSES[place]
            self.start(place, "etcd", "--name", place, "--data-dir", self.folder / place / "etcd",
                       "--listen-client-urls", "http://0.0.0.0:2379", "--advertise-client-urls",
                       f"http://{address}:2379", "--listen-peer-urls", f"http://{address}:2380",
                       "--initial-advertise-peer-urls", f"http://{address}:2380", "--initial-cluster", cluster,
                       "--initial-cluster-state", "new", log=self.folder / place / "etcd.log")
        self.wait("etcd to have a leader", 30, self.has_etcd)
        self.copy_template("east")
        self.agent("east")
        self.wait("east to be the primary", 60, lambda: self.writable("east"))
        self.agent("west")
        self.wait_for_standby()

    def has_etcd(self):
        return "is healthy" in self.run("arbiter", "etcdctl", "endpoint", "health", check=False,
                                        environment={"ETCDCTL_API": "3"})

    def agent(self, place):
        conf = self.file(f"{place}/patroni.yaml", self.settings("patroni.yaml", place))
        self.start(place, "patroni", conf, log=self.folder / place / "patroni.log")

    def switchover(self):
        self.run("arbiter", "patronictl", "-c", self.folder / "west" / "patroni.yaml", "switchover", "--candidate",
                 "west", "--force", check=False)


class PgAutoFailover(Peer):
    """The monitor stands at the arbiter, a keeper beside each server."""

    name = "pg_auto_failover"
    needs = ("pg_autoctl", "ip", "bridge")
    monitor = f"postgres://autoctl_node@{network.ADDRESSES['arbiter']}:5432/pg_auto_failover"

    @staticmethod
    def replications(fault):
        """Synchronous is its default; what asynchronous does under a cut is another matter."""
        return ("async", "sync") if fault == "cut" else ("sync",)

    def variables(self, place):
        home = self.make(place, "home")
        return {"HOME": str(home), "XDG_CONFIG_HOME": f"{home}/config", "XDG_DATA_HOME": f"{home}/share",
                "XDG_RUNTIME_DIR": str(self.make(place, "run")), "PG_REGRESS_SOCK_DIR": str(self.folder / place),
                "PGHOST": str(self.folder / place)}

    def autoctl(self, place, *words, **more):
        return self.run(place, "pg_autoctl", *words, environment=self.variables(place), **more)

    def keep_running(self, place):
        self.start(place, "pg_autoctl", "run", "--pgdata", self.data(place), log=self.folder / place / "autoctl.log",
                   environment=self.variables(place))

    def begin(self):
        self.open()
        common = ["--auth", "trust", "--no-ssl", "--pgctl", f"{BIN}/pg_ctl", "--pgport", "5432"]
        self.autoctl("arbiter", "create", "monitor", "--pgdata", self.data("arbiter"), "--hostname",
                     network.ADDRESSES["arbiter"], *common)
        with open(self.data("arbiter") / "pg_hba.conf", "a", encoding="utf-8") as hba:
            hba.write(f"host all all {network.ALL} trust\n")
        self.keep_running("arbiter")
        self.wait("the monitor", 30, lambda: self.ask_monitor("SELECT 1") == "1")
        for statement in (HERE / "pg_auto_failover.sql").read_text(encoding="utf-8").split(";")[:-1]:
            self.ask_monitor("\n".join(line for line in statement.split("\n") if not line.startswith("--")))
        self.copy_template("east")
        quorum = ["--replication-quorum", "true" if self.replication == "sync" else "false"]
        for place in stage.SITES:
            self.autoctl(place, "create", "postgres", "--pgdata", self.data(place), "--hostname",
                         network.ADDRESSES[place], "--name", place, "--monitor", self.monitor, "--dbname",
                         stage.DATABASE, *quorum, *common)
            self.keep_running(place)
            if place == "east":
                self.wait("east to be the primary", 60, lambda: self.writable("east"))
        self.wait_for_standby()
        self.wait("the formation to be stable", 60, lambda: self.states() == ["primary", "secondary"])

    def ask_monitor(self, statement):
        return self.run("arbiter", "psql", "-X", "-q", "-A", "-t", "-h", network.ADDRESSES["arbiter"], "-U", "postgres",
                        "-d", "pg_auto_failover", "-c", statement, check=False).strip()

    def states(self):
        return sorted(self.ask_monitor("SELECT reportedstate FROM pgautofailover.node WHERE "
                                       "reportedstate = goalstate").split())

    def switchover(self):
        self.autoctl("arbiter", "perform", "switchover", "--pgdata", self.data("arbiter"), check=False)

    def report(self):
        return {"states": self.ask_monitor("SELECT nodename || ' ' || reportedstate || ' ' || goalstate "
                                           "FROM pgautofailover.node").split("\n")}


class Repmgr(Peer):
    """repmgrd beside each server, and a witness with a server of its own at the arbiter."""

    name = "repmgr"
    needs = ("repmgr", "repmgrd", "ssh", "sshd", "ip", "bridge")
    numbers = {"east": "1", "west": "2", "arbiter": "3"}

    def begin(self):
        self.open()
        self.serve_ssh(stage.SITES)
        for place in self.numbers:
            self.file(f"{place}/repmgr.conf", self.settings("repmgr.conf", place, {"NUMBER": self.numbers[place]}))
        self.copy_template("east")
        self.initdb("arbiter", self.data("arbiter"))  # A witness is no copy: it has an identity of its own.
        for place in ("east", "arbiter"):
            self.serve(place)
            self.sql(place, "CREATE DATABASE repmgr", "postgres")
        if self.replication == "sync":
            self.configure("east", "synchronous_standby_names = '*'\n", "sync.conf")
        self.repmgr("east", "primary", "register")
        self.repmgr("west", "standby", "clone", "-h", network.ADDRESSES["east"], "-U", "postgres", "-d", "repmgr",
                    "--fast-checkpoint")
        self.serve("west")
        self.repmgr("west", "standby", "register", "--wait-sync=30")
        self.repmgr("arbiter", "witness", "register", "-h", network.ADDRESSES["east"])
        for place in self.numbers:
            self.start(place, "repmgrd", "-f", self.folder / place / "repmgr.conf", "--no-pid-file",
                       "--daemonize=false", log=self.folder / place / "repmgrd.log")
        self.wait_for_standby()
        self.wait("the daemons to watch", 30, self.is_watched)

    def serve(self, place):
        self.configure(place, f"unix_socket_directories = '{self.folder / place}'\n"
                       "shared_preload_libraries = 'repmgr'\n")
        self.run(place, "pg_ctl", "-D", self.data(place), "-w", "-s", "-l", self.folder / place / "postgres.log", "start")

    def repmgr(self, place, *words, **more):
        return self.run(place, f"{BIN}/repmgr", "-f", self.folder / place / "repmgr.conf", *words, **more)

    def is_watched(self):
        said = {place: (self.folder / place / "repmgr.log").read_text(encoding="utf-8", errors="replace")
                for place in self.numbers if (self.folder / place / "repmgr.log").exists()}
        return (all("monitoring" in said.get(place, "") for place in self.numbers)
                and ("has connected" in said["east"] or '"arbiter" (ID: 3) is attached' in said["east"]))

    def switchover(self):
        self.facts["said"] = self.repmgr("west", "standby", "switchover", check=False)[-400:]

    def report(self):
        return {"events": json.dumps(self.repmgr("west", "cluster", "event", "--limit", "4", check=False)[-500:])}

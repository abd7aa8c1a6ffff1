"""muster: one node at the arbiter, embedded store, preset fast; it reaches the hosts by ssh alone."""
import json
import shutil
import time

import stage
from stage import HERE, Failed

# What stands for the power switch of a hypervisor: it ends every process of the site, and proves it.
POWER_OFF = """#!/bin/sh
# power-off PLACE: asks the benchmark, which owns the network, and waits for its word.
mkdir {folder}/power/$1 || exit 1
while [ ! -e {folder}/power/$1/off ]; do sleep 0.005; done
"""


# With sync, a lost standby holds up commits for a second.
SYNC = {"async": "off", "sync": "managed\n        degrade: 1s"}


class Muster(stage.Stage):
    name = "muster"
    needs = ("ssh", "sshd", "ip", "bridge")

    @staticmethod
    def replications(fault):
        return ("async", "sync")

    def __init__(self, options, replication, fault):
        super().__init__(options)
        self.replication, self.fault = replication, fault
        self.node = None
        self.seen_runs = []

    def ssh_options(self):
        return ""

    def begin(self):
        self.open()
        self.serve_ssh(stage.SITES)
        self.pair()
        plan = (HERE / "muster.yaml").read_text(encoding="utf-8")
        for old, new in {"SYNC": SYNC[self.replication], "FOLDER": str(self.folder),
                         "EAST": self.conninfo("east"), "WEST": self.conninfo("west")}.items():
            plan = plan.replace(old, new)
        if self.fault == "site":
            plan = plan.replace("ssh: postgres@10.77.0.11}",
                                f"ssh: postgres@10.77.0.11, fence: [{self.folder}/bin/power-off, east]}}")
            self.make("power")
            self.file("bin/power-off", POWER_OFF.format(folder=self.folder), 0o755)
        self.plan = self.file("plan.yaml", plan)
        self.binary = self.folder / "bin" / "muster"
        shutil.copy(self.options.muster, self.binary)
        self.binary.chmod(0o755)
        self.node = self.start("arbiter", self.binary, "serve", self.plan, "--data", self.folder / "muster",
                               "--listen", "127.0.0.1:8480", log=self.folder / "muster.log")
        self.wait("muster to see the pair", 30, lambda: self.service().get("condition") == "ok")
        if self.replication == "sync":
            self.wait("the standby to be in sync", 30, self.is_in_sync)

    def is_in_sync(self):
        return any(site["is_in_sync"] for part in self.service()["components"] for site in part["sites"])

    def cli(self, *words, check=True):
        return self.run("arbiter", self.binary, "--data", self.folder / "muster", *words, check=check)

    def service(self):
        try:
            return json.loads(self.cli("status", "--json"))["services"][0]
        except (Failed, ValueError, LookupError):
            return {}

    def runs(self):
        return json.loads(self.cli("run", "list", "--json"))["runs"]

    def switchover(self):
        self.cli("switchover", "shop", "--to", "west", "--yes", "--wait", check=False)

    def turn(self):
        """What must be done by the machinery around it: the power switch."""
        asked = self.folder / "power" / "east"
        if asked.exists() and not (asked / "off").exists():
            if self.network.kill_all("east"):
                (asked / "off").touch()

    def report(self):
        """The newest move, as muster itself measured it."""
        def over():
            runs = [run for run in self.runs() if run["kind"] in ("failover", "switchover")]
            return runs[0] if runs and (runs[0]["is_final"] or runs[0]["status"] == "waiting") else None
        end = time.monotonic() + 20
        run = None
        while run is None and time.monotonic() < end and self.runs():
            run = over()
            time.sleep(0.1)
        if run is None:
            return {"moves": 0}
        report = json.loads(self.cli("report", run["id"], "--format", "json"))
        kept = {key: report[key] for key in ("kind", "status", "reason", "outage_began", "parts", "loss")}
        kept["steps"] = [{key: step.get(key) for key in ("id", "phase", "status", "began_s", "took_s", "error")}
                         for step in report["steps"]]
        return {"moves": len(self.runs()), "report": kept}

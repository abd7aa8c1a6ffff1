#!/usr/bin/env python3
"""Three real servers: the new primary dies while the old one is being rebuilt, and the third takes over at once."""
import signal

import stage
from stage import cluster

PLAN = """muster: 1
plan: three

sites:
  east: {{}}
  west: {{}}
  north: {{}}
  judge: {{role: arbiter}}

services:
  shop:
    objectives: {{rpo: 30s, rto: 30s}}
    primary: east
    standby: [west, north]
    failover: {{mode: automatic, preset: fast, hold: 2s, cooldown: 1s, max_per_day: 100}}
    components:
      orders:
        kind: postgres
        keep: {keep}
        rebuild: basebackup
        probe: {{postgres: "{{conninfo}}", interval: 500ms, timeout: 400ms}}
        sites:
          east: {{conninfo: "{east}", data: {east_data}, bin: {tools}}}
          west: {{conninfo: "{west}", data: {west_data}}}
          north: {{conninfo: "{north}", data: {north_data}}}
"""

# A base backup of many hours, while a file says so.
SLOW = """#!/bin/sh
if [ -e {flag} ]; then echo >{flag}.begun; exec sleep 36000; fi
exec {bin}/pg_basebackup "$@"
"""


class SetAside(stage.Case):
    def setUp(self):
        super().setUp()
        self.east = self.server("east")
        self.sites = {"east": self.east, "west": self.server("west", self.east), "north": self.server("north", self.east)}
        self.flag = self.file("slow")
        tools = self.folder / "tools"
        tools.mkdir()
        self.file("tools/pg_basebackup", SLOW.format(flag=self.flag, bin=self.east.bin), mode=0o755)
        fields = {name: server.conninfo() for name, server in self.sites.items()}
        fields |= {name + "_data": server.data for name, server in self.sites.items()}
        plan = self.file("plan.yaml", PLAN.format(keep=self.folder / "kept", tools=tools, **fields))
        self.node = stage.Node(self, plan).start_watching()
        self.eventually("all to be well", self.is_well)

    def is_well(self):
        return self.node.service()["condition"] == "ok"

    def said(self, name):
        return [event for event in self.node.events() if event["name"] == name]

    def rebuild_east(self):
        """East is lost with rows of its own, so that it takes a base backup, which does not end."""
        for pid in self.east.sql("SELECT pid FROM pg_stat_replication").split():
            cluster.kill([int(pid)], signal.SIGSTOP)
        self.east.sql("INSERT INTO orders (id) SELECT 'lost-' || generate_series(0, 9)")
        cluster.kill(self.east.processes())
        self.finished_run(self.node, "failover")
        self.eventually("the base backup", self.flag.with_suffix(".begun").exists)
        first = self.node.service()["primary"]
        self.assertIn(first, ("west", "north"))
        other = "north" if first == "west" else "west"
        self.eventually("the other one to follow", lambda: self.sites[first].sql(
            "SELECT 1 FROM pg_stat_replication WHERE state = 'streaming'").strip())
        return first, other

    def all_follow(self, primary):
        self.flag.unlink()
        self.eventually("all to be well", self.is_well, seconds=120)
        self.sites[primary].sql("INSERT INTO orders (id) VALUES ('after')")
        for name, server in self.sites.items():
            self.eventually(f"the row at {name}", lambda at=server: "after" in at.sql("SELECT id FROM orders"))
        self.assertEqual([name for name, server in self.sites.items() if self.is_writable(server)], [primary])
        self.assertEqual(self.said("reprotect.failed"), [])
        self.node.terminate()

    def check_set_aside(self):
        run = next(run for run in reversed(self.node.runs()) if run["kind"] == "rebuild")
        self.assertEqual((run["to"], run["status"]), ("east", "aborted"), run)
        self.assertIn("a failover goes first", self.node.cli("run", "show", run["id"]).stdout)
        self.assertEqual(len(self.said("rebuild.set_aside")), 1)
        self.assertEqual(self.said("rebuild.holds_failover"), [])
        self.assertIn("set aside", self.node.cli("report", run["id"], "--format", "md").stdout)

    def test_a_failover_does_not_wait_for_a_base_backup(self):
        first, other = self.rebuild_east()
        cluster.kill(self.sites[first].processes())
        self.eventually(f"{other} to serve", lambda: self.node.service()["primary"] == other, seconds=30)
        self.check_set_aside()
        self.assertEqual(self.finished_run(self.node, "failover")["to"], other)
        self.all_follow(other)

    def test_nor_does_one_that_a_person_asks_for(self):
        first, other = self.rebuild_east()
        refused = self.node.cli("switchover", "shop", "--to", other, "--yes", code=1)
        self.assertIn("is active", refused.stderr)
        dry = self.node.cli("failover", "shop", "--dry-run")
        self.assertIn("rebuilds east and is set aside", dry.stdout)
        self.assertIn(other, dry.stdout)
        self.node.cli("failover", "shop", "--yes", "--wait")
        self.assertEqual(self.node.service()["primary"], other)
        self.check_set_aside()
        self.all_follow(other)


if __name__ == "__main__":
    stage.main()

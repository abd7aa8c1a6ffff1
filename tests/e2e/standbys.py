#!/usr/bin/env python3
"""Four real servers: of two standbys at a site the one with most is promoted, the others and a cascade follow it."""
import glob
import json
import pathlib
import signal

import stage
from stage import cluster

PLAN = """muster: 1
plan: many

sites:
  east: {{}}
  west: {{}}
  north: {{}}
  judge: {{role: arbiter}}

services:
  shop:
    objectives: {{rpo: 30s, rto: 30s}}
    primary: east
    standby: [west]
    failover: {{mode: automatic, preset: fast, hold: 2s, cooldown: 30m, max_per_day: 2}}
    components:
      orders:
        kind: postgres
        keep: {keep}
        probe: {{postgres: "{{conninfo}}", interval: 500ms, timeout: 400ms}}
        sites:
          east: {{conninfo: "{east}", data: {east_data}}}
          west:
            name: west-1
            conninfo: "{west_1}"
            data: {west_1_data}
            more: [{{name: west-2, conninfo: "{west_2}", data: {west_2_data}}}]
          north: {{name: far, conninfo: "{north}", data: {north_data}, upstream: west-1}}
"""


def walreceiver(server):
    for stat in glob.glob("/proc/[0-9]*/cmdline"):
        pid = int(stat.split("/")[2])
        if pid in server.processes() and b"walreceiver" in pathlib.Path(stat).read_bytes():
            return pid
    raise AssertionError("the server has no walreceiver")


class Standbys(stage.Case):
    def source_of(self, server):
        """The port that a standby streams from, and the timeline; empty while it does not."""
        return server.sql("SELECT sender_port || ' ' || received_tli FROM pg_stat_wal_receiver "
                          "WHERE status = 'streaming'").strip()

    def setUp(self):
        super().setUp()
        self.east = self.server("east")
        self.west_1 = self.server("west-1", self.east)
        self.west_2 = self.server("west-2", self.east)
        self.north = self.server("north", self.west_1)
        servers = {"east": self.east, "west_1": self.west_1, "west_2": self.west_2, "north": self.north}
        fields = {name: server.conninfo() for name, server in servers.items()}
        fields |= {name + "_data": server.data for name, server in servers.items()}
        self.plan = self.file("plan.yaml", PLAN.format(keep=self.folder / "kept", **fields))
        self.node = stage.Node(self, self.plan)

    def test_the_most_advanced_is_promoted_and_the_others_follow(self):
        self.node.start_watching()
        self.eventually("all to be well", lambda: self.node.service()["condition"] == "ok")
        behind = walreceiver(self.west_1)
        cluster.kill([behind], signal.SIGSTOP)
        for number in range(50):
            self.east.sql(f"INSERT INTO orders (id) VALUES ('r{number}')")
        self.eventually("west-2 to have it", lambda: "r49" in self.west_2.sql("SELECT id FROM orders"))
        self.assertNotIn("r49", self.west_1.sql("SELECT id FROM orders"))
        cluster.kill(self.east.processes())
        run = self.finished_run(self.node, "failover")
        cluster.kill([behind], signal.SIGCONT)
        steps = {s["id"]: s for s in self.node.json("run", "show", run["id"])["steps"]}
        self.assertEqual(steps["orders.choose"]["outputs"]["name"], "west-2", steps)
        self.assertTrue(self.is_writable(self.west_2), "the one that had most takes writes")
        self.assertFalse(self.is_writable(self.west_1))
        self.assertIn("r49", self.west_2.sql("SELECT id FROM orders"), "nothing that had arrived is lost")
        self.check_followers()
        self.eventually("all to be well at west",
                        lambda: self.node.service()["primary"] == "west" and self.node.status()["has_full_picture"])
        self.node.terminate()

    def test_commits_wait_for_a_standby_also_from_a_site_with_two_servers(self):
        text = self.plan.read_text(encoding="utf-8")
        self.plan.write_text(text.replace("        keep:", "        sync: managed\n        degrade: 5s\n        keep:"),
                             encoding="utf-8")
        self.node.start_watching()

        def waits_for(site):
            replication = self.node.service()["components"][0]["replication"]
            return (replication["state"], replication["site"]) == ("in_sync", site)
        self.eventually("commits to wait for west", lambda: waits_for("west"))
        cluster.kill(self.east.processes())
        self.finished_run(self.node, "failover")
        self.eventually("commits at west to wait for east", lambda: waits_for("east"), seconds=120)
        primary = next(server for server in (self.west_1, self.west_2) if self.is_writable(server))
        self.assertIn("east", primary.sql("SHOW synchronous_standby_names"))
        self.assertEqual(primary.sql("SELECT sync_state FROM pg_stat_replication WHERE application_name ~ 'east'").strip(),
                         "sync")
        self.node.terminate()

    def check_followers(self):
        self.eventually("west-1 to follow west-2", lambda: self.source_of(self.west_1) == f"{self.west_2.port} 2")
        self.eventually("north to go on behind west-1", lambda: self.source_of(self.north) == f"{self.west_1.port} 2")
        self.west_2.sql("INSERT INTO orders (id) VALUES ('after')")
        for server in (self.west_1, self.north):
            self.eventually("the row to arrive", lambda at=server: "after" in at.sql("SELECT id FROM orders"))
        slots = self.west_2.sql("SELECT slot_name, active FROM pg_replication_slots")
        self.assertIn("muster_west_1|t", slots, "the new primary keeps WAL for whom it feeds")

    def test_a_standby_that_left_the_history_is_explained(self):
        self.west_2.sql("SELECT pg_promote()")
        self.west_2.sql("INSERT INTO orders (id) VALUES ('astray')")
        self.stop(self.west_2)
        (self.west_2.data / "standby.signal").touch()
        self.account.own(self.west_2.data / "standby.signal")
        self.west_2.start()
        self.node.start()
        self.eventually("the fork to be told", lambda: "promoted once" in json.dumps(self.node.status()))
        self.assertEqual(self.node.runs(), [], "and nothing is done about it unasked")
        self.node.terminate()


if __name__ == "__main__":
    stage.main()

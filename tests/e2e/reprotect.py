#!/usr/bin/env python3
"""After a move the old primary comes back: as a standby by itself, or refused when somebody starts it as a primary."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess

import stage
from stage import cluster

ROWS = 20
# A hundred take about ten minutes.
FREEZES = int(os.environ.get("MUSTER_FREEZES", "4"))


class Reprotect(stage.Case):
    def start(self, *changes):
        self.east, self.west = self.pair()
        plan = self.pair_plan(self.east, self.west)
        text = plan.read_text(encoding="utf-8").replace("cooldown: 30m, max_per_day: 2", "cooldown: 1s, max_per_day: 100")
        for old, new in changes:
            self.assertIn(old, text)
            text = text.replace(old, new)
        plan.write_text(text, encoding="utf-8")
        self.node = stage.Node(self, plan).start_watching()
        self.all_is_well()

    def all_is_well(self):
        def is_so():
            service = self.node.service()
            return service["condition"] == "ok" and service["rpo_now_s"] is not None and service["rpo_now_s"] < 3
        self.eventually("all to be well", is_so)

    def primary(self):
        return self.node.service()["primary"]

    def events(self, name):
        return [event for event in self.node.events() if event["name"] == name]

    def keep_to_itself(self, server):
        """The server's standby receives nothing any more, while commits go on."""
        sender = self.eventually("the standby to stream", lambda: server.sql("SELECT pid FROM pg_stat_replication"))
        cluster.kill([int(sender)], signal.SIGSTOP)

    def rebuilt(self, site):
        """The newest finished run of the keeper that made a site a standby."""
        def find():
            return next((run for run in self.node.runs()
                         if run["kind"] == "rebuild" and run["to"] == site and run["status"] == "done"), None)
        return self.eventually(f"{site} to be rebuilt by itself", find)

    def follows(self, standby, primary, row):
        primary.sql(f"INSERT INTO orders (id) VALUES ('{row}')")
        self.eventually("the row to arrive", lambda: row in standby.sql("SELECT id FROM orders"))

    def test_a_lost_primary_becomes_a_standby_again_and_what_it_alone_had_is_kept(self):
        self.start()
        self.keep_to_itself(self.east)
        self.east.sql("INSERT INTO orders (id) SELECT 'lost-' || generate_series(0, " f"{ROWS - 1})")
        cluster.kill(self.east.processes())
        moved = self.finished_run(self.node, "failover")
        loss = self.node.report(moved)["loss"]
        self.assertGreaterEqual(loss["transactions"], 1, loss)
        self.assertRegex(loss["tables"], rf"public\.orders \({ROWS} changes\)")
        self.check_artefact(pathlib.Path(loss["artefact"]), loss)
        for form in ("md", "html"):
            self.assertIn("orders", self.node.cli("report", moved["id"], "--format", form).stdout)
        run = self.rebuilt("east")
        self.assertTrue(run["is_automatic"], run)
        self.all_is_well()
        self.follows(self.east, self.west, "after")
        self.assertNotIn("lost-0", self.east.sql("SELECT id FROM orders"))
        self.assertTrue(pathlib.Path(loss["artefact"]).is_dir(), "the rebuild kept the artefact")
        self.assertTrue(self.events("reprotect.started"))
        self.assertEqual(self.events("reprotect.failed"), [])
        self.come_home()

    def check_artefact(self, artefact, loss):
        manifest = json.loads((artefact / "manifest.json").read_text(encoding="utf-8"))
        self.assertEqual(manifest["transactions"], loss["transactions"])
        self.assertIn("public.orders", [table["table"] for table in manifest["tables"]])
        for file in manifest["files"]:
            self.assertEqual((artefact / file["name"]).stat().st_size, file["size_bytes"])
        done = subprocess.run(["sha256sum", "-c", "--quiet", "SHA256SUMS"], cwd=artefact, capture_output=True,
                              check=False)
        self.assertEqual(done.returncode, 0, done.stderr)

    def come_home(self):
        dry = self.node.json("failback", "shop", "--dry-run")
        self.assertTrue(dry["is_allowed"], dry)
        self.assertEqual((dry["from"], dry["to"]), ("west", "east"))
        self.node.cli("failback", "shop", "--yes", "--wait")
        self.assertEqual(self.primary(), "east")
        self.assertIn("after", self.east.sql("SELECT id FROM orders"))
        self.all_is_well()
        refused = self.node.cli("failback", "shop", "--yes", code=1)
        self.assertIn("is at home", refused.stderr)
        self.node.cli("failback", "shop", "--force", code=2)

    def turned_down(self):
        return len(self.events("primary.refused")) + len(self.events("fence.sealed"))

    def is_standby(self, server):
        with contextlib.suppress(SystemExit):
            return server.sql("SELECT pg_is_in_recovery()").strip() == "t"
        return False

    def stop_by_hand(self, server):
        if server.processes():
            self.stop(server, "immediate")

    def start_by_hand(self, server):
        """An operator who knows nothing of fences."""
        (server.data / "standby.signal").unlink()
        self.account.run(server.bin / "pg_ctl", "-D", server.data, "-W", "-l", server.folder / "postgres.log", "start")

    def test_a_former_primary_that_is_started_by_hand_is_refused_and_its_rows_are_kept(self):
        self.start(("max_per_day: 100", "max_per_day: 100, reprotect: manual"))
        cluster.kill(self.east.processes())
        self.finished_run(self.node, "failover")
        self.eventually("the notice", lambda: "muster rebuild shop --to east" in self.node.cli("status").stdout)
        taken = set()
        for cycle in range(1, 4):
            with stage.Clients(self, self.east, name=f"late{cycle}", count=3) as clients:
                before = self.turned_down()
                self.start_by_hand(self.east)
                self.eventually("the refusal", lambda seen=before: self.turned_down() > seen)
                # Sealed before it was up, it comes up as a standby.
                self.eventually("its processes to be gone, or harmless",
                                lambda: not self.east.processes() or self.is_standby(self.east))
                self.stop_by_hand(self.east)
            taken |= set(clients.acknowledged)
            self.assertTrue((self.east.data / "standby.signal").exists(), "the fence is back")
            self.assertFalse(self.is_writable(self.east))
            self.assertTrue(self.is_writable(self.west), "the successor is untouched")
        self.assertEqual(self.primary(), "west")
        self.assertEqual(len([run for run in self.node.runs() if run["kind"] == "failover"]), 1)
        print(f"\n3 starts behind our back: {len(taken)} rows were taken before the fence")
        self.node.cli("rebuild", "shop", "--to", "east", "--yes", "--wait")
        run = self.rebuilt("east")
        keep = next(step for step in self.node.json("run", "show", run["id"])["steps"] if step["id"].endswith(".keep"))
        self.assertGreaterEqual(int(keep["outputs"]["lost_transactions"]), len(taken), keep)
        self.follows(self.east, self.west, "after")

    def test_a_former_primary_that_is_promoted_by_hand_is_refused(self):
        self.start(("max_per_day: 100", "max_per_day: 100, reprotect: manual"))
        cluster.kill(self.east.processes())
        self.finished_run(self.node, "failover")
        self.east.start()
        self.promote(self.east, "-W")
        self.eventually("the refusal", lambda: self.events("primary.refused"))
        self.eventually("it to be out of service", lambda: not self.is_writable(self.east))
        self.assertTrue(self.is_writable(self.west))
        self.node.cli("rebuild", "shop", "--to", "east", "--yes", "--wait")
        self.follows(self.east, self.west, "after")

    def test_a_fence_by_command_is_made_durable_as_soon_as_the_host_answers(self):
        used = self.folder / "fence-used"
        pids = self.file("east.pids")
        fence = json.dumps(["sh", "-c", f"echo used >> {used}; kill -9 $(cat {pids}); true"])
        self.start(("data: " + str(self.folder / "east"), f"fence: {fence}, data: " + str(self.folder / "east")))
        pids.write_text("\n".join(map(str, self.east.processes())), encoding="utf-8")
        cluster.kill(self.east.processes()[:1])
        (self.folder / "east").chmod(0)  # What a host looks like whose disk is not there yet.
        self.finished_run(self.node, "failover")
        self.eventually("the notice", lambda: "fence not yet durable at east" in self.node.cli("status").stdout)
        self.assertEqual([run["kind"] for run in self.node.runs()], ["failover"], "no attempt on a host that is off")
        (self.folder / "east").chmod(0o755)
        self.rebuilt("east")
        self.all_is_well()
        self.assertEqual(used.read_text(encoding="utf-8").split(), ["used"], "the rebuild did not switch its host off")
        self.follows(self.east, self.west, "after")
        self.assertTrue(self.events("fence.sealed"))
        self.assertNotIn("fence not yet durable", self.node.cli("status").stdout)

    def test_two_writers_that_no_move_explains_are_named_with_what_each_has(self):
        self.east, self.west = self.pair()
        self.promote(self.west)
        self.node = stage.Node(self, self.pair_plan(self.east, self.west)).start()
        self.eventually("the conflict to be told", lambda: self.events("writers.conflict"))
        for text in (self.node.cli("why", "shop").stdout, self.node.cli("status").stdout):
            self.assertRegex(text, r"east \(the primary\): takes writes, timeline 1 at [0-9A-F]+/[0-9A-F]+")
            self.assertRegex(text, r"west: takes writes, timeline 2 at [0-9A-F]+/[0-9A-F]+, epoch mark 0")
            self.assertIn("muster rebuild shop --to west", text)
            self.assertIn("muster failover shop --to west --force", text)
        self.assertTrue(self.is_writable(self.east) and self.is_writable(self.west), "muster touched neither")
        self.assertEqual((self.events("primary.refused"), self.node.runs()), ([], []))
        self.stop(self.west)
        self.eventually("one writer", lambda: "two sites" not in self.node.cli("status").stdout)
        self.node.cli("rebuild", "shop", "--to", "west", "--yes", "--wait")
        self.follows(self.west, self.east, "after")

    def session(self, server):
        """A client that stays: what it sends to a frozen server lies there until the server thaws."""
        client = subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-h", server.address, "-p", str(server.port), "-d",
                                   cluster.DATABASE, "-U", self.account.entry.pw_name], stdin=subprocess.PIPE,
                                  stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                  env=self.account.environment(), cwd="/", **self.account.options())
        self.addCleanup(client.kill)
        client.stdin.write("SELECT 'here';\n")
        client.stdin.flush()
        self.assertEqual(client.stdout.readline(), "here\n")
        return client

    def test_a_server_that_thaws_takes_no_write_and_becomes_the_standby(self):
        self.start()
        servers = {"east": self.east, "west": self.west}
        for cycle in range(FREEZES):
            site = self.primary()
            frozen = servers[site]
            client = self.session(frozen)
            pids = frozen.processes()
            cluster.kill(pids[:1] if cycle % 2 else pids, signal.SIGSTOP)
            if cycle % 2 == 0:
                client.stdin.write(f"INSERT INTO orders (id) VALUES ('late-{cycle}') RETURNING 'taken';\n")
                client.stdin.flush()
            self.eventually("the move", lambda old=site: self.primary() != old)
            rows = servers[self.primary()].sql("SELECT id FROM orders").split()
            cluster.kill(pids, signal.SIGCONT)
            self.assertFalse(self.is_writable(frozen), "two writable primaries")
            self.assertNotIn("taken", client.communicate(timeout=60)[0])
            self.all_is_well()
            self.follows(frozen, servers[self.primary()], f"cycle-{cycle}")
            self.assertEqual(sorted(frozen.sql("SELECT id FROM orders").split()), sorted([*rows, f"cycle-{cycle}"]))


if __name__ == "__main__":
    stage.main()

#!/usr/bin/env python3
"""A real PostgreSQL pair loses its primary: muster moves it by itself, rebuilds the old side and switches back."""
import signal
import time
import xml.etree.ElementTree

import stage
from stage import cluster


def step_of(run, ending):
    return next(step for step in run["steps"] if step["id"].endswith(ending))


class Failover(stage.Case):
    def start(self, mode="automatic"):
        self.east, self.west = self.pair()
        self.plan = self.pair_plan(self.east, self.west, mode)
        text = self.plan.read_text(encoding="utf-8")  # What muster does by itself then is in reprotect.py.
        self.plan.write_text(text.replace("max_per_day: 2", "max_per_day: 2, reprotect: manual"), encoding="utf-8")
        self.node = stage.Node(self, self.plan).start_watching()
        self.eventually("all to be well", lambda: self.node.service()["condition"] == "ok")

    def kill_primary(self):
        cluster.kill(self.east.processes())
        return time.monotonic()

    def is_moved(self):
        return self.node.service()["primary"] == "west"

    def test_a_killed_primary_is_replaced_rebuilt_and_comes_home(self):
        self.start()
        self.check_calm()
        self.east.sql("INSERT INTO orders (id) VALUES ('before')")
        self.eventually("the row to arrive", lambda: "before" in self.west.sql("SELECT id FROM orders"))
        began = self.kill_primary()
        run = self.finished_run(self.node, "failover")
        print(f"\nmoved {time.monotonic() - began:.1f} s after the loss")
        self.check_moved(run)
        self.check_reports(run)
        self.check_old_server_is_harmless()
        self.check_rebuild()
        self.check_switchover()
        self.assertEqual(self.node.terminate(), 0)

    def check_calm(self):
        table = self.node.cli("status").stdout
        self.assertRegex(table, r"shop +east +ok ")
        service = self.node.service()
        self.assertIsNotNone(service["rpo_now_s"], "the RPO is measured from the first day")
        self.assertLess(service["rpo_now_s"], 5)
        self.assertEqual(self.node.runs(), [])
        self.assertEqual(self.node.json("why", "shop")["kind"], "nothing")

    def check_moved(self, run):
        self.assertTrue(run["is_automatic"])
        self.assertEqual((run["from"], run["to"]), ("east", "west"))
        self.eventually("west to be the primary", self.is_moved)
        self.assertTrue(self.is_writable(self.west))
        self.assertIn("before", self.west.sql("SELECT id FROM orders"))
        whole = self.node.json("run", "show", run["id"])
        fence, promote = step_of(whole, ".fence"), step_of(whole, ".promote")
        self.assertEqual((fence["status"], promote["status"]), ("done", "done"))
        self.assertLessEqual(fence["ended"], promote["started"], "fenced before promoted")
        self.assertTrue(fence["outputs"].get("proof"), fence)
        self.assertRegex(self.node.cli("run", "show", run["id"]).stdout, r"failover shop east → west: done")
        self.assertIn(run["id"], self.node.cli("run", "list").stdout)
        watched = self.node.cli("run", "watch", run["id"])
        self.assertIn("done", watched.stdout)
        names = [event["name"] for event in self.node.events()]
        self.assertIn("run.started", names)
        self.assertIn("run.done", names)
        self.assertIn("primacy.changed", names)
        self.assertEqual(self.node.service()["last_move"]["to"], "west")
        self.assertTrue(self.node.json("why", "shop")["stages"])

    def check_reports(self, run):
        report = self.node.report(run)
        self.assertEqual((report["kind"], report["status"], report["rto"]), ("failover", "done", "met"), report)
        parts = report["parts"]
        for name in ("detect_s", "decide_s", "fence_s", "promote_s", "users_back_s", "total_s"):
            self.assertIsNotNone(parts[name], f"{name} in {parts}")
            self.assertGreaterEqual(parts[name], 0, f"{name} in {parts}")
        named = sum(parts[name] or 0 for name in parts if name != "total_s")
        self.assertLessEqual(named, parts["total_s"] + 0.01, "the parts are parts of the whole")
        page = self.node.cli("report", run["id"], "--format", "html").stdout
        self.assertIn("<svg", page)
        self.assertNotIn("src=\"http", page, "the page is self-contained")
        self.assertIn("failover", self.node.cli("report", run["id"]).stdout)
        picture = self.node.cli("report", run["id"], "--format", "svg").stdout
        self.assertTrue(xml.etree.ElementTree.fromstring(picture).tag.endswith("svg"))
        target = self.folder / "report.html"
        self.node.cli("report", run["id"], "--format", "html", "-o", target)
        self.assertEqual(target.read_text(encoding="utf-8"), page)
        self.node.cli("report", "r-none", code=1)

    def check_old_server_is_harmless(self):
        """Started again by hand, the old primary must not take writes."""
        try:
            self.east.start()
        except SystemExit:
            return  # It may also refuse to start.
        self.assertFalse(self.is_writable(self.east), "the old primary takes writes again: split brain")

    def check_rebuild(self):
        self.node.cli("rebuild", "shop", "--to", "east", "--yes", "--wait")
        self.eventually("all to be well", lambda: self.node.service()["condition"] == "ok")
        self.assertEqual(self.east.sql("SELECT pg_is_in_recovery()").strip(), "t")
        self.west.sql("INSERT INTO orders (id) VALUES ('rebuilt')")
        self.eventually("the row to arrive", lambda: "rebuilt" in self.east.sql("SELECT id FROM orders"))

    def check_switchover(self):
        dry = self.node.json("switchover", "shop", "--dry-run")
        self.assertTrue(dry["is_allowed"], dry)
        self.assertTrue(dry["steps"])
        self.assertEqual(len(self.node.runs()), 2, "a dry run runs nothing")
        refused = self.node.cli("switchover", "shop", code=1)
        self.assertIn("--yes", refused.stderr)
        with stage.Clients(self, self.west, self.east) as clients:
            self.eventually("orders to come in", lambda: len(clients.acknowledged) > 20)
            self.node.cli("switchover", "shop", "--to", "east", "--yes", "--wait")
            amid = len(clients.acknowledged)
            self.eventually("orders to come in again", lambda: len(clients.acknowledged) > amid + 20)
        self.assertEqual(clients.lost(self.east), set(), "a planned move loses nothing")
        self.assertEqual(self.node.service()["primary"], "east")
        self.assertFalse(self.is_writable(self.west))
        print(f"{len(clients.acknowledged)} orders acknowledged across the switchover, {clients.failed} refused, 0 lost")
        run = self.finished_run(self.node, "switchover")
        report = self.node.report(run)
        self.assertEqual((report["rpo"], report["rto"]), ("met", "met"), report)

    def test_a_frozen_primary_is_replaced_and_takes_no_write_when_it_thaws(self):
        self.start()
        frozen = self.east.processes()
        cluster.kill(frozen[:1], signal.SIGSTOP)
        frozen = frozen[:1] + stage.descendants(frozen[0])
        cluster.kill(frozen, signal.SIGSTOP)
        self.finished_run(self.node, "failover")
        self.assertTrue(self.is_writable(self.west))
        cluster.kill(frozen, signal.SIGCONT)
        end = time.monotonic() + 2
        while time.monotonic() < end:
            self.assertFalse(self.is_writable(self.east), "two writable primaries")

    def test_in_the_mode_approve_a_person_decides(self):
        self.start("approve")
        self.kill_primary()
        self.eventually("the decision to wait",
                        lambda: self.node.service()["decision"]["kind"] == "approval")
        why = self.node.cli("why", "shop").stdout
        self.assertIn("approve", why)
        self.assertEqual(self.node.runs(), [])
        self.assertFalse(self.is_writable(self.west))
        self.node.cli("approve", "shop")
        run = self.finished_run(self.node, "failover")
        self.assertTrue(self.is_writable(self.west))
        self.assertEqual(run["to"], "west")
        self.node.cli("approve", "shop", code=1)

    def test_in_the_mode_observe_nothing_moves(self):
        self.start("observe")
        self.kill_primary()
        self.eventually("the loss to be seen", lambda: self.node.service()["condition"] == "down")
        time.sleep(5)  # Longer than the automatic mode takes.
        self.assertEqual(self.node.runs(), [])
        self.assertEqual(self.node.service()["primary"], "east")
        self.assertFalse(self.is_writable(self.west))
        self.assertIn("observe", self.node.cli("why", "shop").stdout)
        self.node.cli("approve", "shop", code=1)


if __name__ == "__main__":
    stage.main()

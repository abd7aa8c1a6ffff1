#!/usr/bin/env python3
"""Synchronous replication managed by muster, and loss as it is measured: against the log of a client that knows what
was acknowledged to it, and when."""
import json
import re
import subprocess
import threading
import time

import stage
from stage import cluster

EVERY = 0.02  # Seconds between two rows of the client.
WITHIN = 0.5  # What the RPO of this moment may be off.


class Load:
    """A client that inserts one row after the other over one session, and leaves the acknowledged ids in a file."""

    def __init__(self, case, *servers):
        self.case = case
        self.conninfo = stage.conninfo_of(case.account, *servers)
        self.file = case.file("acknowledged")
        self.acknowledged = []  # (id, when it was sent, when it was acknowledged)
        self.is_over = threading.Event()
        self.session = None
        self.thread = threading.Thread(target=self.write)

    def write(self):
        number = 0
        with open(self.file, "a", encoding="utf-8", buffering=1) as log:
            while not self.is_over.is_set():
                with self.open() as session:
                    self.session = session
                    number = self.use(session, number, log)
                    session.kill()
                self.is_over.wait(0.05)

    def open(self):
        return subprocess.Popen(["psql", "-X", "-q", "-A", "-t", "-d", self.conninfo], text=True, bufsize=1,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd="/",
                                env=self.case.account.environment(), **self.case.account.options())

    def use(self, session, number, log):
        while not self.is_over.is_set():
            number += 1
            sent = time.monotonic()
            try:
                session.stdin.write(f"INSERT INTO orders (id) VALUES ('r{number}') RETURNING id;\n")
                answer = session.stdout.readline().strip()
            except OSError:
                break
            if answer != f"r{number}":
                break
            self.acknowledged.append((answer, sent, time.monotonic()))
            log.write(answer + "\n")
            self.is_over.wait(EVERY)
        return number

    def __enter__(self):
        self.thread.start()
        self.case.eventually("rows to be acknowledged", lambda: len(self.acknowledged) > 50)
        return self

    def __exit__(self, *_):
        self.is_over.set()
        if self.session:
            self.session.kill()
        self.thread.join()

    def lost(self, server):
        there = set(server.sql("SELECT id FROM orders").split())
        return [row for row in self.acknowledged if row[0] not in there]

    def newest_at(self, server):
        """When the newest row that a server has was acknowledged."""
        newest = int(server.sql("SELECT coalesce(max(substr(id, 2)::int), 0) FROM orders WHERE id ~ '^r[0-9]+$'"))
        return max((at for name, _, at in self.acknowledged if int(name[1:]) <= newest), default=None)


class Sync(stage.Case):
    def start(self, sync=None, rpo="0s", extra="", interval=None):
        self.east, self.west = self.pair()
        plan = self.pair_plan(self.east, self.west)
        text = plan.read_text(encoding="utf-8").replace("rpo: 5s", f"rpo: {rpo}")
        settings = (f"        sync: {sync}\n" if sync else "") + extra
        sample = ("        acknowledged: {file: " + str(self.folder / "acknowledged") +
                  ', query: "SELECT id FROM orders WHERE id = ANY($1)"}\n')
        text = text.replace("        kind: postgres\n", "        kind: postgres\n" + settings + sample)
        if interval is None:
            text = re.sub(r"        probe: .*\n", "", text)
        plan.write_text(text, encoding="utf-8")
        self.node = stage.Node(self, plan).start_watching()

    def replication(self):
        return self.node.service()["components"][0]["replication"]

    def await_state(self, state):
        self.eventually(f"replication to be {state}", lambda: self.replication()["state"] == state)
        return self.replication()

    def setting(self, server):
        return server.sql("SHOW synchronous_standby_names").strip()

    def names(self):
        return [event["name"] for event in self.node.events() if event["name"].startswith("replication.")]

    def test_a_killed_primary_in_sync_loses_nothing_that_was_acknowledged(self):
        self.start()
        state = self.await_state("in_sync")
        self.assertEqual((state["site"], state["standby"]), ("west", "muster_west"))
        self.assertEqual(self.setting(self.east), 'FIRST 1 ("muster_west")')
        self.assertEqual(self.node.service()["rpo_now_s"], 0)
        with Load(self, self.east, self.west) as load:
            cluster.kill(self.east.processes())
            run = self.finished_run(self.node, "failover")
            amid = len(load.acknowledged)
            self.eventually("rows at the new primary", lambda: len(load.acknowledged) > amid + 20)
        self.assertTrue(run["is_automatic"])
        self.assertEqual(load.lost(self.west), [])
        report = self.node.report(run)
        self.assertEqual(report["rpo"], "met", report)
        sample = report["loss"]["acknowledged"]
        self.assertEqual((sample["missing"], sample["error"]), (0, ""), sample)
        self.assertGreater(sample["sampled"], 50)
        self.assertIn("sampled acknowledged ids 0 are missing", self.node.cli("report", run["id"]).stdout)
        print(f"\n{len(load.acknowledged)} rows acknowledged across the failover, 0 lost")
        self.check_protected_again()

    def check_protected_again(self):
        """The new primary waits for nobody until its own standby is in sync."""
        self.assertEqual(self.setting(self.west), "")
        self.await_state("degraded")
        self.eventually("the condition", lambda: self.node.service()["condition"] == "degraded")
        self.node.cli("rebuild", "shop", "--to", "east", "--yes", "--wait")
        state = self.await_state("in_sync")
        self.assertEqual(state["site"], "east")
        self.assertEqual(self.setting(self.west), 'FIRST 1 ("muster_east")')
        self.eventually("all to be well", lambda: self.node.service()["condition"] == "ok")
        self.node.cli("switchover", "shop", "--to", "east", "--yes", "--wait")
        self.await_state("in_sync")
        self.assertEqual(self.setting(self.east), 'FIRST 1 ("muster_west")')

    def test_a_lost_standby_stalls_commits_and_moves_nothing_where_degrade_is_never(self):
        self.start()
        self.await_state("in_sync")
        with Load(self, self.east) as load:
            self.stop(self.west)
            self.await_state("waiting")
            self.eventually("the condition", lambda: self.node.service()["condition"] == "stalled")
            held = len(load.acknowledged)
            end = time.monotonic() + 6  # Longer than the preset needs to condemn a primary.
            while time.monotonic() < end:
                self.assertEqual(self.node.runs(), [])
                self.assertEqual(self.target("east")["health"], "up", "a primary that waits is alive")
                time.sleep(0.2)
            self.assertLessEqual(len(load.acknowledged), held + 1, "commits went on without the standby")
            self.assertIn("replication.waiting", self.names())
            self.assertIn("muster_replication_waiting", self.node.request("/metrics")[2])
            self.west.start()
            self.await_state("in_sync")
            self.eventually("commits to go on", lambda: len(load.acknowledged) > held + 20)
        self.assertNotIn("replication.degraded", self.names()[self.names().index("replication.in_sync"):])

    def target(self, site):
        return next(t for t in self.node.json("status")["targets"] if t["site"] == site)

    def test_a_degraded_service_says_so_asks_before_it_moves_and_comes_back_in_sync(self):
        self.start(extra="        degrade: 2s\n")
        self.await_state("in_sync")
        self.stop(self.west)
        self.await_state("degraded")
        self.eventually("the setting to be relaxed", lambda: self.setting(self.east) == "")
        self.assertEqual(self.node.service()["condition"], "degraded")
        self.assertTrue(self.is_writable(self.east), "commits go on")
        self.assertIn("muster_replication_in_sync{service=\"shop\",component=\"orders\"} 0",
                      self.node.request("/metrics")[2])
        self.west.start()
        self.await_state("in_sync")
        names = self.names()
        self.assertEqual(names[-3:], ["replication.waiting", "replication.degraded", "replication.in_sync"], names)
        self.stop_streaming()
        self.await_state("degraded")
        cluster.kill(self.east.processes())
        self.eventually("a person to be asked", lambda: self.node.service()["decision"]["kind"] == "approval")
        self.assertIn("not known to be in sync", self.node.cli("why", "shop").stdout)
        self.assertEqual(self.node.runs(), [])
        self.assertFalse(self.is_writable(self.west))

    def is_streaming(self):
        return self.west.sql("SELECT pid FROM pg_stat_wal_receiver WHERE status = 'streaming'").strip()

    def stream_from(self, conninfo):
        quoted = conninfo.replace("'", "''")
        self.west.sql(f"ALTER SYSTEM SET primary_conninfo = '{quoted}'")
        self.west.sql("SELECT pg_reload_conf()")

    def stop_streaming(self):
        """Nothing more arrives at the standby, which goes on answering."""
        self.stream_from("host=127.0.0.1 port=1 application_name=muster_west")
        self.eventually("the stream to end", lambda: not self.is_streaming())

    def compare_stopped(self, load):
        """One beat dates the whole loss: where the machine was late with that one, the stream is stopped once more."""
        conninfo = self.west.sql("SHOW primary_conninfo").strip()
        for is_last in (False, False, True):
            self.stop_streaming()
            errors = self.compare(load, 40)
            if is_last or max(errors) < WITHIN:
                return errors
            self.stream_from(conninfo)
            self.eventually("the stream to go on", self.is_streaming)
            time.sleep(1)  # Some beats.

    def test_the_rpo_of_this_moment_and_of_the_report_agree_with_the_log_of_the_client(self):
        self.start(sync="off", rpo="60s")  # More than the looks take on a loaded machine: beyond it a person is asked.
        self.eventually("all to be well", lambda: self.node.service()["condition"] == "ok")
        with Load(self, self.east, self.west) as load:
            errors = self.compare(load, 40)
            errors += self.compare_stopped(load)
            newest = load.newest_at(self.west)
            cluster.kill(self.east.processes())
            last = load.acknowledged[-1][2]
            run = self.finished_run(self.node, "failover")
        errors.sort()
        print(f"\nRPO now beside the log, {len(errors)} times: median {errors[len(errors) // 2]:.3f} s off, "
              f"most {errors[-1]:.3f} s")
        # While it streams each beat is a sample of its own: a busy machine may be late with a few.
        self.assertLess(errors[-3], WITHIN)
        report = self.node.report(run)
        truth = last - newest
        print(f"lost by the log: {truth:.3f} s, by the report: {report['loss']['time_s']:.3f} s")
        self.assertLess(abs(report["loss"]["time_s"] - truth), WITHIN)
        lost = load.lost(self.west)
        self.assertGreater(len(lost), 10)
        sample = report["loss"]["acknowledged"]
        self.assertEqual(sample["missing"], len(lost), "the sample holds all that was lost")

    def compare(self, load, times):
        """How far RPO now is off, so many times; both are read as near to each other as can be."""
        errors = []
        while len(errors) < times:
            began = time.monotonic()
            shown = json.loads(self.node.request("/api/v1/status")[2])["services"][0]["rpo_now_s"]
            read = time.monotonic()
            newest = load.newest_at(self.west)
            at = (began + read) / 2
            if shown is None or newest is None or time.monotonic() - began > 0.2:
                continue  # Too slow a look to compare anything.
            errors.append(abs(shown - max(0, at - newest)))
        return errors


if __name__ == "__main__":
    stage.main()

#!/usr/bin/env python3
"""Bad things that happen to a node's store and its data directory: each is told with the next command, nothing is
lost, and nothing happens that could not be written."""
import contextlib
import json
import os
import sqlite3

import stage

PLAN = """muster: 1
plan: stored

sites:
  here: {{region: one}}
  there: {{region: two}}
  other: {{region: three}}

services:
  shop:
    objectives: {{rpo: 1h, rto: 1h}}
    primary: here
    standby: [{standby}]
    failover: {{mode: observe}}
    components:
      part:
        kind: custom
        probe: {{exec: [test, -e, {folder}/up], interval: 200ms, timeout: 150ms}}
        sites: {{here: {{}}, {standby}: {{}}}}

procedures:
  mark:
    steps:
      - {{id: one, action: exec, with: {{argv: [{step}, "1"]}}}}
      - {{id: two, action: exec, needs: [one], with: {{argv: [{step}, "2"]}}}}
  gated:
    steps:
      - {{id: hold, action: exec, with: {{argv: [{gate}]}}, timeout: 10m}}
      - {{id: after, action: exec, needs: [hold], with: {{argv: [{step}, {word}]}}}}
"""
STEP = """#!/bin/sh
echo "$MUSTER_RUN $1" >>{folder}/effects
"""
# Tells that it waits, and ends once it may.
GATE = """#!/bin/sh
touch {folder}/waits
until [ -e {folder}/go ]; do sleep 0.05; done
"""
KILOBYTE = 1024


class StoreCase(stage.Case):
    def setUp(self):
        super().setUp()
        self.effects = self.file("effects")
        self.step = self.file("step", STEP.format(folder=self.folder), 0o755)
        self.gate = self.file("gate", GATE.format(folder=self.folder), 0o755)
        self.write_plan()

    def write_plan(self, word="old", standby="there"):
        self.file("up")
        self.plan = self.file("plan.yaml", PLAN.format(
            step=self.step, gate=self.gate, word=word, folder=self.folder, standby=standby))

    def node(self, data="data"):
        return stage.Node(self, self.plan, data=data, more=("--site", "here"))

    def lines(self):
        return self.effects.read_text(encoding="utf-8").splitlines()

    def refused(self, node, code, *says):
        """The node does not start and says why, with a hint."""
        done = self.muster(*node.argv[1:], code=code, timeout=40)
        for text in says:
            self.assertRegex(done.stderr, text)
        self.assertRegex(done.stderr, r"(?m)^muster: .+\n  hint: .+")
        return done

    def run_status(self, node, run):
        return node.json("run", "show", run)["status"]

    def finished(self, node, run, status="done"):
        self.eventually(f"run {run} to be {status}", lambda: self.run_status(node, run) == status)

    def edit(self, node, sql, *values):
        with contextlib.closing(sqlite3.connect(node.data / "state.db", timeout=30)) as store:
            store.execute(sql, values)
            store.commit()
        for name in node.data.glob("state.db*"):
            self.account.own(name)


class AtTheStart(StoreCase):
    """A node that has run before, and whose store came to harm meanwhile."""

    def setUp(self):
        super().setUp()
        self.first = self.node().start()
        self.done = self.first.json("run", "start", "mark")["run"]
        self.finished(self.first, self.done)
        self.assertEqual(self.first.terminate(), 0)
        self.store = self.first.data / "state.db"
        self.whole = self.store.read_bytes()

    def serves_again(self):
        """With the file as it was, nothing is lost."""
        self.store.write_bytes(self.whole)
        self.first.start()
        self.assertEqual(self.run_status(self.first, self.done), "done")

    def test_a_truncated_store_is_refused_and_left_alone(self):
        for length in (5000, 100, 0):
            self.store.write_bytes(self.whole[:length])
            self.refused(self.first, 1, r"state\.db", r"hint: stop muster, copy .+ \.dump")
            self.assertEqual(self.store.read_bytes(), self.whole[:length], "what is left of it is evidence")
        self.serves_again()

    def test_a_store_with_noise_in_its_middle_is_refused(self):
        middle = len(self.whole) // 2
        noise = os.urandom(8192)
        self.store.write_bytes(self.whole[:middle] + noise + self.whole[middle + len(noise):])
        self.refused(self.first, 1, r"state\.db", r"\.recover")
        self.serves_again()

    def test_a_damaged_store_can_be_mended_by_the_commands_of_its_page(self):
        with contextlib.closing(sqlite3.connect(self.store)) as store:
            (page,) = store.execute("SELECT rootpage FROM sqlite_schema WHERE name = 'kv_lease'").fetchone()
        self.store.write_bytes(self.whole[:(page - 1) * 4096] + b"Z" * 4096 + self.whole[page * 4096:])
        hint = self.refused(self.first, 1, "is damaged").stderr.split("hint: ")[1]
        command = hint.split("`")[1]
        page = (stage.ROOT / "docs" / "howto" / "mend-the-store.md").read_text(encoding="utf-8")
        self.assertIn(command.replace(str(self.first.data), "DATA"), page)
        self.account.run("sh", "-c", command + " 2>/dev/null")
        mark = next(line for line in page.splitlines() if "application_id" in line)
        self.account.run("sh", "-c", mark.replace("DATA", str(self.first.data)))
        self.store.with_name("state.db.recovered").rename(self.store)
        self.first.start()
        self.assertEqual(self.run_status(self.first, self.done), "done")

    def test_a_store_that_is_no_database_is_refused(self):
        for text in (b"dear diary\n" * 1000, os.urandom(8192), b"\0" * 8192):
            self.store.write_bytes(text)
            self.refused(self.first, 1, r"state\.db", r"\.recover")
            self.assertEqual(self.store.read_bytes(), text)
        self.serves_again()

    def test_the_store_of_another_program_is_refused(self):
        self.store.unlink()
        with contextlib.closing(sqlite3.connect(self.store)) as other:
            other.execute("CREATE TABLE recipes (name TEXT)")
        self.account.own(self.store)
        self.refused(self.first, 2, "not a store of muster", "--data")
        self.serves_again()

    def test_a_store_of_a_newer_muster_is_refused_and_not_touched(self):
        self.edit(self.first, "UPDATE meta SET value = 7 WHERE name = 'format'")
        newer = self.store.read_bytes()
        self.refused(self.first, 2, "format 7, written by a newer muster; this one knows up to 2",
                     "install the newer muster again")
        self.assertEqual(self.store.read_bytes(), newer)
        self.edit(self.first, "UPDATE meta SET value = 2 WHERE name = 'format'")
        self.first.start()
        self.finished(self.first, self.done)

    def test_a_store_locked_by_another_program_is_told(self):
        with contextlib.closing(sqlite3.connect(self.store, isolation_level=None)) as other:
            other.execute("PRAGMA locking_mode = EXCLUSIVE")
            other.execute("BEGIN EXCLUSIVE")
            other.execute("UPDATE meta SET value = value")
            self.refused(self.first, 1, "locked by another program", "fuser -v .*state.db")
            other.execute("ROLLBACK")
        self.first.start()
        self.finished(self.first, self.done)

    def test_a_read_only_data_directory_is_told(self):
        self.first.data.chmod(0o500)
        try:
            if os.access(self.first.data, os.W_OK) and self.account.environment().get("USER") == "root":
                self.skipTest("root may write everywhere")
            self.refused(self.first, 1, "can't write the data directory .*: Permission denied", "chmod 700")
        finally:
            self.first.data.chmod(0o700)
        self.first.start()

    def test_a_store_that_may_not_be_written_is_told(self):
        self.store.chmod(0o400)
        self.refused(self.first, 1, r"state\.db", "let the user that muster runs as write")
        self.store.chmod(0o600)
        self.first.start()

    def test_the_data_directory_of_another_user_is_refused(self):
        # Everything runs as an ordinary user: the root directory is not its own.
        node = self.node()
        node.argv[node.argv.index("--data") + 1] = "/usr"
        self.refused(node, 1, "the data directory /usr belongs to another user", "run muster as its owner")

    def test_a_second_node_is_refused_and_names_the_first(self):
        node = self.first.start()
        self.refused(node, 1, rf"held by another muster, process {node.process.pid}", "stop that process")
        run = node.json("run", "start", "mark")["run"]
        self.finished(node, run)

    def test_one_unreadable_journal_stops_one_run_only(self):
        node = self.first.start()
        waiting = node.json("run", "start", "gated")["run"]
        self.eventually("the step to wait", (self.folder / "waits").exists)
        node.kill()
        self.edit(node, "UPDATE kv SET value = replace(value, 'exit_code', 'exit_cade') WHERE key = CAST(? AS BLOB)",
                  f"runs/{self.done}/journal/00000002")
        node.start()
        shown = node.json("run", "show", self.done)
        self.assertEqual(shown["status"], "waiting")
        self.assertRegex(shown["reason"], rf"journal entry 2 of run {self.done}.*muster run abort {self.done}")
        self.assertIn("run.unreadable", node.log.read_text(encoding="utf-8"))
        self.assertIn("journal entry 2", node.cli("run", "resume", self.done, code=1).stderr)
        self.file("go")
        self.eventually("the other run to go on", lambda: self.run_status(node, waiting) != "running")
        self.finished(node, node.json("run", "start", "mark")["run"])
        node.cli("run", "abort", self.done)
        self.assertEqual(self.run_status(node, self.done), "aborted")
        with contextlib.closing(sqlite3.connect(self.store)) as store:
            kept = [bytes(key).decode() for (key,) in store.execute("SELECT key FROM kv")]
        self.assertIn(f"aside/runs/{self.done}/journal/00000002", kept)
        self.assertEqual(node.terminate(), 0)
        node.start()


class OfAnOlderMuster(StoreCase):
    def test_a_store_of_format_1_is_taken_over_with_its_waiting_run(self):
        self.takes_over("format-1.sql", events=6)

    def test_a_store_of_format_2_goes_on_with_its_waiting_run(self):
        self.takes_over("format-2.sql", events=8)

    def takes_over(self, name, events):
        stores = stage.ROOT / "tests" / "stores"
        self.plan = self.file("kept.yaml", (stores / "plan.yaml").read_text(encoding="utf-8"))
        node = self.node()
        node.data.mkdir(0o700)
        with contextlib.closing(sqlite3.connect(node.data / "state.db")) as store:
            store.executescript((stores / name).read_text(encoding="utf-8"))
        self.account.own(node.data)
        self.account.own(node.data / "state.db")
        node.start()
        runs = {run["kind"]: run for run in node.runs()}
        self.assertEqual((runs["hello"]["status"], runs["ask"]["status"]), ("done", "waiting"))
        node.cli("run", "approve", runs["ask"]["id"], "may")
        self.finished(node, runs["ask"]["id"])
        self.assertGreater(node.events()[-1]["id"], events, "the numbers of the events go on")


class WhileItServes(StoreCase):
    def begin_gated(self, node):
        run = node.json("run", "start", "gated")["run"]
        self.eventually("the step to wait", (self.folder / "waits").exists)
        return run

    def rests_unwritten(self, node, run, says):
        """The first step ends, which can't be written: so the second must not begin, and the node says why."""
        self.file("go")
        self.eventually("the failure to be told", lambda: says in node.status()["store_problem"])
        self.assertIn("nothing can be written", node.cli("status").stdout)
        self.assertRegex(node.request("/metrics")[2], "(?m)^muster_store_writable 0$")
        self.assertRegex(node.cli("run", "start", "mark", code=1).stderr, says)
        self.eventually("the run to rest", lambda: "run.store_unavailable" in node.log.read_text(encoding="utf-8"))
        self.assertEqual(self.lines(), [], "a step began whose intent is not written")

    def goes_on(self, node, run):
        self.finished(node, run)
        self.assertEqual(self.lines(), [f"{run} old"])
        self.eventually("the store to be well", lambda: node.status()["store_problem"] == "")
        log = node.log.read_text(encoding="utf-8")
        self.assertIn("store.failing", log)
        self.assertIn("store.mended", log)
        self.finished(node, node.json("run", "start", "mark")["run"])
        node.kill()
        node.start()
        self.assertEqual(self.run_status(node, run), "done", "what was told is on the disk")

    def test_a_writer_that_holds_the_lock_only_delays(self):
        node = self.node().start_watching()
        run = self.begin_gated(node)
        with contextlib.closing(sqlite3.connect(node.data / "state.db", isolation_level=None, timeout=30)) as other:
            other.execute("BEGIN IMMEDIATE")
            self.rests_unwritten(node, run, "locked by another program")
            other.execute("ROLLBACK")
        self.goes_on(node, run)

    def test_files_that_may_not_grow_stop_what_is_not_written(self):
        """The portable way to a full disk: the limit of file sizes, lifted later."""
        node = self.node().start_watching()
        run = self.begin_gated(node)
        limit = ("prlimit", "--pid", node.process.pid)
        # The node's own output has room; the store's log is past that already.
        self.account.run(*limit, "--fsize=16384:")
        self.rests_unwritten(node, run, "disk refused a write")
        self.account.run(*limit, "--fsize=unlimited:")
        self.goes_on(node, run)

    def test_a_full_disk_stops_what_is_not_written(self):
        place = self.small_disk("disk", 16)
        node = self.node("disk/data").start_watching()
        run = self.begin_gated(node)
        ballast = place / "ballast"
        with contextlib.suppress(OSError), open(ballast, "wb", buffering=0) as file:
            while file.write(b"x" * KILOBYTE):
                pass
        # The log has a few megabytes in store: they are used up first.
        with contextlib.closing(sqlite3.connect(node.data / "state.db", isolation_level=None)) as other:
            for size in (100_000, 1_000, 1):
                with contextlib.suppress(sqlite3.OperationalError):
                    while True:
                        other.execute("INSERT INTO kv VALUES (randomblob(16), randomblob(?), 1, 1, 0)", (size,))
        self.rests_unwritten(node, run, "disk is full")
        self.refused(self.node("disk/other"), 1, "No space left on device|disk is full")
        ballast.unlink()
        self.goes_on(node, run)


class APlanChangedMeanwhile(StoreCase):
    def test_a_run_keeps_the_plan_it_began_with(self):
        node = self.node().start_watching()
        run = node.json("run", "start", "gated")["run"]
        self.eventually("the step to wait", (self.folder / "waits").exists)
        before = node.json("run", "show", run)["plan_digest"]
        self.write_plan(word="new")
        node.cli("reload")
        self.assertNotEqual(node.status()["plan_digest"], before)
        # Not even a death in between makes it read the new plan.
        node.kill()
        node.start()
        self.file("go")
        self.eventually("the run to wait or end", lambda: self.run_status(node, run) != "running")
        if self.run_status(node, run) == "waiting":
            node.cli("run", "resume", run)
        self.finished(node, run)
        self.assertEqual(self.lines(), [f"{run} old"])
        self.assertEqual(node.json("run", "show", run)["plan_digest"], before)
        (self.folder / "waits").unlink()
        run = node.json("run", "start", "gated")["run"]
        self.finished(node, run)
        self.assertEqual(self.lines()[1:], [f"{run} new"], "the next run takes the new plan")

    def test_a_plan_that_drops_the_procedure_or_breaks_changes_nothing_under_way(self):
        node = self.node().start_watching()
        run = node.json("run", "start", "gated")["run"]
        self.eventually("the step to wait", (self.folder / "waits").exists)
        text = self.plan.read_text(encoding="utf-8")
        self.file("plan.yaml", text[:text.index("procedures:")])
        node.cli("reload")
        self.file("plan.yaml", "muster: 1\nplan: [broken\n")
        node.cli("reload", code=None)
        self.file("go")
        self.finished(node, run)
        self.assertEqual(self.lines(), [f"{run} old"])
        self.assertEqual(json.loads(node.request(f"/api/v1/runs/{run}")[2])["status"], "done")

    def test_a_plan_without_the_serving_site_is_refused_and_the_old_one_goes_on(self):
        node = self.node().start()
        self.assertEqual(node.terminate(), 0)
        self.edit(node, "INSERT INTO kv VALUES (CAST('services/shop/primacy' AS BLOB), CAST(? AS BLOB), 1, 1, 0)",
                  '{"version":1,"site":"there","epoch":3,"moving_to":"","run":""}')
        node.start_watching()
        self.assertEqual(node.service()["primary"], "there")
        self.write_plan(standby="other")
        self.assertRegex(node.cli("reload", code=1).stderr, "service shop is at site there.*\n  hint: put the site back")
        self.assertEqual(node.service()["primary"], "there")
        (self.folder / "up").unlink()
        self.eventually("the old plan's probes to go on", lambda: any(
            event["name"] == "verdict.changed" and event["subject"] == "shop/part@there" and
            event["message"].startswith("down") for event in node.events()))


if __name__ == "__main__":
    stage.main()

#!/usr/bin/env python3
"""Hooks that hang, ignore signals, leave children, flood or print bytes: the node outlives them and says which."""
import os
import pathlib
import time

import stage
from stage import cluster

PROCEDURES = """
procedures:
  hang:
    steps:
      - {{id: stuck, action: exec, with: {{argv: [{folder}/hang]}}, timeout: 1s}}
  leave:
    steps:
      - {{id: quick, action: exec, with: {{argv: [{folder}/leave]}}}}
  flood:
    steps:
      - {{id: gigabyte, action: exec, with: {{argv: [{folder}/flood]}}, timeout: 2m}}
  bytes:
    steps:
      - {{id: nul, action: exec, with: {{argv: [printf, 'a\\0b\\377\\n\\033[31mred']}}}}
"""
# Ignores SIGTERM, has a child that ignores it too, and both hold the pipe.
HANG = """#!/bin/sh
trap '' TERM
sh -c 'trap "" TERM; echo $$ >{folder}/child; while :; do sleep 0.1; done' &
echo $$ >{folder}/parent
while :; do sleep 0.1; done
"""
LEAVE = """#!/bin/sh
sleep 600 &
echo $! >{folder}/left
echo started
"""
FLOOD = """#!/bin/sh
head -c 1073741824 /dev/zero
"""
GOOD = "#!/bin/sh\nexit 0\n"


class BadHooks(stage.Case):
    def setUp(self):
        super().setUp()
        for name, text in (("hang", HANG), ("leave", LEAVE), ("flood", FLOOD), ("probe", GOOD)):
            self.script(name, text.format(folder=self.folder))
        plan = self.file("plan.yaml", stage.part_plan(
            f"{{exec: [{self.folder}/probe], interval: 500ms, timeout: 400ms, fall: 2}}",
            PROCEDURES.format(folder=self.folder)))
        self.node = stage.Node(self, plan, more=("--site", "here")).start_watching()

    def script(self, name, text):
        """Put in place at once: the node may be about to run it."""
        self.file(name + ".new", text, 0o755)
        os.replace(self.folder / (name + ".new"), self.folder / name)

    def pid(self, name):
        return cluster.read_pid(self.folder / name)

    def memory_kb(self):
        status = pathlib.Path(f"/proc/{self.node.process.pid}/status").read_text(encoding="utf-8")
        return int(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM:")))

    def children(self):
        return [pid for pid in stage.descendants(self.node.process.pid)]

    def ended(self, procedure):
        run = self.node.json("run", "start", procedure)["run"]

        def is_over():
            status = self.node.json("run", "show", run)["status"]
            return status if status not in ("running", "pending") else None

        return run, self.eventually(f"the run {procedure} to end", is_over)

    def test_a_hook_that_hangs_and_ignores_sigterm_is_killed_with_its_children_and_named(self):
        run, status = self.ended("hang")
        self.assertEqual(status, "waiting")
        shown = self.node.cli("run", "show", run).stdout
        self.assertRegex(shown, r"hang did not end within \S+ s and was killed")
        self.assertIn(f"muster run resume {run}", shown)
        self.assertTrue(cluster.wait_gone([self.pid("parent"), self.pid("child")], 10), "they outlived the deadline")
        self.eventually("all to be reaped", lambda: not self.children())

    def test_a_hook_that_leaves_a_child_with_its_pipe_does_not_hang_the_run(self):
        run, status = self.ended("leave")
        self.assertEqual(status, "done")
        self.assertEqual(self.node.json("run", "show", run)["steps"][0]["outputs"]["stdout"], "started")
        self.assertTrue(pathlib.Path(f"/proc/{self.pid('left')}").exists(), "what it left behind may live")

    def test_a_hook_that_prints_a_gigabyte_is_cut_and_costs_no_memory(self):
        before = self.memory_kb()
        run, status = self.ended("flood")
        self.assertEqual(status, "done")
        self.assertLess(self.memory_kb() - before, 30_000, "KiB more than before")
        self.assertLess(len(self.node.request(f"/api/v1/runs/{run}")[2]), 200_000)
        self.assertEqual(self.node.request("/healthz")[0], 200)

    def test_bytes_that_are_no_text_are_kept_readable_across_a_restart(self):
        run, status = self.ended("bytes")
        self.assertEqual(status, "done")
        said = self.node.json("run", "show", run)["steps"][0]["outputs"]["stdout"]
        self.assertNotIn("\0", said)
        self.assertNotIn("\033", said)
        self.assertIn("red", said)
        self.node.kill()
        self.node.start()
        self.assertEqual(self.node.json("run", "show", run)["steps"][0]["outputs"]["stdout"], said)

    def test_a_probe_that_hangs_or_floods_is_a_bad_sample_and_delays_nothing(self):
        before = self.memory_kb()
        for text, says in ((HANG, "did not end within"), (FLOOD.replace("1073741824", "67108864") + "exit 1\n", "exit 1"),
                           ("#!/bin/sh\nprintf 'a\\0b'\nexit 1\n", "exit 1")):
            self.script("probe", text.format(folder=self.folder))
            self.eventually(f"the probe to fail by {says}", lambda s=says: s in self.node.cli("status").stdout)
            began = time.monotonic()
            self.assertEqual(self.node.request("/healthz")[0], 200)
            self.assertLess(time.monotonic() - began, 10, "the node was held up")
            self.script("probe", GOOD)
            self.eventually("the probe to be well", lambda: self.node.service()["condition"] in ("ok", "exposed"))
        self.eventually("all to be reaped", lambda: not self.children())
        self.assertLess(self.memory_kb() - before, 30_000, "KiB more than before")


if __name__ == "__main__":
    stage.main()

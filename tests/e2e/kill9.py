#!/usr/bin/env python3
"""muster is killed (kill -9) at random moments of its runs, fifty times; no effect is lost, none is doubled."""
import collections
import json
import random
import time

import stage

KILLS = 50
LONGEST_LIFE = 0.4  # Seconds.
RUNS_UNDER_WAY = 3

# Each effect appends "RUN STEP" to a file of its own kind, in one write. `once` steps must not happen twice: their
# `observe` looks for the line. `any` steps may be repeated, and are at least once.
PROCEDURES = """
procedures:
  work:
    steps:
      - {{id: a, action: exec, with: {{argv: [{effect}, once], observe: [{seen}]}}}}
      - {{id: b, action: exec, needs: [a], with: {{argv: [{effect}, any], repeatable: true}}}}
      - {{id: c, action: exec, needs: [a], with: {{argv: [{effect}, once], observe: [{seen}]}}}}
      - {{id: d, action: exec, needs: [b, c], with: {{argv: [{effect}, once], observe: [{seen}]}}}}
      - {{id: e, action: exec, needs: [d], with: {{argv: [{effect}, any], repeatable: true}}}}
      - {{id: f, action: exec, needs: [d, e], with: {{argv: [{effect}, once], observe: [{seen}]}}}}
"""
EFFECT = """#!/bin/sh
sleep 0.05
echo "$MUSTER_RUN $MUSTER_STEP" >>{folder}/$1
"""
SEEN = """#!/bin/sh
grep -qxF "$MUSTER_RUN $MUSTER_STEP" {folder}/once
"""
ONCE = ("a", "c", "d", "f")
ANY = ("b", "e")


class Kill9(stage.Case):
    def setUp(self):
        super().setUp()
        self.seed = random.SystemRandom().randrange(1 << 30)
        self.random = random.Random(self.seed)
        print(f"\nseed {self.seed}")
        self.effects = {name: self.file(name) for name in ("once", "any")}
        procedures = PROCEDURES.format(effect=self.file("effect", EFFECT.format(folder=self.folder), 0o755),
                                       seen=self.file("seen", SEEN.format(folder=self.folder), 0o755))
        plan = self.file("plan.yaml", stage.part_plan('{exec: ["true"], interval: 10s}', procedures))
        self.node = stage.Node(self, plan, more=("--site", "here", "--log-level", "warn"))
        self.started = []

    def counts(self, name):
        return collections.Counter(self.effects[name].read_text(encoding="utf-8").split("\n")[:-1])

    def begin_runs(self):
        unfinished = [run for run in self.node.runs() if not run["is_final"]]
        for _ in range(RUNS_UNDER_WAY - len(unfinished)):
            self.started.append(self.node.json("run", "start", "work")["run"])

    def test_no_effect_is_lost_or_doubled_by_fifty_kills(self):
        began = time.monotonic()
        hit = 0
        for _ in range(KILLS):
            self.node.start()
            self.begin_runs()
            time.sleep(self.random.uniform(0, LONGEST_LIFE))
            hit += self.is_amid_a_run()
            self.node.kill()
        self.node.start()
        self.eventually("all runs to end", lambda: all(run["is_final"] for run in self.all_runs()))

        runs = {run["id"]: run for run in self.all_runs()}
        once, at_least_once = self.counts("once"), self.counts("any")
        self.assertEqual(set(self.started) - set(runs), set(), "a run that was begun is gone")
        for run in runs.values():
            self.assertEqual(run["status"], "done", run)
            for step in ONCE:
                self.assertEqual(once[f"{run['id']} {step}"], 1, f"step {step} of {run}")
            for step in ANY:
                self.assertGreaterEqual(at_least_once[f"{run['id']} {step}"], 1, f"step {step} of {run}")
        repeated = sum(at_least_once.values()) - len(ANY) * len(runs)
        print(f"{KILLS} kills, {hit} of them amid a run, {len(runs)} runs, {repeated} harmless repetitions, "
              f"{time.monotonic() - began:.1f} s")
        self.assertGreater(hit, KILLS // 4, "the kills came when nothing was under way: they prove little")

    def all_runs(self):
        return json.loads(self.node.request("/api/v1/runs?limit=1000")[2])["runs"]

    def is_amid_a_run(self):
        done = self.counts("once")
        return any(not done[f"{run} f"] for run in self.started)


if __name__ == "__main__":
    stage.main()

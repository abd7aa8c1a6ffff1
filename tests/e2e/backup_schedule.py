#!/usr/bin/env python3
"""Backups that the plan asks for: taken, restored as a trial, measured, and missed by somebody when they fail."""
import json
import os
import subprocess

import stage

PLAN = """muster: 1
plan: backups

sites:
  here: {{region: one}}
  there: {{region: two}}

repositories:
  vault:
    at: {folder}/vault
    password: {{file: {folder}/secret}}
    region: two
    {upkeep}

services:
  shop:
    objectives: {{rpo: 1h, rto: 1h}}
    strategy: backup-restore
    primary: here
    failover: {{mode: observe}}
    components:
      part:
        kind: custom
        probe: {{exec: ["true"], interval: 200ms, timeout: 150ms}}
        backup:
          to: vault
          {source}
          schedule: {schedule}
          verify: {verify}
          {more}
        sites: {{here: {{}}}}
"""


class Backups(stage.Case):
    def setUp(self):
        super().setUp()
        self.file("secret", "correct horse\n", mode=0o600)
        self.account.own(self.folder / "secret")
        self.source = self.folder / "source"
        self.source.mkdir()
        for number in range(20):
            (self.source / f"file{number}").write_text(f"content {number}\n" * 50, encoding="utf-8")
        self.account.own(self.source)
        self.muster("repo", "init", *self.repo())

    def repo(self):
        return ("--repo", self.folder / "vault", "--password-file", self.folder / "secret")

    def plan(self, schedule="4s", verify="20s", source=None, more="", upkeep=""):
        text = PLAN.format(folder=self.folder, schedule=schedule, verify=verify, more=more, upkeep=upkeep,
                           source=source or f"paths: [{self.source}]")
        os.replace(self.file("new.yaml", text), self.folder / "plan.yaml")
        return self.folder / "plan.yaml"

    def node(self, **more):
        return stage.Node(self, self.plan(**more), more=("--site", "here"))

    def jobs(self, node):
        return node.json("backups")["backups"]

    def job(self, node):
        return self.jobs(node)[0]

    def named(self, node, name):
        return [event for event in node.events() if event["name"] == name]

    def snapshots(self):
        return json.loads(self.muster("snapshots", *self.repo(), "--no-lock", "--json").stdout)

    def test_backs_up_tries_the_restore_and_measures(self):
        node = self.node(more="keep: {last: 2}", upkeep="check: 3s").start()
        self.eventually("protection", lambda: self.job(node)["is_protected"])
        job = self.job(node)
        self.assertEqual(job["state"], "protected", job)
        self.assertGreaterEqual(job["last"]["files"], 20)
        self.assertLess(job["verified_age_s"], 60)
        self.eventually("three backups", lambda: len(self.named(node, "backup.finished")) >= 3)
        self.eventually("a second trial", lambda: len(self.named(node, "backup.verified")) >= 2)
        self.eventually("a check", lambda: self.named(node, "repository.checked"))
        self.assertLessEqual(len(self.snapshots()), 3, "older ones are forgotten")
        self.assertFalse(self.named(node, "backup.failed"))
        self.eventually("protection", lambda: self.job(node)["is_protected"])
        metrics = node.request("/metrics")[2]
        self.assertRegex(metrics, r'muster_backup_protected\{service="shop",component="part",repository="vault"\} 1')
        self.assertRegex(metrics, r"muster_backup_verified_age_seconds\{[^}]*\} [0-9.e-]+\n")
        self.assertRegex(metrics, r"muster_rpo_seconds\{service=\"shop\"\} [0-9.e-]+\n", "nothing else measures it")
        self.assertRegex(node.cli("status").stdout, r"shop/part +vault +protected")
        self.assertRegex(node.cli("backups").stdout, r"shop/part +vault +protected")
        self.eventually("the trial's folder to go", lambda: not list(node.data.glob("muster-trial-*")))
        self.assertEqual(node.terminate(), 0)
        stock = subprocess.run(["restic", "--repo", self.folder / "vault", "--password-file", self.folder / "secret",
                                "--no-cache", "--no-lock", "check", "--read-data"], capture_output=True, text=True)
        self.assertEqual(stock.returncode, 0, stock.stderr)

    def test_no_secret_is_in_the_logs_or_among_arguments(self):
        seen = self.folder / "seen"
        node = self.node(schedule="1h", source=f"command: [sh, -c, 'ps axww -o args > {seen}; echo data']").start()
        self.eventually("protection", lambda: self.job(node)["is_protected"])
        self.assertIn("muster backup", seen.read_text(encoding="utf-8"), "it is a child")
        self.assertNotIn("correct horse", seen.read_text(encoding="utf-8"))
        self.assertNotIn("correct horse", node.log.read_text(encoding="utf-8"))
        self.assertNotIn("correct horse", json.dumps(node.events()) + json.dumps(node.status()))

    def test_a_command_that_fails_makes_no_snapshot_and_an_alarm(self):
        node = self.node(schedule="1h", source='command: [sh, -c, "echo half; exit 7"]').start()
        event = self.eventually("the alarm", lambda: self.named(node, "backup.failed"))[0]
        self.assertEqual((event["severity"], event["data"]["stage"]), ("error", "backup"))
        self.assertIn("status 7", event["message"])
        self.assertEqual(self.snapshots(), [])
        self.assertFalse(self.job(node)["is_protected"])
        self.assertEqual(node.service()["condition"], "exposed")
        self.assertIsNone(node.service()["rpo_now_s"], "unknown is no number")

    def test_an_empty_source_is_an_alarm_until_a_person_accepts_it(self):
        node = self.node().start()
        self.eventually("protection", lambda: self.job(node)["is_protected"])
        for file in self.source.iterdir():
            file.unlink()
        self.eventually("the alarm", lambda: self.named(node, "backup.suspicious"))
        self.assertEqual(self.job(node)["state"], "suspicious")
        held = self.job(node)["verified_at"]
        done = len(self.named(node, "backup.suspicious"))
        self.eventually("another one", lambda: len(self.named(node, "backup.suspicious")) > done)
        self.assertLessEqual(self.job(node)["last"]["at"], self.named(node, "backup.suspicious")[0]["at"])
        node.cli("backups", "accept", "part")
        self.eventually("it to count", lambda: self.job(node)["is_protected"] and
                        self.job(node)["verified_at"] > held and self.job(node)["state"] == "protected")

    def test_what_was_missed_while_down_is_caught_up_once(self):
        node = self.node(schedule="15s", verify="1h").start()
        self.eventually("protection", lambda: self.job(node)["is_protected"])
        first = self.job(node)["last"]["at"]
        node.kill()
        newest = self.snapshots()[-1]["time"]
        self.eventually("the next one to be missed", lambda: self.age_of(newest) > 16)
        self.assertEqual(len(self.snapshots()), 1)
        node.start()
        self.assertTrue(self.job(node)["is_protected"], "what was known is remembered")
        self.eventually("the missed one", lambda: self.job(node)["last"]["at"] > first)
        self.assertEqual(len(self.snapshots()), 2)

    def age_of(self, time):
        done = subprocess.run(["date", "-d", time, "+%s"], capture_output=True, text=True, check=True)
        now = subprocess.run(["date", "+%s"], capture_output=True, text=True, check=True)
        return int(now.stdout) - int(done.stdout)

    def test_a_trial_that_finds_damage_is_an_alarm(self):
        node = self.node(schedule="1h", verify="1h", more='check: [grep, -r, "never there", "${restored}"]').start()
        event = self.eventually("the alarm", lambda: self.named(node, "backup.failed"))[0]
        self.assertEqual(event["data"]["stage"], "verify")
        self.assertFalse(self.job(node)["is_protected"])
        self.assertEqual(list(node.data.glob("muster-trial-*")), [])

    def test_by_hand(self):
        node = self.node(schedule='"0 0 1 1 *"', verify="monthly").start()
        self.assertEqual(self.job(node)["state"], "unverified")
        self.assertIn("no backup of", node.cli("backups", "run", "nothing", code=1).stderr)
        node.cli("backups", "run", "shop/part", "--verify")
        self.eventually("protection", lambda: self.job(node)["is_protected"])
        node.cli("backups", "accept", "part", code=1)
        body = {"verify": "yes"}
        path = "/api/v1/backups/shop/part/run"
        self.assertEqual(node.request(path, "POST", body)[0], 401)
        token = {"Authorization": "Bearer " + node.token()}
        self.assertEqual(node.request(path, "POST", body, token)[0], 400)
        self.assertEqual(node.request("/api/v1/backups/shop/none/run", "POST", {}, token)[0], 404)


if __name__ == "__main__":
    stage.main()

#!/usr/bin/env python3
"""Each fault of the demonstration by itself: what came of it is what the demonstration promises, and nothing is left."""
import json
import os
import subprocess
import sys
import unittest

import stage
import network  # Of the demonstration, which stage puts on the path.

DEMO = stage.ROOT / "examples" / "ecommerce" / "demo.py"
NO_NETWORK = network.why_not()


class Demo(stage.Case):
    def strike(self, fault):
        """Plays one fault and returns what it cost."""
        measured = self.folder / "measured.json"
        argv = [DEMO, "--build", stage.BUILD, "--fault", fault, "--calm", "1", "--rate", "100", "--json", measured,
                "--folder", self.folder]
        done = subprocess.run([sys.executable, *map(str, argv)], text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        left = [pid for pid in stage.descendants(os.getppid()) if pid != os.getpid()]
        self.assertEqual([stage.command_of(pid) for pid in left], [], "processes outlived the demonstration")
        self.assertEqual(list(self.folder.glob("muster-demo-*")), [], "its folder is still there")
        (cost,) = json.loads(measured.read_text(encoding="utf-8"))["faults"]
        self.assertEqual((cost["fault"], cost["broken"], cost["doubled"]), (fault, [], 0), done.stdout)
        self.assertGreater(cost["acknowledged"], 100, done.stdout)
        self.assertIsNotNone(cost["outage_s"], done.stdout)
        print(done.stdout.splitlines()[-1])
        return cost

    def check_moved(self, cost):
        self.assertEqual((cost["primary_before"], cost["primary_after"]), ("east", "west"), cost)
        self.assertGreater(cost["moved_in_s"], 0, cost)
        self.assertLess(cost["moved_in_s"], 30, "the plan's RTO")

    def check_loss_is_owned_up_to(self, cost):
        """Replication is asynchronous: a crash may lose the newest rows, and then the report has to count them."""
        self.assertLessEqual(cost["lost"], cost["lost_reported"] or 0, cost)

    def test_a_killed_server_is_replaced(self):
        cost = self.strike("process")
        self.check_moved(cost)
        self.check_loss_is_owned_up_to(cost)

    def test_a_killed_site_is_replaced(self):
        cost = self.strike("site")
        self.check_moved(cost)
        self.check_loss_is_owned_up_to(cost)

    def test_a_frozen_server_is_replaced_and_takes_no_write_when_it_thaws(self):
        cost = self.strike("freeze")
        self.check_moved(cost)
        self.check_loss_is_owned_up_to(cost)
        self.assertRegex(cost["notes"][-1], r"^[1-9]\d* writes sent to the thawed server, 0 accepted$")

    def test_a_switchover_loses_nothing(self):
        cost = self.strike("switchover")
        self.check_moved(cost)
        self.assertEqual(cost["lost"], 0, cost)

    @unittest.skipIf(NO_NETWORK, NO_NETWORK)
    def test_a_site_that_is_cut_off_is_not_replaced_and_loses_nothing(self):
        cost = self.strike("partition")
        self.assertEqual((cost["primary_before"], cost["primary_after"]), ("east", "east"), cost)
        self.assertEqual((cost["moved_in_s"], cost["lost"]), (None, 0), cost)
        self.assertRegex("\n".join(cost["notes"]), "not moved: the fence could not be confirmed")


if __name__ == "__main__":
    stage.main()

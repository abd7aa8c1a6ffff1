#!/usr/bin/env python3
"""The node sleeps (SIGSTOP, as a suspended machine does) while its world changes: it looks again before it acts."""
import signal
import time

import stage

ASLEEP = 16.5  # Seconds; a node counts a gap of more than 15 s as sleep.


class BadTimes(stage.Case):
    def test_a_node_that_slept_acts_on_nothing_that_it_knew_before(self):
        east, west = self.pair()
        node = stage.Node(self, self.pair_plan(east, west)).start_watching()
        self.eventually("all to be well", lambda: node.service()["condition"] == "ok")
        node.process.send_signal(signal.SIGSTOP)
        began = time.monotonic()
        # All that it knows of the primary ends while it sleeps, and the primary is well when it wakes.
        self.stop(east, "immediate")
        time.sleep(ASLEEP - 2)
        east.start()
        time.sleep(max(0, ASLEEP - (time.monotonic() - began)))
        node.process.send_signal(signal.SIGCONT)
        self.eventually("it to say that it slept", lambda: any(
            event["name"] == "node.resumed" and "looks again before it acts" in event["message"]
            for event in node.events()))
        self.eventually("all to be well", lambda: node.service()["condition"] == "ok")
        self.assertEqual(node.runs(), [])
        self.assertEqual(node.service()["primary"], "east")
        self.assertTrue(self.is_writable(east))
        self.assertFalse(self.is_writable(west))
        self.check_it_still_acts(node, east)

    def check_it_still_acts(self, node, east):
        stage.cluster.kill(east.processes())
        self.finished_run(node, "failover")


if __name__ == "__main__":
    stage.main()

#!/usr/bin/env python3
"""What the next failover would take is unknown until a run measured it, and an alarm once it no longer fits the RTO; a
server that was never seen up does not move a service."""
import stage


class Forecast(stage.Case):
    def start(self, plan=None):
        self.east, self.west = self.pair()
        self.plan = self.pair_plan(self.east, self.west, "automatic")
        if plan:
            self.plan.write_text(plan(self.plan.read_text(encoding="utf-8")), encoding="utf-8")
        return stage.Node(self, self.plan)

    def start_well(self):
        self.node = self.start().start_watching()
        self.eventually("all to be well", lambda: self.node.service()["condition"] == "ok")

    def forecast(self, kind):
        return next(one for one in self.node.service()["forecasts"] if one["kind"] == kind)

    def names(self):
        return [event["name"] for event in self.node.events()]

    def test_a_forecast_grows_from_runs_and_raises_an_alarm_once(self):
        self.start_well()
        self.assertEqual(self.forecast("failover")["verdict"], "unknown")
        self.assertIsNone(self.forecast("failover")["p95_s"])
        self.assertIn("shop: next failover: unknown: no run has measured", self.node.cli("status").stdout)
        self.assertNotIn("muster_forecast", self.node.request("/metrics")[2])

        self.node.cli("switchover", "shop", "--to", "west", "--yes", "--wait")
        self.eventually("west to serve", lambda: self.node.service()["primary"] == "west")
        self.eventually("the switchover's forecast", lambda: self.forecast("switchover")["runs"] == 1)
        planned = self.forecast("switchover")
        self.assertEqual(planned["unknown"], [])
        self.assertGreater(planned["p95_s"], 0)
        self.assertTrue(any(step["is_critical"] for step in planned["steps"]))
        forced = self.forecast("failover")
        self.assertIn("detect", forced["unknown"], "no outage was seen yet")
        self.assertEqual(forced["verdict"], "unknown")
        preview = self.node.cli("failover", "shop", "--dry-run").stdout
        self.assertRegex(preview, r"orders\.fence +postgres\.fence +fence +unknown +unknown")
        self.assertRegex(preview, r"orders\.promote +postgres\.promote +promote +[\d.]+ (ms|s) ")
        self.assertIn("in all: at least ", preview)
        self.assertIn("ON THE CRITICAL PATH", self.node.cli("status", "--verbose").stdout)

        text = self.plan.read_text(encoding="utf-8")
        self.plan.write_text(text.replace("rto: 30s", "rto: 1ms").replace("mode: automatic", "mode: approve"),
                             encoding="utf-8")
        self.node.cli("reload")
        self.eventually("the alarm", lambda: "forecast.exceeds_rto" in self.names())
        self.assertEqual(self.forecast("failover")["verdict"], "exceeds", "even what is known is too long")
        self.assertIn('muster_forecast_exceeds_rto{service="shop"} 1', self.node.request("/metrics")[2])
        self.node.cli("reload")
        self.assertEqual(self.names().count("forecast.exceeds_rto"), 1, "said once")

    def test_a_wrong_port_moves_nothing(self):
        wrong = stage.cluster.free_port()
        self.node = self.start(lambda text: text.replace(f"port={self.east.port}", f"port={wrong}"))
        self.node.start_watching()
        self.eventually("a look at the wrong port", lambda: self.node.service()["health"] == "down")
        self.eventually("the reason", lambda: "never seen up" in self.node.cli("why", "shop").stdout)
        self.assertEqual(self.node.runs(), [])

    def test_a_node_that_starts_in_an_outage_remembers_that_the_server_was_there(self):
        self.start_well()
        self.eventually("the record", lambda: self.node.json("why", "shop")["kind"] == "nothing")
        self.node.terminate()
        stage.cluster.kill(self.east.processes())
        self.node.start()
        run = self.finished_run(self.node, "failover")
        self.assertEqual(run["to"], "west")
        self.eventually("west to serve", lambda: self.node.service()["primary"] == "west")
        self.node.terminate()
        self.check_replay()

    def check_replay(self):
        """The record gives the decisions again, and others under other thresholds; no node is needed."""
        same = self.node.json("replay")
        self.assertEqual(same["differences"], [], "the same thresholds, the same decisions")
        self.assertEqual([turn["kind"] for turn in same["recorded"]], [turn["kind"] for turn in same["replayed"]])
        self.assertIn("failover", [turn["kind"] for turn in same["recorded"]])
        never = self.node.json("replay", "--set", "fall=100", "--set", "fall_hard=100")
        self.assertNotIn("failover", [turn["kind"] for turn in never["replayed"]])
        self.assertEqual(len(never["differences"]), 1)
        self.assertIn("would have been", self.node.cli("replay", "--set", "fall=100", "--set", "fall_hard=100").stdout)
        self.node.cli("replay", "--set", "fall=x", code=2)


if __name__ == "__main__":
    stage.main()

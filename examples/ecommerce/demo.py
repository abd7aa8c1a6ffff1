#!/usr/bin/env python3
"""A real shop on two sites of this machine loses one of them, and comes home again.

Starts a PostgreSQL pair, order servers at both sites, muster with examples/ecommerce/plan.yaml and shoppers who place
orders through the shop's name; kills everything at site east; waits for muster, which makes the old site a standby by
itself; goes home. With --fault it shows one fault instead, and ends with what it cost.
"""
import argparse
import dataclasses
import json
import pathlib
import shutil
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import cluster  # noqa: E402
import faults  # noqa: E402
import measure  # noqa: E402
import network  # noqa: E402
from stand import BUILD, NAME, Failed, Stand  # noqa: E402


class Demo(Stand):
    def __init__(self, options):
        super().__init__(options, has_networks=options.fault == "partition")
        self.results = []
        self.outcomes = []
        self.reported_until_ms = 0

    # --- what is measured ------------------------------------------------------------------------------------------

    def report(self, run, since_ms, surviving):
        """muster's own report of a run, beside what the shoppers saw."""
        time.sleep(1.2)  # Orders under way end within their second.
        until_ms = int(time.time() * 1000)
        report = json.loads(self.muster("report", run["id"], "--format", "json"))
        # Each run answers for the orders since the last report.
        orders = [o for o in measure.read_log(self.log) if self.reported_until_ms < o.ended_ms <= until_ms]
        self.reported_until_ms = until_ms
        outage = measure.outage(orders, since_ms - 2000, until_ms)
        stored = set(self.pair[surviving].sql("SELECT id FROM orders").split())
        acknowledged = [o for o in orders if o.is_acknowledged]
        parts = report["parts"]
        result = {"kind": report["kind"], "run": report["run"]}
        for name in ("detect", "decide", "fence", "promote", "steer", "users_back"):
            result[name + "_s"] = parts.get(name + "_s")
        result["total_s"] = parts.get("total_s")
        result["outage_s"] = outage
        result["are_served"] = measure.are_served(orders, self.hosts[surviving])
        result["failed"] = len(orders) - len(acknowledged)
        result["acknowledged"] = len(acknowledged)
        result["lost"] = len(measure.lost(acknowledged, stored))
        result["lost_transactions_reported"] = report["loss"].get("transactions")
        result["rpo_met"] = report["rpo"] == "met"
        result["rto_met"] = report["rto"] == "met"
        for form in ("html", "md", "svg"):
            target = self.folder / f"{result['kind']}.{form}"
            target.write_text(self.muster("report", run["id"], "--format", form), encoding="utf-8")
        self.results.append(result)
        return result

    def show(self, result):
        def seconds(value):
            return f"{'—':>8}" if value is None else f"{value:8.3f} s"

        if result["detect_s"] is None:
            self.say("    a planned move: nothing to detect or to decide")
        labels = [("detect", "detect       first failure seen → verdict"), ("decide", "decide       → decision"),
                  ("fence", "fence        → the old primary is out, proven"),
                  ("promote", "promote      → the new one takes writes"), ("steer", "steer        → the name answers it"),
                  ("users_back", "users back   → first good answer through the name")]
        for name, label in labels:
            self.say(f"    {label:58} {seconds(result[name + '_s'])}")
        self.say(f"    {'in all, as muster measured it':58} {seconds(result['total_s'])}")
        self.say(f"    {'outage, as the shoppers saw it (the name lives 2 s)':58} {seconds(result['outage_s'])}")
        self.say(f"    {'orders acknowledged · of these lost · refused meanwhile':58} "
                 f"{result['acknowledged']:8} · {result['lost']} · {result['failed']}")
        met = {True: "met", False: "MISSED"}
        if not result["are_served"]:
            self.say("    the shoppers are NOT SERVED again")
        self.say(f"    RPO 5 s: {met[result['rpo_met']]}   RTO 30 s: {met[result['rto_met']]}")

    # --- the story -------------------------------------------------------------------------------------------------

    def lose_a_site(self):
        since = int(time.time() * 1000)
        pids = self.site_processes("east")
        cluster.kill(pids)
        self.say(f"  {len(pids)} processes of site east killed (kill -9); muster is on its own now")
        run = self.wait("the failover", 60, lambda: self.finished_run("failover"))
        time.sleep(5)
        self.show(self.report(run, since, "west"))

    def come_home(self):
        self.wait("site east to be a standby", 60, lambda: self.service()["condition"] == "ok")
        run = self.wait("the run that did it", 60, lambda: self.finished_run("rebuild"))
        self.say(f"  site east is a streaming standby again; muster began by itself, it took {run['took_s']:.1f} s")
        time.sleep(2)
        since = int(time.time() * 1000)
        self.muster("failback", "shop", "--yes", "--wait", allowed=(0, 3))
        run = self.wait("the switchover", 60, lambda: self.finished_run("switchover"))
        time.sleep(5)
        result = self.report(run, since, "east")
        self.show(result)
        self.say(f"  The shop is home again; the way back lost {result['lost']} orders.")

    def begin(self):
        self.say("Two sites, east and west: a PostgreSQL pair, order servers, one name for the users.")
        self.prepare()
        self.serve()
        self.say(f"  muster watches; its page is {self.page}")
        self.start_shoppers()
        time.sleep(self.options.calm)
        self.say(f"  {self.options.rate} orders a second come in through {NAME}\n")
        self.say(self.muster("status"))

    def play(self):
        self.begin()
        self.say("Site east is lost")
        self.lose_a_site()
        self.say("\nThe old site becomes a standby by itself, and the shop goes home")
        self.come_home()
        self.keep_reports()
        is_good = all(r["rpo_met"] and r["rto_met"] and r["are_served"] for r in self.results)
        return 0 if is_good and self.results[-1]["lost"] == 0 else 3

    def play_fault(self):
        self.begin()
        self.say(f"The fault: {faults.FAULTS[self.options.fault]}")
        outcome = faults.Strike(self, faults.Ledger(self), self.options.fault).play()
        self.outcomes.append(outcome)
        for note in outcome.notes:
            self.say(f"  {note}")
        if outcome.moved_in_s is not None:
            self.say(f"  muster moved it in {outcome.moved_in_s:.2f} s; the shoppers follow the name, which lives 2 s")
        self.say(f"  {outcome.acknowledged} orders acknowledged, {outcome.refused} refused meanwhile\n")
        for line in faults.table(self.outcomes):
            self.say(line)
        for text in outcome.broken():
            self.say(f"demo: {text}")
        return 3 if outcome.broken() else 0

    def json(self):
        if self.options.fault:
            return {"faults": [{**dataclasses.asdict(one), "broken": one.broken()} for one in self.outcomes]}
        return {"runs": self.results}

    def keep_reports(self):
        target = pathlib.Path(self.options.report).resolve()
        target.mkdir(parents=True, exist_ok=True)
        for kind in ("failover", "switchover"):
            for form in ("html", "md", "svg"):
                source = self.folder / f"{kind}.{form}"
                if source.exists():
                    shutil.copy(source, target / source.name)
        self.say(f"\nReports: {target}/failover.html and {target}/switchover.html")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=BUILD / "release", help="where the binaries are")
    parser.add_argument("--fault", choices=faults.FAULTS, help="show one fault: " + "; ".join(
        f"{name}: {about}" for name, about in faults.FAULTS.items()))
    parser.add_argument("--keep", action="store_true", help="leave everything running afterwards, until Ctrl-C")
    parser.add_argument("--json", metavar="FILE", help="write what was measured")
    parser.add_argument("--report", metavar="DIR", default=BUILD / "demo-report", help="where the reports are put")
    parser.add_argument("--rate", type=int, default=200, help="orders a second")
    parser.add_argument("--calm", type=float, default=6, help="seconds of quiet before the site is lost")
    parser.add_argument("--folder", help="where the temporary folder is made")
    return parser.parse_args()


def main():
    options = parse_arguments()
    if options.fault == "partition" and (missing := network.why_not()):
        print(f"demo: can't cut a network: {missing}\nnext: sudo script/demo --fault partition", file=sys.stderr)
        return 2
    demo = Demo(options)

    def stop(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    code = 1
    try:
        code = demo.play_fault() if options.fault else demo.play()
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps(demo.json(), indent=2) + "\n", encoding="utf-8")
        if options.keep:
            demo.say(f"\nEverything keeps running: {demo.page} (data {demo.data}); Ctrl-C ends it.")
            signal.pause()
    except Failed as failure:
        demo.say(f"demo: {failure}")
        log = demo.folder / "muster.log"
        if log.exists():
            demo.say("the end of muster's log:\n" + "\n".join(log.read_text(errors="replace").splitlines()[-25:]))
    except KeyboardInterrupt:
        demo.say("\ndemo: stopped")
        code = 130 if code == 1 else code
    finally:
        demo.end()
    return code


if __name__ == "__main__":
    sys.exit(main())

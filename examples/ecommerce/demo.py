#!/usr/bin/env python3
"""A real shop on two sites of this machine loses one of them, and comes home again.

Starts a PostgreSQL pair, order servers at both sites, muster with examples/ecommerce/plan.yaml and shoppers who place
orders through the shop's name; kills everything at site east; waits for muster; rebuilds the old site; switches back.
"""
import argparse
import json
import os
import pathlib
import shutil
import signal
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import cluster  # noqa: E402
import measure  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
NAME = "www.shop.example"
HOSTS = {"east": ["127.0.1.10", "127.0.1.11"], "west": ["127.0.2.10", "127.0.2.11"]}
START_SERVER = """#!/bin/sh
# Starts one order server unless it runs: start-server SITE HOST PORT
set -eu
pid={folder}/$1/server-$2.pid
if [ -s "$pid" ] && kill -0 "$(cat "$pid")" 2>/dev/null; then exit 0; fi
setsid {shop} "$2:$3" "$({folder}/conninfo "$1")" "$pid" >>{folder}/$1/server-$2.log 2>&1 </dev/null &
"""
STOP_SERVER = """#!/bin/sh
# Ends one order server: stop-server SITE HOST PORT
pid={folder}/$1/server-$2.pid
[ -s "$pid" ] && kill "$(cat "$pid")" 2>/dev/null
exit 0
"""
CONNINFO = """#!/bin/sh
case $1 in east) echo "{east}" ;; *) echo "{west}" ;; esac
"""


class Failed(Exception):
    """Something did not happen; its text says what and where to look."""


class Demo:
    def __init__(self, options):
        self.options = options
        self.account = cluster.Account()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="muster-demo-", dir=options.folder))
        os.chmod(self.folder, 0o755)
        self.account.own(self.folder)
        self.build = cluster.programs(self.account, options.build, self.folder, ("muster", "shop", "shoppers"))
        self.muster_process = None
        self.shoppers = None
        self.results = []
        self.reported_until_ms = 0
        self.port = cluster.free_port("127.0.1.10")
        self.dns_port = cluster.free_port()
        self.log = self.folder / "orders.log"
        self.pair = {}

    # --- the parts -------------------------------------------------------------------------------------------------

    def say(self, text=""):
        print(text, flush=True)

    def script(self, name, text):
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755)
        self.account.own(path)
        return path

    def prepare(self):
        for site in ("east", "west"):
            (self.folder / site).mkdir()
            self.account.own(self.folder / site)
            self.pair[site] = cluster.Postgres(self.account, self.folder / site, cluster.free_port())
        self.pair["east"].create_primary()
        self.pair["west"].create_standby(self.pair["east"])
        self.script("conninfo", CONNINFO.format(east=self.pair["east"].conninfo(), west=self.pair["west"].conninfo()))
        self.script("start-server", START_SERVER.format(folder=self.folder, shop=self.build / "shop"))
        self.script("stop-server", STOP_SERVER.format(folder=self.folder))
        for site, count in (("east", 2), ("west", 1)):
            for host in HOSTS[site][:count]:
                self.account.run(self.folder / "start-server", site, host, self.port)
        plan = (HERE / "plan.yaml").read_text(encoding="utf-8")
        for old, new in {
            "127.0.0.1:5353": f"127.0.0.1:{self.dns_port}",
            "port=54321": f"port={self.pair['east'].port}",
            "port=54322": f"port={self.pair['west'].port}",
            "user=postgres": f"user={self.account.entry.pw_name}",
            ":8080": f":{self.port}",
            "/var/lib/shop": str(self.folder),
            "/usr/lib/shop": str(self.folder),
        }.items():
            plan = plan.replace(old, new)
        self.plan = self.folder / "plan.yaml"
        self.plan.write_text(plan, encoding="utf-8")

    def serve(self):
        self.data = self.folder / "muster"
        listen = f"127.0.0.1:{cluster.free_port()}"
        self.page = f"http://{listen}/"
        self.muster_process = self.account.start(
            [self.build / "muster", "serve", self.plan, "--data", self.data, "--listen", listen],
            self.folder / "muster.log")
        self.wait("muster to see everything", 30, lambda: self.service()["condition"] == "ok")

    def muster(self, *argv, allowed=(0,)):
        done = subprocess.run([str(self.build / "muster"), "--data", str(self.data), *map(str, argv)], text=True,
                              capture_output=True, env=self.account.environment(), cwd="/", **self.account.options())
        if done.returncode not in allowed:
            raise Failed(f"muster {' '.join(map(str, argv))} exited {done.returncode}:\n{done.stdout}{done.stderr}")
        return done.stdout

    def service(self):
        try:
            return json.loads(self.muster("status", "--json"))["services"][0]
        except (Failed, json.JSONDecodeError, LookupError):
            return {"condition": "unknown", "primary": ""}

    def wait(self, what, seconds, is_so):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if self.muster_process and self.muster_process.poll() is not None:
                raise Failed(f"muster ended while the demo waited for {what}; see {self.folder}/muster.log")
            found = is_so()
            if found:
                return found
            time.sleep(0.1)
        raise Failed(f"waited {seconds} s in vain for {what}; see {self.folder}/muster.log")

    def newest_run(self, kind):
        runs = json.loads(self.muster("run", "list", "--json"))
        runs = runs.get("runs", runs) if isinstance(runs, dict) else runs
        found = [run for run in runs if run["kind"] == kind]
        return found[0] if found else None

    def finished_run(self, kind):
        run = self.newest_run(kind)
        if run and run["status"] in ("failed", "aborted", "waiting", "rolled_back"):
            raise Failed(f"the {kind} is {run['status']}: {run.get('reason', '')}")
        return run if run and run["status"] == "done" else None

    def start_shoppers(self):
        self.shoppers = self.account.start(
            [self.build / "shoppers", f"127.0.0.1:{self.dns_port}", NAME, self.port, self.options.rate, self.log],
            self.folder / "shoppers.log")

    def site_processes(self, site):
        pids = self.pair[site].processes()
        pids += [cluster.read_pid(self.folder / site / f"server-{host}.pid") for host in HOSTS[site]]
        return [pid for pid in pids if pid]

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
        began = time.monotonic()
        self.muster("rebuild", "shop", "--to", "east", "--yes", "--wait", allowed=(0, 3))
        self.wait("site east to be a standby", 60, lambda: self.service()["condition"] == "ok")
        self.say(f"  site east is a streaming standby again after {time.monotonic() - began:.1f} s")
        time.sleep(2)
        since = int(time.time() * 1000)
        self.muster("switchover", "shop", "--to", "east", "--yes", "--wait", allowed=(0, 3))
        run = self.wait("the switchover", 60, lambda: self.finished_run("switchover"))
        time.sleep(5)
        result = self.report(run, since, "east")
        self.show(result)
        self.say(f"  The shop is home again; the way back lost {result['lost']} orders.")

    def play(self):
        self.say("Two sites, east and west: a PostgreSQL pair, order servers, one name for the users.")
        self.prepare()
        self.serve()
        self.say(f"  muster watches; its page is {self.page}")
        self.start_shoppers()
        time.sleep(self.options.calm)
        self.say(f"  {self.options.rate} orders a second come in through {NAME}\n")
        self.say(self.muster("status"))
        self.say("Site east is lost")
        self.lose_a_site()
        self.say("\nThe old site is rebuilt as a standby, and the shop switches back")
        self.come_home()

    def keep_reports(self):
        target = pathlib.Path(self.options.report).resolve()
        target.mkdir(parents=True, exist_ok=True)
        for kind in ("failover", "switchover"):
            for form in ("html", "md", "svg"):
                source = self.folder / f"{kind}.{form}"
                if source.exists():
                    shutil.copy(source, target / source.name)
        self.say(f"\nReports: {target}/failover.html and {target}/switchover.html")

    def end(self):
        for process in (self.shoppers, self.muster_process):
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        pids = [pid for site in self.pair for pid in self.site_processes(site)]
        cluster.kill(pids, signal.SIGKILL)
        cluster.wait_gone(pids, 5)
        cluster.remove(self.folder)


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default="build/release", help="where the binaries are")
    parser.add_argument("--keep", action="store_true", help="leave everything running afterwards, until Ctrl-C")
    parser.add_argument("--json", metavar="FILE", help="write what was measured")
    parser.add_argument("--report", metavar="DIR", default="build/demo-report", help="where the reports are put")
    parser.add_argument("--rate", type=int, default=200, help="orders a second")
    parser.add_argument("--calm", type=float, default=6, help="seconds of quiet before the site is lost")
    parser.add_argument("--folder", help="where the temporary folder is made")
    return parser.parse_args()


def main():
    options = parse_arguments()
    demo = Demo(options)

    def stop(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    code = 1
    try:
        demo.play()
        demo.keep_reports()
        is_good = all(r["rpo_met"] and r["rto_met"] for r in demo.results)
        code = 0 if is_good and demo.results[-1]["lost"] == 0 else 3
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps({"runs": demo.results}, indent=2) + "\n", encoding="utf-8")
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

"""The shop of the demonstration, whole: a PostgreSQL pair, order servers, muster, shoppers, and a way to ask them."""
import contextlib
import json
import os
import pathlib
import signal
import subprocess
import tempfile
import time

import yaml

import cluster
import measure
import network

HERE = pathlib.Path(__file__).resolve().parent
BUILD = HERE.parents[1] / "build"
NAME = "www.shop.example"
SITES = ("east", "west")
LOOPBACK_HOSTS = {"east": ["127.0.1.10", "127.0.1.11"], "west": ["127.0.2.10", "127.0.2.11"]}
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
FAILED = ("failed", "aborted", "waiting", "rolled_back")


class Failed(Exception):
    """Something did not happen; its text says what and where to look."""


class Stand:
    """With `has_networks`, each site has a network of its own, and muster reaches its host only through it."""

    def __init__(self, options, has_networks=False, policy=None):
        self.options, self.policy = options, policy or {}
        self.network = network.Network() if has_networks else None
        self.account = cluster.Account()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="muster-demo-", dir=options.folder))
        os.chmod(self.folder, 0o755)
        self.account.own(self.folder)
        self.build = cluster.programs(self.account, options.build, self.folder, ("muster", "shop", "shoppers"))
        self.hosts = network.HOSTS if self.network else LOOPBACK_HOSTS
        self.muster_process = None
        self.others = []
        self.port = cluster.free_port(LOOPBACK_HOSTS["east"][0])
        self.dns_port = cluster.free_port()
        self.name_server = network.GATEWAYS["arbiter"] if self.network else "127.0.0.1"
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

    def account_at(self, site):
        return self.network.account(site) if self.network else self.account

    def prepare(self):
        self.doors = network.open_doors(self.account, self.folder) if self.network else {}
        for site in SITES:
            (self.folder / site).mkdir()
            self.account.own(self.folder / site)
            address = network.DATABASES[site] if self.network else "127.0.0.1"
            self.pair[site] = cluster.Postgres(self.account_at(site), self.folder / site, cluster.free_port(), address)
            if self.network:
                self.others.append(self.account_at(site).start(
                    [self.folder / "doors" / "ssh", "serve"], self.folder / site / "door.log"))
        self.pair["east"].create_primary()
        self.pair["west"].create_standby(self.pair["east"])
        self.script("conninfo", CONNINFO.format(east=self.pair["east"].conninfo(), west=self.pair["west"].conninfo()))
        self.script("start-server", START_SERVER.format(folder=self.folder, shop=self.build / "shop"))
        self.script("stop-server", STOP_SERVER.format(folder=self.folder))
        for site, count in (("east", 2), ("west", 1)):
            for host in self.hosts[site][:count]:
                self.account_at(site).run(self.folder / "start-server", site, host, self.port)
        self.plan = self.folder / "plan.yaml"
        self.plan.write_text(self.plan_text(), encoding="utf-8")

    def plan_text(self):
        """The example's plan, with the ports, folders and addresses of this stand."""
        text = (HERE / "plan.yaml").read_text(encoding="utf-8")
        swaps = {
            "127.0.0.1:5353": f"{self.name_server}:{self.dns_port}",
            "port=54321": f"port={self.pair['east'].port}",
            "port=54322": f"port={self.pair['west'].port}",
            "user=postgres": f"user={self.account.entry.pw_name}",
            ":8080": f":{self.port}",
            "/var/lib/shop": str(self.folder),
            "/usr/lib/shop": str(self.folder),
        }
        for site in SITES:
            swaps |= dict(zip(LOOPBACK_HOSTS[site], self.hosts[site]))
        for old, new in swaps.items():
            text = text.replace(old, new)
        if not self.network and not self.policy:
            return text
        plan = yaml.safe_load(text)
        shop = plan["services"]["shop"]
        shop["failover"] |= self.policy
        if self.network:
            user = self.account.entry.pw_name
            for site in SITES:
                shop["components"]["web"]["sites"][site]["ssh"] = f"{user}@{{host}}"
                shop["components"]["orders"]["sites"][site] |= {
                    "conninfo": self.pair[site].conninfo(), "ssh": f"{user}@{network.DATABASES[site]}"}
        return yaml.safe_dump(plan, sort_keys=False)

    def serve(self):
        self.data = self.folder / "muster"
        listen = f"127.0.0.1:{cluster.free_port()}"
        self.page = f"http://{listen}/"
        self.muster_process = self.account.start(
            [self.build / "muster", "serve", self.plan, "--data", self.data, "--listen", listen],
            self.folder / "muster.log", self.doors)
        self.wait("muster to see everything", 30, lambda: self.service()["condition"] == "ok")

    def start_shoppers(self, site=None, log=None):
        """From outside of both sites, or from inside of one; returns once the first order is acknowledged."""
        account = self.account_at(site) if site else self.account
        log = log or self.log
        shoppers = account.start([self.build / "shoppers", f"{self.name_server}:{self.dns_port}", NAME, self.port,
                                  self.options.rate, log], self.folder / "shoppers.log")
        self.others.append(shoppers)
        self.wait("an order to be acknowledged", 30,
                  lambda: log.exists() and any(order.is_acknowledged for order in measure.read_log(log)))
        return shoppers

    # --- asking muster ---------------------------------------------------------------------------------------------

    def muster(self, *argv, allowed=(0,)):
        done = subprocess.run([str(self.build / "muster"), "--data", str(self.data), *map(str, argv)], text=True,
                              capture_output=True, env=self.account.environment(), cwd="/", check=False,
                              **self.account.options())
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
                raise self.failure(f"muster ended while the demo waited for {what}")
            found = is_so()
            if found:
                return found
            time.sleep(0.1)
        raise self.failure(f"waited {seconds} s in vain for {what}")

    def failure(self, text):
        return Failed(f"{text}; see {self.folder}/muster.log")

    def runs(self):
        runs = json.loads(self.muster("run", "list", "--json"))
        return runs.get("runs", runs) if isinstance(runs, dict) else runs

    def newest_run(self, kind, besides=()):
        found = [run for run in self.runs() if run["kind"] == kind and run["id"] not in besides]
        return found[0] if found else None

    def finished_run(self, kind, besides=()):
        run = self.newest_run(kind, besides)
        if run and run["status"] in FAILED:
            raise Failed(f"the {kind} is {run['status']}: {run.get('reason', '')}")
        return run if run and run["status"] == "done" else None

    # --- the end ---------------------------------------------------------------------------------------------------

    def site_processes(self, site):
        pids = self.pair[site].processes()
        pids += [cluster.read_pid(self.folder / site / f"server-{host}.pid") for host in self.hosts[site]]
        return [pid for pid in pids if pid]

    def own_processes(self):
        """Our servers, wherever they stand in the process tree: muster may have started them anew."""
        found = []
        for entry in pathlib.Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                program = os.path.basename(os.readlink(entry / "exe"))
                tie = os.readlink(entry / "cwd") if program == "postgres" else (entry / "cmdline").read_bytes().decode()
                if program in ("postgres", "shop", "shoppers", "muster") and str(self.folder) in tie:
                    found.append(int(entry.name))
        return found

    def end(self):
        for process in (*self.others, self.muster_process):
            if process and process.poll() is None:
                process.send_signal(signal.SIGTERM)
                try:
                    process.wait(10)
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
        pids = self.own_processes()
        cluster.kill(pids, signal.SIGKILL)
        cluster.wait_gone(pids, 5)
        cluster.remove_segments()
        if self.network:
            self.network.end()
        cluster.remove(self.folder)

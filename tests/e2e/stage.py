"""What the end-to-end tests stand on: a temporary folder, real servers, a real node, and nothing left behind.

The tests run in a child of a guard, which adopts every daemon that they leave behind (it is their "subreaper"), so
that the end of a test, and of the program, can find and end them all by their ids.
"""
import argparse
import contextlib
import ctypes
import glob
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import unittest
import urllib.error
import urllib.request

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "examples" / "ecommerce"))
import cluster  # noqa: E402

PR_SET_CHILD_SUBREAPER = 36
CLONE_NEWNS = 0x00020000
PATIENCE = 60  # Seconds that a test waits for what must happen; a loaded machine is slow.
BUILD = ROOT / "build" / "release"

PAIR_PLAN = """muster: 1
plan: e2e

sites:
  east: {{region: one}}
  west: {{region: two}}
  judge: {{role: arbiter}}

services:
  shop:
    objectives: {{rpo: 5s, rto: 30s}}
    primary: east
    standby: [west]
    failover: {{mode: {mode}, preset: fast, hold: {hold}, cooldown: 30m, max_per_day: 2}}
    components:
      orders:
        kind: postgres
        keep: {keep}
        probe: {{postgres: "{{conninfo}}", interval: 500ms, timeout: 400ms}}
        sites:
          east: {{conninfo: "{east}", data: {east_data}}}
          west: {{conninfo: "{west}", data: {west_data}}}
"""


PART_PLAN = """muster: 1
plan: {name}

sites:
  here: {{region: one}}
  there: {{region: two}}

services:
  shop:
    objectives: {{rpo: 1h, rto: 1h}}
    primary: here
    standby: [there]
    failover: {{mode: observe}}
    components:
      part:
        kind: custom
        probe: {probe}
        sites: {{here: {{}}, there: {{}}}}
"""


def part_plan(probe, more="", name="parts"):
    """A plan that moves nothing, with one part and its probe; what it has besides stands below it."""
    return PART_PLAN.format(name=name, probe=probe) + more


def conninfo_of(account, *servers):
    """Reaches whichever of several servers takes writes."""
    return (f"host={','.join(server.address for server in servers)} port={','.join(str(s.port) for s in servers)} "
            f"dbname={cluster.DATABASE} connect_timeout=1 user={account.entry.pw_name} target_session_attrs=read-write")


def become_subreaper():
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "can't become a subreaper")


def descendants(root):
    """All processes below one, from a single look at /proc."""
    children = {}
    for stat in glob.glob("/proc/[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError):
            text = pathlib.Path(stat).read_text(encoding="utf-8", errors="replace")
            parent = int(text.rsplit(")", 1)[1].split()[1])
            children.setdefault(parent, []).append(int(stat.split("/")[2]))
    found, waiting = [], [root]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found


def command_of(pid):
    with contextlib.suppress(OSError):
        return pathlib.Path(f"/proc/{pid}/cmdline").read_text(encoding="utf-8", errors="replace").replace("\0", " ")
    return ""


def end_all(root, seconds=10):
    """Ends every process below one, but for this one; True when none is left."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        alive = [pid for pid in descendants(root) if pid != os.getpid() and not cluster.is_zombie(pid)]
        cluster.kill(alive, signal.SIGKILL)
        if not alive:
            return True
        time.sleep(0.02)
    return False


def guard(tests):
    """Collects every process that loses its parent, as an init does; ends them all when the tests have ended."""
    signal.signal(signal.SIGTERM, lambda *_: cluster.kill([tests]))
    signal.signal(signal.SIGINT, lambda *_: cluster.kill([tests]))
    while True:
        with contextlib.suppress(InterruptedError):
            pid, status = os.wait()
            if pid == tests:
                break
    is_clean = end_all(os.getpid())
    cluster.remove_segments()
    code = os.waitstatus_to_exitcode(status)
    sys.exit(code if code >= 0 and is_clean else 1)


class Node:
    """A `muster serve` with its data directory; its log is DATA.log."""

    def __init__(self, case, plan, data="data", listen="127.0.0.1:0", more=()):
        self.case, self.plan, self.data = case, plan, case.folder / data
        self.log = case.folder / (data + ".log")
        self.argv = [case.binary, "serve", plan, "--data", self.data, "--listen", listen, *more]
        self.process = None

    def start(self):
        self.process = self.case.account.start(self.argv, self.log)
        self.case.processes.append(self.process)
        self.case.eventually("muster to serve", lambda: self.cli("status", code=None).returncode == 0,
                             unless=lambda: self.process.poll() is not None)
        return self

    def start_watching(self):
        """Starts, and waits for the first full picture."""
        self.start()
        self.case.eventually("the first full picture", lambda: self.status()["has_full_picture"])
        return self

    def kill(self):
        self.process.kill()
        self.process.wait()

    def terminate(self, seconds=20):
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(seconds)

    @property
    def url(self):
        return (self.data / "address").read_text(encoding="utf-8").strip()

    def token(self):
        return (self.data / "token").read_text(encoding="utf-8").strip()

    def cli(self, *argv, code=0, **more):
        return self.case.muster("--data", self.data, *argv, code=code, **more)

    def json(self, *argv, code=0):
        return json.loads(self.cli(*argv, "--json", code=code).stdout)

    def status(self):
        return self.json("status")

    def service(self, name="shop"):
        return next(s for s in self.status()["services"] if s["id"] == name)

    def runs(self):
        return self.json("run", "list")["runs"]

    def report(self, run):
        return json.loads(self.cli("report", run["id"], "--format", "json").stdout)

    def events(self):
        return self.json("events", "--limit", "1000")["events"]

    def request(self, path, method="GET", body=None, headers=None):
        """(status, headers, text) of an HTTP request to the node."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(self.url + path, data=data, method=method, headers=headers or {})
        if data is not None:
            request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=10) as answer:
                return answer.status, answer.headers, answer.read().decode()
        except urllib.error.HTTPError as error:
            with error:
                return error.code, error.headers, error.read().decode()


class Clients:
    """Insert one row after the other at whichever of some servers takes writes; remember what was acknowledged."""

    def __init__(self, case, *servers, name="w", count=1):
        self.case, self.name = case, name
        self.conninfo = conninfo_of(case.account, *servers)
        self.acknowledged, self.failed = [], 0
        self.is_over = threading.Event()
        self.threads = [threading.Thread(target=self.write, args=(number,)) for number in range(count)]

    def write(self, client):
        number = 0
        while not self.is_over.is_set():
            number += 1
            row = f"{self.name}-{client}-{number}"
            done = subprocess.run(
                ["psql", "-X", "-q", "-d", self.conninfo, "-c", f"INSERT INTO orders (id) VALUES ('{row}')"],
                capture_output=True, check=False, env=self.case.account.environment(), cwd="/",
                **self.case.account.options())
            if done.returncode == 0:
                self.acknowledged.append(row)
            else:
                self.failed += 1

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.is_over.set()
        for thread in self.threads:
            thread.join()

    def lost(self, server):
        return set(self.acknowledged) - set(server.sql("SELECT id FROM orders").split())


class Case(unittest.TestCase):
    """A test with a folder of its own, owned by the account that everything runs as."""

    longMessage = True
    maxDiff = 4000

    def setUp(self):
        self.account = cluster.Account()
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="muster-e2e-"))
        self.folder.chmod(0o755)
        self.account.own(self.folder)
        self.binary = cluster.programs(self.account, BUILD, self.folder, ("muster",)) / "muster"
        self.processes = []
        self.addCleanup(self.end)

    def end(self):
        is_clean = end_all(os.getppid())
        for process in self.processes:
            process.wait()
        if self.has_failed():
            self.show_logs()
        shutil.rmtree(self.folder, ignore_errors=True)
        self.assertTrue(is_clean, "a process outlived the test")

    def has_failed(self):
        outcome = getattr(self, "_outcome", None)
        result = getattr(outcome, "result", None)
        problems = (result.failures + result.errors) if result else []
        return any(test is self for test, _ in problems) or not getattr(outcome, "success", True)

    def show_logs(self):
        for log in sorted(path for depth in ("", "*/", "*/*/") for path in self.folder.glob(depth + "*.log")):
            lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
            print(f"\n--- the end of {log.relative_to(self.folder)}", *lines[-40:], sep="\n", file=sys.stderr)

    def file(self, name, text="", mode=0o644):
        path = self.folder / name
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(text, encoding="utf-8")
        path.chmod(mode)
        self.account.own(path)
        return path

    def muster(self, *argv, code=0, environment=None, timeout=120):
        done = subprocess.run([str(self.binary), *map(str, argv)], text=True, capture_output=True, check=False,
                              timeout=timeout, cwd="/", stdin=subprocess.DEVNULL,
                              env={**self.account.environment(), **(environment or {})},
                              **self.account.options())
        if code is not None:
            self.assertEqual(done.returncode, code,
                             f"muster {' '.join(map(str, argv))}\n{done.stdout}{done.stderr}")
        self.assertGreaterEqual(done.returncode, 0, f"muster {argv} died by a signal\n{done.stderr}")
        return done

    def eventually(self, what, is_so, seconds=PATIENCE, unless=None):
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            found = is_so()
            if found:
                return found
            if unless and unless():
                break
            time.sleep(0.05)
        self.fail(f"waited in vain for {what}")

    def server(self, name, source=None):
        """A primary in a folder of that name, or a streaming standby of another server."""
        folder = self.folder / name
        folder.mkdir(exist_ok=True)
        self.account.own(folder)
        server = cluster.Postgres(self.account, folder, cluster.free_port())
        if source:
            server.create_standby(source)
        else:
            server.create_primary()
        return server

    def pair(self):
        """A primary at east with a streaming standby at west."""
        east = self.server("east")
        return east, self.server("west", east)

    def stop(self, server, how="fast"):
        self.account.run(server.bin / "pg_ctl", "-D", server.data, "-m", how, "-w", "stop")

    def promote(self, server, *more):
        self.account.run(server.bin / "pg_ctl", "-D", server.data, *(more or ("-w",)), "promote")

    def small_disk(self, name, megabytes):
        """A folder with so much room, on a disk that only this program and its children see."""
        libc = ctypes.CDLL(None, use_errno=True)
        if os.geteuid() != 0 or libc.unshare(CLONE_NEWNS) != 0:
            self.skipTest("may not mount a small disk (that takes root, in a container CAP_SYS_ADMIN)")
        place = self.folder / name
        place.mkdir()
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=0755", "muster-test", place], check=True)
        self.addCleanup(subprocess.run, ["umount", "-l", place], check=True)
        self.account.own(place)
        return place

    def stays(self, node, seconds=6):
        """Nothing moves, for longer than the preset needs to decide unless told otherwise."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.assertEqual(node.runs(), [])
            self.assertEqual(node.service()["primary"], "east")
            time.sleep(0.2)

    def told(self, node, pattern):
        """The line under the status table, once it says so."""
        self.eventually(f"the status to tell {pattern}", lambda: re.search(pattern, node.cli("status").stdout))

    def pair_plan(self, east, west, mode="automatic", hold="2s", name="plan.yaml"):
        return self.file(name, PAIR_PLAN.format(
            mode=mode, hold=hold, keep=self.folder / "kept", east=east.conninfo(), east_data=east.data,
            west=west.conninfo(), west_data=west.data))

    def is_writable(self, server):
        """Whether a server takes a write right now."""
        try:
            server.sql("CREATE TABLE IF NOT EXISTS probe (n int); INSERT INTO probe VALUES (1)")
        except SystemExit:
            return False
        return True

    def finished_run(self, node, kind, status="done"):
        """The newest run of a kind, once it is over."""
        def find():
            found = [run for run in node.runs() if run["kind"] == kind]
            return found[0] if found and (found[0]["is_final"] or found[0]["status"] == "waiting") else None
        run = self.eventually(f"the {kind} to end", find)
        self.assertEqual(run["status"], status, json.dumps(node.json("run", "show", run["id"]), indent=1))
        return run


def main():
    global BUILD
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__)
    parser.add_argument("--build", default=str(BUILD), help="where the binaries are")
    parser.add_argument("--limit", type=int, default=280, help="seconds after which the test gives up")
    options, rest = parser.parse_known_args()
    BUILD = pathlib.Path(options.build).resolve()

    become_subreaper()
    tests = os.fork()
    if tests:
        guard(tests)

    def give_up(*_):
        raise TimeoutError(f"the tests took more than {options.limit} s")

    signal.signal(signal.SIGALRM, give_up)
    signal.alarm(options.limit)
    unittest.main(module="__main__", argv=[sys.argv[0], "-v", *rest])

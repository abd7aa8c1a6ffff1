#!/usr/bin/env python3
"""Drives muster's DNS responder with dnsperf, beside gdnsd and NSD, and times how soon a change is answered.

All servers stand on loopback with one thread for UDP and answer the same questions, in turn, in every repetition.
"""
import argparse
import contextlib
import json
import os
import pathlib
import pwd
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time

REPETITIONS = 5
SECONDS = 3
CLIENTS = 4
OUTSTANDING = 200
CHANGES = 12
MANY_NAMES = 1000
START_TIMEOUT_S = 10
PORT_ATTEMPTS = 10
CHANGE_TIMEOUT_S = 30
BOTH, ONE = ["192.0.2.10", "192.0.2.11"], ["192.0.2.10"]
ZONE = """$ORIGIN example.com.
@ 3600 IN SOA ns1.example.com. hostmaster.example.com. 1 3600 600 86400 30
@ 3600 IN NS ns1.example.com.
ns1 3600 IN A 127.0.0.1
www 10 IN A 192.0.2.10
www 10 IN A 192.0.2.11
"""
STATIC, HEALTH, NO_NAME = "static A", "health-driven A", "NXDOMAIN"
# The questions, and the code that every answer must carry.
CASES = {
    STATIC: (["www.example.com A"], "NOERROR"),
    HEALTH: (["shop.example.com A"], "NOERROR"),
    NO_NAME: ([f"no{number}.example.com A" for number in range(1000)], "NXDOMAIN"),
}
VISIBLE = "change visible"


def fail(why):
    print(f"bench: {why}", file=sys.stderr)
    sys.exit(1)


def program_on_path(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def free_port():
    """One that no connection of a client gets, free for UDP and TCP."""
    for port in range(20000 + os.getpid() % 10000, 32000):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp, socket.socket() as tcp:
            try:
                udp.bind(("127.0.0.1", port))
                tcp.bind(("127.0.0.1", port))
                return port
            except OSError:
                continue
    return fail("no port is free")


def ordinary_user():
    """No server here needs the rights of root."""
    if os.geteuid() != 0:
        return {}
    account = pwd.getpwnam("postgres")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def give_away(directory):
    user = ordinary_user()
    for path in [directory, *directory.rglob("*")] if user else []:
        os.chown(path, user["user"], user["group"])


class Server:
    """A name server that ends with the `with` block."""

    def __init__(self, name, command, cases, port=None):
        self.name, self.cases = name, cases
        self.errors = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.errors,
                                        text=True, start_new_session=True, cwd="/", **ordinary_user())
        self.port = port or int(self.process.stdout.readline() or self.failed("did not start"))

    def failed(self, what):
        self.errors.seek(0)
        self.__exit__()
        fail(f"{self.process.args[0]} {what}: {self.errors.read()[-1000:]}")

    def __enter__(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        while not ask(self.port, "www.example.com"):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.failed(f"does not answer on port {self.port}")
            time.sleep(0.05)
        return self

    def __exit__(self, *_):
        # The first process alone, so that it ends and reaps its own children; the group if it does not.
        self.process.terminate()
        try:
            self.process.wait(START_TIMEOUT_S)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def cpu_s(self):
        """Of all its processes, user and system."""
        ticks = 0
        for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[3]) == self.process.pid:
                    ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


class Muster(Server):
    def __init__(self, program, names=1):
        many = names > 1
        super().__init__(f"muster, {names} names" if many else "muster", [program, "muster", str(names)],
                         [VISIBLE] if many else [STATIC, HEALTH, NO_NAME, VISIBLE])

    def change(self, addresses):
        self.process.stdin.write(",".join(addresses) + "\n")
        self.process.stdin.flush()

    def changed_at(self):
        """When `Steerer::apply` was called; the same clock as ours."""
        return int(self.process.stdout.readline()) / 1e9


class Gdnsd(Server):
    def __init__(self, directory):
        port = free_port()
        for part in ("zones", "run", "state"):
            (directory / part).mkdir(parents=True)
        zone = ZONE + "shop 10/5 DYNA multifo!shop\n"
        (directory / "zones" / "example.com").write_text(zone, encoding="utf-8")
        self.health = directory / "health"
        (directory / "config").write_text(f"""options => {{
  listen => 127.0.0.1:{port}
  udp_threads => 1
  tcp_threads => 1
  run_dir => {directory}/run
  state_dir => {directory}/state
}}
service_types => {{
  outside => {{ plugin => extfile, file => {self.health}, direct => true, interval => 2 }}
}}
plugins => {{
  multifo => {{ shop => {{ service_types => outside, up_thresh => 0.1, a => {BOTH[0]}, b => {BOTH[1]} }} }}
}}
""", encoding="utf-8")
        self.change(BOTH)
        give_away(directory)
        super().__init__("gdnsd", [program_on_path("gdnsd"), "-c", str(directory), "start"],
                         [STATIC, HEALTH, NO_NAME, VISIBLE], port)

    def change(self, addresses):
        lines = [f"{address} => {'UP' if address in addresses else 'DOWN'}/10" for address in BOTH]
        fresh = self.health.with_suffix(".new")
        fresh.write_text("\n".join(lines) + "\n", encoding="utf-8")
        self.written_at = time.monotonic()
        fresh.rename(self.health)

    def changed_at(self):
        return self.written_at


class Nsd(Server):
    # Its limit of 200 answers a second to one client would be what is measured; the others have none.
    def __init__(self, directory):
        directory.mkdir()
        zone, config, port = directory / "zone", directory / "nsd.conf", free_port()
        zone.write_text(ZONE, encoding="utf-8")
        config.write_text(f"""server:
  ip-address: 127.0.0.1@{port}
  server-count: 1
  username: ""
  pidfile: ""
  xfrdfile: "{directory}/xfrd"
  xfrdir: "{directory}"
  rrl-ratelimit: 0
  database: ""
  zonelistfile: "{directory}/list"
  zonesdir: "{directory}"
remote-control:
  control-enable: no
zone:
  name: example.com
  zonefile: {zone}
""", encoding="utf-8")
        give_away(directory)
        super().__init__("nsd", [program_on_path("nsd"), "-d", "-c", str(config)], [STATIC, NO_NAME], port)


class Echo(Server):
    # It answers NOERROR whatever it is asked, so that only one case compares.
    def __init__(self, program):
        super().__init__("UDP echo", [program, "echo"], [STATIC])


def ask(port, name):
    """The addresses; nothing when there was no answer."""
    labels = b"".join(bytes([len(label)]) + label.encode() for label in name.split("."))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        try:
            client.connect(("127.0.0.1", port))
            client.send(bytes.fromhex("123401000001000000000000") + labels + b"\x00\x00\x01\x00\x01")
            answer = client.recv(4096)
        except OSError:
            return []
    return [answer[-4:]] * int.from_bytes(answer[6:8], "big") or [answer]


def seconds_until_visible(server, addresses):
    server.change(addresses)
    deadline = time.monotonic() + CHANGE_TIMEOUT_S
    while len(ask(server.port, "shop.example.com")) != len(addresses):
        if time.monotonic() > deadline:
            fail(f"{server.name} did not change its answer within {CHANGE_TIMEOUT_S} s")
    seen_at = time.monotonic()
    return seen_at - server.changed_at()


def drive(server, case, directory):
    questions, code = CASES[case]
    data = directory / "questions"
    data.write_text("\n".join(questions) + "\n", encoding="utf-8")
    before = server.cpu_s()
    done = subprocess.run(["dnsperf", "-s", "127.0.0.1", "-p", str(server.port), "-d", str(data), "-l", str(SECONDS),
                           "-c", str(CLIENTS), "-T", "1", "-q", str(OUTSTANDING)],
                          capture_output=True, text=True, check=False)
    cpu_s = server.cpu_s() - before
    rate = re.search(r"Queries per second:\s+([\d.]+)", done.stdout)
    completed = re.search(r"Queries completed:\s+(\d+)", done.stdout)
    lost = re.search(r"Queries lost:\s+\d+ \(([\d.]+)%\)", done.stdout)
    latency = re.search(r"Average Latency \(s\):\s+([\d.]+)", done.stdout)
    if done.returncode != 0 or not (rate and completed and lost and latency):
        fail(f"dnsperf failed: {done.stderr.strip() or done.stdout[-300:]}")
    codes = re.search(r"Response codes:\s+(\w+) \d+ \(100\.00%\)", done.stdout)
    if not codes or codes[1] != code:
        fail(f"{server.name}: not every answer was {code}: {done.stdout[-300:]}")
    return {"qps": float(rate[1]), "cpu_us": cpu_s / int(completed[1]) * 1e6, "latency_us": float(latency[1]) * 1e6,
            "lost_percent": float(lost[1])}


def measure(servers, directory):
    rates, delays = {}, {}
    for repetition in range(REPETITIONS):
        for case in CASES:
            # Each comes first in turn: what the machine does meanwhile falls on all alike.
            turn = repetition % len(servers)
            for server in servers[turn:] + servers[:turn]:
                if case in server.cases:
                    rates.setdefault((server.name, case), []).append(drive(server, case, directory))
    for change in range(CHANGES):
        for server in servers:
            if VISIBLE in server.cases:
                delay = seconds_until_visible(server, BOTH if change % 2 else ONE)
                delays.setdefault(server.name, []).append(delay)
    rows = []
    for (system, case), found in rates.items():
        row = {"system": system, "case": case, "threads": 1, "runs": len(found)}
        for what in found[0]:
            values = [one[what] for one in found]
            row[f"median_{what}"] = statistics.median(values)
            if what == "qps":
                row |= {"min_qps": min(values), "max_qps": max(values)}
        rows.append(row)
    for system, found in delays.items():
        rows.append({"system": system, "case": VISIBLE, "runs": len(found),
                     "median_ms": statistics.median(found) * 1e3, "max_ms": max(found) * 1e3})
    return rows


def start(program, directory, stack):
    # One answers before the next looks for a port.
    servers = [stack.enter_context(server) for server in (Echo(program), Muster(program), Muster(program, MANY_NAMES))]
    for name, kind in (("gdnsd", Gdnsd), ("nsd", Nsd)):
        if program_on_path(name):
            servers.append(stack.enter_context(kind(directory / name)))
        else:
            print(f"bench: {name} is not installed and is left out; next: script/setup --bench")
    return servers


def show(rows):
    print(f"{'system':<20} {'case':<16} {'queries/s':>10} {'min':>9} {'max':>9} "
          f"{'CPU us':>7} {'mean us':>8} {'lost %':>7}")
    for row in [row for row in rows if row["case"] != VISIBLE]:
        print(f"{row['system']:<20} {row['case']:<16} {row['median_qps']:>10.0f} {row['min_qps']:>9.0f} "
              f"{row['max_qps']:>9.0f} {row['median_cpu_us']:>7.2f} {row['median_latency_us']:>8.0f} "
              f"{row['median_lost_percent']:>7.2f}")
    print(f"\n{'system':<20} {'case':<16} {'median ms':>10} {'max ms':>9}")
    for row in [row for row in rows if row["case"] == VISIBLE]:
        print(f"{row['system']:<20} {row['case']:<16} {row['median_ms']:>10.3f} {row['max_ms']:>9.3f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    if not shutil.which("dnsperf"):
        print("bench: skipped, dnsperf is not installed (Debian package: dnsperf)")
        print("next: script/setup")
        return
    with tempfile.TemporaryDirectory() as name, contextlib.ExitStack() as stack:
        directory = pathlib.Path(name)
        give_away(directory)
        rows = measure(start(str(pathlib.Path(arguments.program).resolve()), directory, stack), directory)
    show(rows)
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(rows) + "\n", encoding="utf-8")


main()

#!/usr/bin/env python3
"""Drives muster's DNS responder with dnsperf, beside an echo of UDP and, where they are, nsd and gdnsd.

All servers stand on loopback and answer the same questions, one after the other, in every repetition.
"""
import argparse
import json
import os
import pathlib
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
START_TIMEOUT_S = 10
ZONE = """$ORIGIN example.com.
@ 3600 IN SOA ns1.example.com. hostmaster.example.com. 1 3600 600 86400 60
@ 3600 IN NS ns1.example.com.
ns1 3600 IN A 127.0.0.1
shop 10 IN A 192.0.2.10
shop 10 IN A 192.0.2.11
"""
# The questions, and the code that every answer must carry.
CASES = {
    "A, two addresses": (["shop.example.com A"], "NOERROR"),
    "NXDOMAIN": ([f"no{number}.example.com A" for number in range(1000)], "NXDOMAIN"),
}
# An echo answers NOERROR whatever it is asked, so that only the first case compares.
ECHO_CASES = {"A, two addresses"}


def fail(why):
    print(f"bench: {why}", file=sys.stderr)
    sys.exit(1)


def program_on_path(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def free_port():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Server:
    """A name server that ends with the `with` block."""

    def __init__(self, command, port=None):
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.DEVNULL, text=True, start_new_session=True)
        self.port = port or int(self.process.stdout.readline() or fail(f"{command[0]} did not start"))

    def __enter__(self):
        deadline = time.monotonic() + START_TIMEOUT_S
        while not answers(self.port):
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.__exit__()
                fail(f"{self.process.args[0]} does not answer on port {self.port}")
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


def answers(port):
    query = bytes.fromhex("123401000001000000000000") + b"\x04shop\x07example\x03com\x00\x00\x01\x00\x01"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.settimeout(0.2)
        try:
            client.connect(("127.0.0.1", port))
            client.send(query)
            return len(client.recv(4096)) > 12
        except OSError:
            return False


def start_nsd(directory):
    # Its limit of 200 answers a second to one client would be what is measured; muster's responder has none.
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
  zonelistfile: "{directory}/list"
  zonesdir: "{directory}"
remote-control:
  control-enable: no
zone:
  name: example.com
  zonefile: {zone}
""", encoding="utf-8")
    return Server([program_on_path("nsd"), "-d", "-c", str(config)], port)


def start_gdnsd(directory):
    port = free_port()
    for part in ("zones", "run", "state"):
        (directory / part).mkdir(exist_ok=True)
    (directory / "zones" / "example.com").write_text(ZONE, encoding="utf-8")
    (directory / "config").write_text(f"""options => {{
  listen => 127.0.0.1:{port}
  udp_threads => 1
  tcp_threads => 1
  run_dir => {directory}/run
  state_dir => {directory}/state
}}
""", encoding="utf-8")
    return Server([program_on_path("gdnsd"), "-c", str(directory), "start"], port)


def queries_per_second(port, case, directory):
    questions, code = case
    data = directory / "questions"
    data.write_text("\n".join(questions) + "\n", encoding="utf-8")
    done = subprocess.run(["dnsperf", "-s", "127.0.0.1", "-p", str(port), "-d", str(data), "-l", str(SECONDS),
                           "-c", str(CLIENTS), "-T", "1"], capture_output=True, text=True, check=False)
    rate = re.search(r"Queries per second:\s+([\d.]+)", done.stdout)
    lost = re.search(r"Queries lost:\s+(\d+) \(([\d.]+)%\)", done.stdout)
    latency = re.search(r"Average Latency \(s\):\s+([\d.]+)", done.stdout)
    if done.returncode != 0 or not (rate and lost and latency):
        fail(f"dnsperf failed: {done.stderr.strip() or done.stdout[-300:]}")
    codes = re.search(r"Response codes:\s+(\w+) \d+ \(100\.00%\)", done.stdout)
    if not codes or codes[1] != code:
        fail(f"not every answer was {code}: {done.stdout[-300:]}")
    return {"queries/s": float(rate[1]), "us mean latency": float(latency[1]) * 1e6,
            "% lost": float(lost[2])}


def systems(program, directory):
    """Name to what starts it; the baseline first."""
    found = {
        "UDP echo, one thread": lambda: Server([program, "echo"]),
        "muster DNS responder": lambda: Server([program, "muster"]),
    }
    for name, start in (("nsd", start_nsd), ("gdnsd", start_gdnsd)):
        if program_on_path(name):
            place = directory / name
            place.mkdir()
            found[f"{name}, one server"] = lambda start=start, place=place: start(place)
        else:
            print(f"bench: {name} is not installed and is left out (Debian package: {name})")
    return found


def measure(program, directory):
    figures = {}
    compared = systems(program, directory)
    for _ in range(REPETITIONS):
        for system, start in compared.items():
            with start() as server:
                for name, case in CASES.items():
                    if "echo" in system and name not in ECHO_CASES:
                        continue
                    for unit, value in queries_per_second(server.port, case, directory).items():
                        figures.setdefault((system, name, unit), []).append(value)
    return [{"system": system, "case": case, "median": statistics.median(values), "min": min(values),
             "max": max(values), "runs": len(values), "unit": unit}
            for (system, case, unit), values in figures.items()]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    if not shutil.which("dnsperf"):
        print("bench: skipped, dnsperf is not installed (Debian package: dnsperf)")
        print("next: script/setup")
        return
    with tempfile.TemporaryDirectory() as directory:
        rows = measure(arguments.program, pathlib.Path(directory))
    print(f"{'system':<28} {'case':<26} {'median':>12} {'min':>12} {'max':>12}  unit")
    for row in rows:
        figures = "".join(f"{row[key]:>13.{'4g' if row[key] < 1000 else '0f'}}" for key in ("median", "min", "max"))
        print(f"{row['system']:<28} {row['case']:<26}{figures}  {row['unit']}")
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(rows) + "\n", encoding="utf-8")


main()

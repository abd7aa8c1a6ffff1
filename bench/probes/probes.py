#!/usr/bin/env python3
"""Probes nginx by HTTP with muster's prober, beside a plain epoll loop and blackbox_exporter.

All ask one nginx on loopback, one after the other, in every repetition. What counts is the prober's own CPU time,
because servers and probers share the machine.
"""
import argparse
import contextlib
import json
import os
import pathlib
import pwd
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time

REPETITIONS = 5
SECONDS = 3
START_TIMEOUT_S = 10
IN_FLIGHT = 64
EXPORTER_IN_FLIGHT = 16
TARGETS = 10_000
HUNG_TARGETS = 2_000
NGINX = """daemon off;
worker_processes 1;
worker_rlimit_nofile 20000;
pid {place}/nginx.pid;
error_log {place}/error.log warn;
events {{ worker_connections 19000; multi_accept on; }}
http {{
  access_log off;
  client_body_temp_path {place}/body; proxy_temp_path {place}/proxy; fastcgi_temp_path {place}/fastcgi;
  uwsgi_temp_path {place}/uwsgi; scgi_temp_path {place}/scgi;
  keepalive_requests 1000000000; keepalive_timeout 600s;
  server {{
    listen 0.0.0.0:{port} backlog=4096;
    location / {{ default_type text/plain; return 200 "ok\\n"; }}
  }}
}}
"""
EXPORTER = """modules:
  http_2xx:
    prober: http
    http: {preferred_ip_protocol: ip4}
"""


def fail(why):
    print(f"bench: {why}", file=sys.stderr)
    sys.exit(1)


def program_on_path(name):
    return shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def as_ordinary_user(command):
    """Servers need no rights; as root they run as postgres, which the tests have as well."""
    if os.geteuid() != 0:
        return command
    return ["setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups", "--pdeathsig", "TERM", "--", *command]


@contextlib.contextmanager
def server(command, port, log):
    with open(log, "ab") as output:
        process = subprocess.Popen(as_ordinary_user(command), stdin=subprocess.DEVNULL, stdout=output, stderr=output)
        try:
            deadline = time.monotonic() + START_TIMEOUT_S
            while True:
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                if process.poll() is not None or time.monotonic() > deadline:
                    fail(f"{command[0]} did not start: {pathlib.Path(log).read_text(encoding='utf-8')[-300:]}")
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()
            process.wait()


def start_nginx(place):
    port = free_port()
    (place / "nginx.conf").write_text(NGINX.format(place=place, port=port), encoding="utf-8")
    return port, server([program_on_path("nginx"), "-p", str(place), "-c", str(place / "nginx.conf")], port,
                        place / "nginx.log")


def start_exporter(place):
    port = free_port()
    (place / "exporter.yml").write_text(EXPORTER, encoding="utf-8")
    command = [program_on_path("prometheus-blackbox-exporter"), f"--config.file={place}/exporter.yml",
               f"--web.listen-address=0.0.0.0:{port}", "--log.level=error"]
    return port, server(command, port, place / "exporter.log")


def figures_of(program, *words):
    done = subprocess.run([program, *map(str, words)], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        fail(f"{' '.join(map(str, words))}: {done.stderr.strip() or done.returncode}")
    return json.loads(done.stdout)


def cpu_seconds(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Bench:
    def __init__(self, program, nginx_port):
        self.program = program
        self.nginx_port = nginx_port
        self.figures = {}

    def note(self, system, case, **values):
        for unit, value in values.items():
            self.figures.setdefault((system, case, UNITS[unit]), []).append(value)

    def rate(self, mode, case):
        bare = figures_of(self.program, "bare", mode, IN_FLIGHT, SECONDS, self.nginx_port)
        self.note("plain epoll loop", case, cpu=bare["cpu_us_per_probe"], rate=bare["probes_per_cpu_s"])
        ours = figures_of(self.program, "watch", mode, IN_FLIGHT, 1, SECONDS, self.nginx_port)
        if ours["bad"]:
            fail(f"{ours['bad']} probes of {ours['probes']} failed")
        self.note("muster", case, cpu=ours["cpu_us_per_probe"], rate=ours["probes_per_cpu_s"])

    def exporter(self, case, port, pid):
        """Muster asks the exporter, over kept connections, and looks whether each of its probes succeeded."""
        path = f"/probe?module=http_2xx&target=http://127.0.0.1:{self.nginx_port}/health"
        before = cpu_seconds(pid)
        asked = figures_of(self.program, "watch", "keep", EXPORTER_IN_FLIGHT, 1, SECONDS, port, "-", path,
                           "probe_success 1")
        if asked["bad"]:
            fail(f"{asked['bad']} probes of blackbox_exporter failed")
        taken = cpu_seconds(pid) - before
        self.note("blackbox_exporter", case, cpu=taken * 1e6 / asked["asked"], rate=asked["asked"] / taken)

    def schedule(self, mode, case):
        ours = figures_of(self.program, "watch", mode, TARGETS, 1000, 2 * SECONDS, self.nginx_port)
        self.note("muster", case, core=ours["core_percent"], memory=ours["rss_mb"], lag=ours["lag_p99_ms"],
                  latency=ours["latency_p99_ms"], bad=ours["bad"])

    def hung(self, hung_port):
        for case, words in (("2,000 targets, all answer", ()), ("2,000 targets, half of them hung", (hung_port,))):
            ours = figures_of(self.program, "watch", "fresh", HUNG_TARGETS, 1000, 2 * SECONDS, self.nginx_port, *words)
            self.note("muster", case, lag=ours["lag_p99_ms"], latency=ours["latency_p99_ms"], bad=ours["bad"])

    def rows(self):
        return [{"system": system, "case": case, "median": statistics.median(values), "min": min(values),
                 "max": max(values), "runs": len(values), "unit": unit}
                for (system, case, unit), values in self.figures.items()]


UNITS = {"cpu": "us CPU a probe", "rate": "probes/CPU s", "core": "% of a core", "memory": "MB resident",
         "lag": "ms lag p99", "latency": "ms latency p99", "bad": "failed probes"}


def measure(program, place):
    nginx_port, nginx = start_nginx(place)
    exporter_port, exporter = start_exporter(place)
    with nginx, exporter as exporter_process, \
            subprocess.Popen([program, "hang"], stdout=subprocess.PIPE, text=True) as hang:
        try:
            hung_port = hang.stdout.readline().strip()
            bench = Bench(program, nginx_port)
            for _ in range(REPETITIONS):
                bench.rate("fresh", "a connection each")
                bench.exporter("a connection each", exporter_port, exporter_process.pid)
                bench.rate("keep", "kept connections")
                bench.schedule("fresh", "10,000 targets at 1 s")
                bench.schedule("keep", "10,000 at 1 s, kept")
                bench.hung(hung_port)
            return bench.rows()
        finally:
            hang.terminate()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--program", required=True)
    parser.add_argument("--json")
    arguments = parser.parse_args()
    for name, package in (("nginx", "nginx-light"), ("prometheus-blackbox-exporter",) * 2):
        if not program_on_path(name):
            print(f"bench: skipped, {name} is not installed (Debian package: {package})")
            print("next: script/setup --bench")
            return
    with tempfile.TemporaryDirectory(dir="/tmp") as directory:
        if os.geteuid() == 0:
            user = pwd.getpwnam("postgres")
            os.chown(directory, user.pw_uid, user.pw_gid)
        rows = measure(arguments.program, pathlib.Path(directory))
    print(f"{'system':<18} {'case':<34} {'median':>12} {'min':>12} {'max':>12}  unit")
    for row in rows:
        figures = "".join(f"{row[key]:>13.{'4g' if row[key] < 1000 else '0f'}}" for key in ("median", "min", "max"))
        print(f"{row['system']:<18} {row['case']:<34}{figures}  {row['unit']}")
    if arguments.json:
        pathlib.Path(arguments.json).write_text(json.dumps(rows) + "\n", encoding="utf-8")


main()

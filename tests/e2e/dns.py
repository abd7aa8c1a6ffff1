#!/usr/bin/env python3
"""The built-in DNS responder, asked by dig, before and after a failover and while instances die."""
import re
import subprocess
import time

import stage
from stage import cluster

PLAN = """
      web:
        kind: servers
        needs: [orders]
        capacity: {{normal: 2, standby: 1, failover: 2}}
        probe: {{tcp: "{{address}}", interval: 200ms, timeout: 150ms}}
        start: [{folder}/start-server, "{{host}}", "{{port}}"]
        stop: [{folder}/stop-server, "{{host}}", "{{port}}"]
        sites:
          east: {{hosts: ["127.0.1.10:{port}", "127.0.1.11:{port}"]}}
          west: {{hosts: ["127.0.2.10:{port}", "127.0.2.11:{port}"]}}
      entry:
        kind: dns
        needs: [web]
        record: {{name: www.shop.example, type: A, ttl: 30s}}
        answers: {{east: [127.0.1.10, 127.0.1.11], west: [127.0.2.10, 127.0.2.11]}}
        probe: {{tcp: "{{address}}:{port}", interval: 200ms, timeout: 150ms}}

dns:
  listen: 127.0.0.1:{dns_port}
  zones:
    - name: shop.example
      name_servers: [ns1.shop.example]
      records:
        - {{name: ns1.shop.example, type: A, ttl: 1h, answers: [127.0.0.1]}}
        - {{name: docs.shop.example, type: CNAME, ttl: 1h, answers: [www.shop.example]}}
        - {{name: shop.example, type: TXT, ttl: 1h, answers: ["v=spf1 -all"]}}
"""
SERVER = """
import os, socket, sys
host, port, folder = sys.argv[1], int(sys.argv[2]), sys.argv[3]
listener = socket.create_server((host, port))
open(f"{folder}/{host}.pid.new", "w").write(str(os.getpid()))
os.rename(f"{folder}/{host}.pid.new", f"{folder}/{host}.pid")
while True:
    listener.accept()[0].close()
"""
START = """#!/bin/sh
pid=$(cat {folder}/$1.pid 2>/dev/null) && kill -0 "$pid" 2>/dev/null && exit 0
setsid python3 {folder}/server.py "$1" "$2" {folder} >>{folder}/servers.log 2>&1 </dev/null &
"""
STOP = """#!/bin/sh
pid=$(cat {folder}/$1.pid 2>/dev/null) && kill "$pid" 2>/dev/null
exit 0
"""
EAST, WEST = {"127.0.1.10", "127.0.1.11"}, {"127.0.2.10", "127.0.2.11"}


class Dns(stage.Case):
    def dig(self, name, kind="A", *more):
        done = subprocess.run(["dig", "@127.0.0.1", "-p", str(self.dns_port), "+time=2", "+tries=1", name, kind, *more],
                              text=True, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def addresses(self):
        return set(self.dig("www.shop.example", "A", "+short").split())

    def status_of(self, answer):
        return re.search(r"status: (\w+)", answer)[1]

    def serial(self):
        return int(self.dig("shop.example", "SOA", "+short").split()[2])

    def pid_of(self, host):
        return cluster.read_pid(self.folder / f"{host}.pid")

    def kill_server(self, host):
        cluster.kill([self.pid_of(host)])

    def start_server(self, host):
        (self.folder / f"{host}.pid").unlink(missing_ok=True)
        self.account.run(self.folder / "start-server", host, self.port)
        self.eventually(f"the server at {host}", lambda: self.pid_of(host))

    def start(self):
        east, west = self.pair()
        self.port = cluster.free_port("127.0.1.10")
        self.dns_port = cluster.free_port()
        self.file("server.py", SERVER)
        self.file("start-server", START.format(folder=self.folder), 0o755)
        self.file("stop-server", STOP.format(folder=self.folder), 0o755)
        for host in (*EAST, "127.0.2.10"):
            self.start_server(host)
        self.node = stage.Node(self, self.write_plan(east, west, "observe")).start_watching()
        self.eventually("the name to answer", lambda: self.addresses() == EAST)
        return east, west

    def write_plan(self, east, west, mode):
        plan = self.pair_plan(east, west, mode)
        with open(plan, "a", encoding="utf-8") as file:
            file.write(PLAN.format(folder=self.folder, port=self.port, dns_port=self.dns_port).lstrip("\n"))
        self.muster("validate", plan)
        return plan

    def test_the_name_follows_what_lives(self):
        east, west = self.start()
        self.check_wire()
        self.check_dead_instances()
        self.write_plan(east, west, "automatic")
        self.node.cli("reload")
        self.eventually("the first full picture", lambda: self.node.status()["has_full_picture"])
        self.check_failover(east)
        self.assertEqual(self.node.terminate(), 0)

    def check_wire(self):
        answer = self.dig("www.shop.example")
        self.assertEqual(self.status_of(answer), "NOERROR")
        self.assertRegex(answer, r"flags: qr aa")
        self.assertRegex(answer, r"www\.shop\.example\.\s+30\s+IN\s+A\s+127\.0\.1\.10")
        self.assertEqual(set(self.dig("www.shop.example", "A", "+short", "+tcp").split()), EAST)
        self.assertEqual(set(self.dig("WwW.sHoP.eXaMpLe", "A", "+short").split()), EAST)
        self.assertIn("EDNS: version: 0", answer)
        self.assertEqual(self.status_of(self.dig("www.shop.example", "A", "+edns=9", "+noednsneg")), "BADVERS")
        nothing = self.dig("none.shop.example")
        self.assertEqual(self.status_of(nothing), "NXDOMAIN")
        self.assertRegex(nothing, r"shop\.example\.\s+\d+\s+IN\s+SOA")
        no_data = self.dig("www.shop.example", "AAAA")
        self.assertEqual(self.status_of(no_data), "NOERROR")
        self.assertIn("ANSWER: 0", no_data)
        self.assertRegex(no_data, r"shop\.example\.\s+\d+\s+IN\s+SOA")
        self.assertEqual(self.status_of(self.dig("www.elsewhere.example")), "REFUSED")
        transfer = self.dig("shop.example", "AXFR")
        self.assertIn("Transfer failed", transfer)
        self.assertNotIn("www", transfer.split("Transfer failed")[1])
        self.assertEqual(self.dig("shop.example", "NS", "+short").strip(), "ns1.shop.example.")
        self.assertEqual(self.dig("shop.example", "TXT", "+short").strip(), '"v=spf1 -all"')
        self.assertEqual(set(self.dig("docs.shop.example", "A", "+short").split()), {"www.shop.example."} | EAST)

    def check_dead_instances(self):
        before = self.serial()
        self.kill_server("127.0.1.10")
        self.eventually("the dead instance to leave", lambda: self.addresses() == {"127.0.1.11"})
        after = self.serial()
        self.assertGreater(after, before, "the serial grows with every change")
        self.kill_server("127.0.1.11")
        end = time.monotonic() + 3
        while time.monotonic() < end:
            self.assertTrue(self.addresses(), "an empty set for a name that may yet live")
            time.sleep(0.1)
        for host in EAST:
            self.start_server(host)
        self.eventually("both to be back", lambda: self.addresses() == EAST)
        self.assertGreaterEqual(self.serial(), after)
        self.eventually("all to be well", lambda: self.node.service()["condition"] == "ok")

    def check_failover(self, east):
        before = self.serial()
        runs_before = len(self.node.runs())
        cluster.kill(east.processes() + [self.pid_of(host) for host in EAST])
        began = time.monotonic()
        self.eventually("the name to answer west", lambda: self.addresses() and self.addresses() <= WEST)
        print(f"\nthe name answers west {time.monotonic() - began:.1f} s after the loss")
        self.finished_run(self.node, "failover")
        self.assertEqual(len(self.node.runs()), runs_before + 1)
        self.eventually("both instances at west to be answered", lambda: self.addresses() == WEST)
        self.assertGreater(self.serial(), before)


if __name__ == "__main__":
    stage.main()

#!/usr/bin/env python3
"""A node whose API is crowded by thousands of clients that mean no good: it goes on watching, and lets its owner in."""
import pathlib
import resource
import socket
import unittest

import stage

CROWD = 10_000
MOST_MEMORY_MB = 100
# What the crowd's members do: drip a request, stay after one, or read nothing of an endless stream.
DEEDS = (b"GET /api/v1/sta", b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n",
         b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\n\r\n")


def resident_mb(pid):
    for line in pathlib.Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1024
    return 0


class Crowd(stage.Case):
    def setUp(self):
        super().setUp()
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        if hard < CROWD + 1000:
            raise unittest.SkipTest(f"only {hard} files may be open")
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        self.file("up")
        self.crowd = []

    def tearDown(self):
        self.leave()
        super().tearDown()

    def leave(self):
        for member in self.crowd:
            member.close()
        self.crowd = []

    def come(self, node):
        host, port = node.url.split("://")[1].rsplit(":", 1)
        for number in range(CROWD):
            member = socket.create_connection((host, int(port)), timeout=stage.PATIENCE)
            self.crowd.append(member)
            try:
                member.sendall(DEEDS[number % len(DEEDS)])
            except OSError:
                pass  # It was closed already.

    def health(self, node):
        return {target["health"] for target in node.status()["targets"]}

    def test_ten_thousand_connections_stop_neither_probes_nor_decisions_nor_the_owner(self):
        plan = self.file("plan.yaml", stage.part_plan(
            f"{{exec: [test, -e, {self.folder}/up], interval: 200ms, timeout: 150ms}}"))
        node = stage.Node(self, plan, more=("--site", "here")).start_watching()
        self.eventually("all to be well", lambda: self.health(node) == {"up"})
        self.come(node)
        (self.folder / "up").unlink()
        self.eventually("the probes to see it", lambda: self.health(node) == {"down"})
        self.eventually("a decision", lambda: "down" in node.cli("why", "shop").stdout)
        self.assertLess(resident_mb(node.process.pid), MOST_MEMORY_MB)
        self.assertIn("http.refused", node.log.read_text(encoding="utf-8"))
        self.leave()
        self.eventually("everybody to be let in again", lambda: node.request("/healthz")[0] == 200)


if __name__ == "__main__":
    stage.main()

#!/usr/bin/env python3
"""The name server's port: without the privilege, taken by others, and under a flood of garbage."""
import contextlib
import os
import pathlib
import random
import re
import socket
import subprocess
import unittest

import stage

NAMES = """
dns:
  listen: "{address}"
  zones:
    - name: shop.example
      name_servers: [ns1.shop.example]
      records:
        - {{name: ns1.shop.example, type: A, ttl: 1h, answers: [127.0.0.1]}}
"""
UNPRIVILEGED = pathlib.Path("/proc/sys/net/ipv4/ip_unprivileged_port_start")
# Many containers let everybody use every port. A network of one's own gives the normal rule back.
NORMAL_RULE = """echo 1024 >/proc/sys/net/ipv4/ip_unprivileged_port_start && ip link set lo up &&
exec setpriv --reuid="$0" --regid="$1" --clear-groups "${@:2}" """


def is_free_for_all(port):
    return int(UNPRIVILEGED.read_text(encoding="ascii")) <= port


def free_privileged_port():
    """One below 1024; for root alone, who may look."""
    for port in random.sample(range(600, 1024), 100):
        with (contextlib.suppress(OSError), socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
              socket.socket() as tcp):
            udp.bind(("127.0.0.1", port))
            tcp.bind(("127.0.0.1", port))
            return port
    raise unittest.SkipTest("every privileged port is taken")


class DnsPort(stage.Case):
    def plan_at(self, address):
        return self.file("plan.yaml", stage.part_plan(
            '{exec: ["true"], interval: 200ms, timeout: 150ms}', NAMES.format(address=address)))

    def serve(self, address, *before):
        argv = [self.binary, "serve", self.plan_at(address), "--data", self.folder / "refused", "--site", "here",
                "--listen", "127.0.0.1:0"]
        account = {} if before else self.account.options()
        return subprocess.run([*before, *map(str, argv)], text=True, capture_output=True, check=False, timeout=30,
                              cwd="/", env=self.account.environment(), **account)

    def serve_without_privilege(self, address, port):
        if not is_free_for_all(port):
            return self.serve(address)
        if os.getuid() != 0:
            self.skipTest("everybody may use every port here, and only root can make a network where that is not so")
        entry = self.account.entry
        return self.serve(address, "unshare", "--net", "bash", "-c", NORMAL_RULE, str(entry.pw_uid), str(entry.pw_gid))

    def check_refusal(self, done, *says):
        self.assertNotIn(done.returncode, (0, None), done.stderr)
        self.assertGreater(done.returncode, 0, "died by a signal")
        for part in says:
            self.assertIn(part, done.stderr)
        self.assertFalse((self.folder / "refused" / "address").exists(), "looks as if it still served")

    def test_without_the_privilege_the_address_and_the_command_that_helps_are_named(self):
        for address in ("127.0.0.1:53", "[::1]:53"):
            with self.subTest(address=address):
                done = self.serve_without_privilege(address, 53)
                if "not supported" in done.stderr or "Cannot assign" in done.stderr:
                    self.assertIn("::1", address)
                    continue
                self.check_refusal(done, f"DNS can't listen at {address} (UDP): Permission denied",
                                   f"setcap cap_net_bind_service=+ep {self.binary}",
                                   "AmbientCapabilities=CAP_NET_BIND_SERVICE", "port above 1023")

    @unittest.skipUnless(os.getuid() == 0, "only root can give the privilege")
    def test_the_command_that_was_named_helps(self):
        port = free_privileged_port()
        if is_free_for_all(port):
            self.skipTest("everybody may use every port here")
        address = f"127.0.0.1:{port}"
        done = self.serve(address)
        self.check_refusal(done, address, "Permission denied")
        command = re.search(r"sudo (setcap \S+ \S+)", done.stderr)[1].split()
        self.assertEqual(command[2], str(self.binary))
        subprocess.run(command, check=True)
        node = stage.Node(self, self.plan_at(address), more=("--site", "here")).start()
        self.assertIn("127.0.0.1", self.dig(port))
        self.assertEqual(node.terminate(), 0)

    def test_a_port_taken_names_the_protocol_and_the_way_to_see_by_whom(self):
        for kind, protocol in ((socket.SOCK_DGRAM, "UDP"), (socket.SOCK_STREAM, "TCP")):
            with self.subTest(protocol=protocol), socket.socket(socket.AF_INET, kind) as taken:
                taken.bind(("127.0.0.1", 0))
                if protocol == "TCP":
                    taken.listen()
                port = taken.getsockname()[1]
                done = self.serve(f"127.0.0.1:{port}")
                self.check_refusal(done, f"DNS can't listen at 127.0.0.1:{port} ({protocol}): Address already in use",
                                   f"ss -lntup 'sport = :{port}'")

    def test_a_foreign_address_is_told_from_a_taken_one(self):
        self.check_refusal(self.serve("192.0.2.1:5353"), "192.0.2.1:5353", "ip -brief address")

    def dig(self, port, *more):
        done = subprocess.run(["dig", "@127.0.0.1", "-p", str(port), "+time=2", "+tries=5", "+short", *more,
                               "ns1.shop.example", "A"], text=True, capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)
        return done.stdout

    def test_garbage_stops_neither_answers_nor_the_node(self):
        node = stage.Node(self, self.plan_at("127.0.0.1:0"), more=("--site", "here")).start_watching()
        address = (node.data / "dns_address").read_text(encoding="utf-8").strip()
        self.assertEqual(address.rpartition(":")[0], "127.0.0.1")
        port = int(address.rpartition(":")[2])
        random.seed(1)
        good = bytes.fromhex("0001010000010000000000000373686f70076578616d706c650000010001")
        with contextlib.ExitStack() as stack:
            udp = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            udp.connect(("127.0.0.1", port))
            for _ in range(20):
                for _ in range(500):
                    bent = bytearray(good[:random.randrange(len(good) + 1)] if random.random() < 0.5 else good)
                    for _ in range(random.randrange(6)):
                        if bent:
                            bent[random.randrange(len(bent))] = random.randrange(256)
                    with contextlib.suppress(BlockingIOError):
                        udp.send(bytes(bent), socket.MSG_DONTWAIT)
                self.assertEqual(self.dig(port).strip(), "127.0.0.1")
            # Over TCP: no length, half a message, the longest one, and more idle connections than are served.
            for start in (b"\x00", b"\x00\x1d" + good[:9], b"\xff\xff" + bytes(65535), b"\x00\x00"):
                one = stack.enter_context(socket.create_connection(("127.0.0.1", port)))
                one.sendall(start)
            self.assertEqual(self.dig(port, "+tcp").strip(), "127.0.0.1")
        idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(300)]
        self.assertEqual(self.dig(port).strip(), "127.0.0.1")
        for one in idle:
            one.close()
        self.assertEqual(self.dig(port, "+tcp").strip(), "127.0.0.1")
        self.assertTrue(node.status()["has_full_picture"])
        self.assertEqual(node.terminate(), 0)


if __name__ == "__main__":
    stage.main()

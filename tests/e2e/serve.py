#!/usr/bin/env python3
"""The node from the outside: its start and end, its listeners, its API, and what it refuses."""
import json
import os
import signal
import socket
import stat
import time

import stage

PROCEDURES = """
procedures:
  hello:
    steps:
      - {{id: say, action: exec, with: {{argv: [echo, hello]}}}}
  ask:
    steps:
      - {{id: may, action: approve, with: {{message: "go on?"}}}}
      - {{id: say, action: exec, needs: [may], with: {{argv: [echo, hello]}}}}
  slow:
    steps:
      - {{id: nap, action: exec, with: {{argv: [sleep, "600"]}}, timeout: 20m}}
  short:
    steps:
      - {{id: nap, action: exec, with: {{argv: [sleep, "1"]}}}}
      - {{id: say, action: exec, needs: [nap], with: {{argv: [echo, hello]}}}}
  fail:
    steps:
      - {{id: one, action: exec, with: {{argv: [touch, {folder}/one], undo: [rm, {folder}/one]}}}}
      - {{id: two, action: exec, needs: [one], with: {{argv: [test, -e, {folder}/two]}}}}
"""


class ServeCase(stage.Case):
    def write_plan(self, name):
        probe = f"{{exec: [test, -e, {self.folder}/up], interval: 200ms, timeout: 150ms}}"
        text = stage.part_plan(probe, PROCEDURES.format(folder=self.folder), name)
        # Whole or not at all: a node may be reading it.
        os.replace(self.file("new.yaml", text), self.folder / "plan.yaml")
        return self.folder / "plan.yaml"


class Serve(ServeCase):
    def setUp(self):
        super().setUp()
        self.file("up")
        self.plan = self.write_plan("first")
        self.site = ("--site", "here")

    def node(self, **more):
        return stage.Node(self, self.plan, more=self.site, **more)

    def refused(self, *argv, code=None, says="."):
        done = self.muster("serve", self.plan, "--data", self.folder / "other", *argv, code=None, timeout=20)
        self.assertIn(done.returncode, (1, 2) if code is None else (code,), done.stderr)
        self.assertRegex(done.stderr, says)
        return done

    def test_a_node_ends_cleanly_on_sigterm_and_serves_again(self):
        node = self.node().start_watching()
        self.assertEqual(stat.S_IMODE(node.data.stat().st_mode), 0o700)
        self.assertEqual(stat.S_IMODE((node.data / "token").stat().st_mode), 0o600)
        began = time.monotonic()
        self.assertEqual(node.terminate(), 0)
        self.assertLess(time.monotonic() - began, 10)
        self.assertFalse((node.data / "address").exists())
        self.assertIn("no muster is serving", node.cli("status", code=1).stderr)
        node.start()
        self.assertEqual(node.terminate(), 0)

    def test_sigterm_amid_a_step_ends_soon_and_the_run_is_kept(self):
        node = self.node().start_watching()
        run = node.json("run", "start", "slow")["run"]
        self.eventually("the step to run", lambda: node.json("run", "show", run)["steps"][0]["status"] == "running")
        self.assertEqual(node.terminate(), 0)
        node.start()
        self.assertIn(node.json("run", "show", run)["status"], ("running", "waiting"))

    def test_sighup_takes_a_good_plan_and_refuses_a_bad_one(self):
        node = self.node().start_watching()
        self.file("plan.yaml", "muster: 1\nplan: [broken\n")
        node.process.send_signal(signal.SIGHUP)
        self.eventually("the refusal", lambda: "plan.refused" in node.log.read_text(encoding="utf-8"))
        self.assertEqual(node.status()["plan"], "first")
        self.assertEqual(node.cli("reload", code=None).returncode, 1)
        self.write_plan("second")
        node.process.send_signal(signal.SIGHUP)
        self.eventually("the new plan", lambda: node.status()["plan"] == "second")
        self.write_plan("third")
        node.cli("reload")
        self.assertEqual(node.status()["plan"], "third")

    def test_reloads_at_once_follow_one_another(self):
        node = self.node().start_watching()
        asked = []
        for number in range(12):
            self.write_plan(f"plan{number}")
            node.process.send_signal(signal.SIGHUP)
            asked.append(self.account.start([self.binary, "--data", node.data, "reload"], self.folder / "reload.log"))
        codes = [process.wait(20) for process in asked]
        self.assertEqual(codes, [0] * len(codes), (self.folder / "reload.log").read_text(encoding="utf-8"))
        node.cli("reload")
        self.assertEqual(node.status()["plan"], "plan11")
        self.eventually("a full picture", lambda: node.status()["has_full_picture"])

    def test_a_second_node_on_the_same_data_is_refused(self):
        node = self.node().start()
        done = self.muster("serve", self.plan, "--data", node.data, "--listen", "127.0.0.1:0", *self.site, code=1,
                           timeout=20)
        self.assertRegex(done.stderr, "muster: .+\n  hint: ")
        self.assertEqual(node.status()["plan"], "first", "the first one serves on")

    def test_a_taken_port_is_refused(self):
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            taken.listen()
            self.refused("--listen", f"127.0.0.1:{taken.getsockname()[1]}", *self.site, code=1,
                         says="is taken by another process")

    def test_bad_ways_to_start_are_refused(self):
        self.refused("--listen", "0.0.0.0:0", *self.site, code=2, says="without TLS")
        self.refused("--listen", "[::]:0", *self.site, code=2, says="without TLS")
        self.refused("--tls-cert", "x.pem", *self.site, code=2, says="--tls-key")
        self.refused("--listen", "nonsense", *self.site)
        self.refused(code=2, says="--site")
        self.refused("--site", "nowhere", code=2, says="nowhere")
        self.refused("--listen", "127.0.0.1:0", "--tls-cert", "/no/such.pem", "--tls-key", "/no/such.key", *self.site)
        self.file("plan.yaml", "muster: 1\n")
        self.refused(*self.site, code=2, says=r"plan\.yaml:\d+:\d+: error: ")
        self.assertFalse((self.folder / "other" / "address").exists())

    def test_changes_need_the_token(self):
        node = self.node().start()
        path = "/api/v1/procedures/hello"
        for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": node.token()}):
            status, _, text = node.request(path, "POST", {}, headers)
            self.assertEqual(status, 401, text)
            self.assertIn("token", text)
        self.assertEqual(node.runs(), [])
        right = {"Authorization": f"Bearer {node.token()}"}
        self.assertEqual(node.request(path, "POST", {}, {**right, "Origin": "http://evil.example"})[0], 403)
        self.assertEqual(node.request(path, "POST", {"surprise": 1}, right)[0], 400)
        status, _, text = node.request(path, "POST", {}, right)
        self.assertEqual(status, 202, text)
        self.assertNotIn(node.token(), node.log.read_text(encoding="utf-8"), "the token is in the log")
        environment = {"MUSTER_TOKEN": node.token()}
        self.muster("--url", node.url, "run", "start", "hello", "--wait", environment=environment)
        done = self.muster("--url", node.url, "run", "start", "hello", code=1, environment={"MUSTER_TOKEN": "wrong"})
        self.assertIn("token", done.stderr)

    def test_what_can_be_read(self):
        node = self.node().start_watching()
        status, _, text = node.request("/healthz")
        self.assertEqual((status, json.loads(text)["status"]), (200, "ok"))
        status, headers, text = node.request("/metrics")
        self.assertTrue(headers["Content-Type"].startswith("text/plain"))
        self.assertRegex(text, r'(?m)^muster_\w+\{[^}]*service="shop"[^}]*\} ')
        for line in text.splitlines():
            self.assertRegex(line, r'^(# (HELP|TYPE) muster_\w+ .+|muster_\w+(\{.*\})? (\S+))$')
        document = json.loads(node.request("/api/v1/openapi.json")[2])
        self.assertTrue(document["openapi"].startswith("3."))
        for path, methods in document["paths"].items():
            if "get" in methods and "{" not in path and path != "/api/v1/stream":
                self.assertEqual(node.request(path)[0], 200, path)
        status, headers, page = node.request("/")
        self.assertTrue(headers["Content-Type"].startswith("text/html"))
        self.assertIn("default-src 'none'", headers["Content-Security-Policy"])
        self.assertIn("/api/v1/stream", page, "the page shows what the stream says")
        self.assertNotIn("src=\"http", page)
        self.assertIn("shop", node.request("/api/v1/status")[2])
        self.assertEqual(node.request("/api/v1/nothing")[0], 404)
        self.assertEqual(node.request("/api/v1/runs/none")[0], 404)
        self.assertEqual(node.request("/api/v1/status", "DELETE")[0], 405)
        self.assertEqual(node.request("/api/v1/runs?limit=no")[0], 400)

    def test_the_unix_socket_is_the_owners_alone(self):
        node = self.node().start()
        path = node.data / "muster.sock"
        self.assertTrue(stat.S_ISSOCK(path.stat().st_mode))
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(path))
            client.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
            answer = b""
            while more := client.recv(4096):
                answer += more
        self.assertTrue(answer.startswith(b"HTTP/1.1 200"), answer)
        self.assertEqual(stat.S_IMODE(path.stat().st_mode) & 0o077, 0)

    def test_hostile_requests_do_no_harm(self):
        node = self.node().start()
        port = int(node.url.rsplit(":", 1)[1])
        for bytes_sent in (b"\0" * 100_000, b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 100_000, os.urandom(100_000),
                           b"POST /api/v1/reload HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999\r\n\r\n",
                           b"GET " + b"/x" * 100_000 + b" HTTP/1.1\r\n\r\n"):
            with socket.create_connection(("127.0.0.1", port), timeout=20) as client:
                try:
                    client.sendall(bytes_sent)
                    client.shutdown(socket.SHUT_WR)
                    while client.recv(65536):
                        pass
                except OSError:
                    pass
        self.assertEqual(node.request("/healthz")[0], 200)
        self.assertEqual(node.terminate(), 0)

    def test_probing_by_hand(self):
        done = self.muster("probe", self.plan, "part")
        self.assertRegex(done.stdout, r"shop/part@here\S* +up ")
        self.assertTrue(json.loads(self.muster("probe", self.plan, "shop/part", "--json").stdout)["is_up"])
        (self.folder / "up").unlink()
        done = self.muster("probe", self.plan, "part", code=1)
        self.assertRegex(done.stdout, "down")
        self.assertIn("shop/part", self.muster("probe", self.plan, "nothing", code=2).stderr)

    def test_procedures_ask_fail_resume_and_roll_back(self):
        node = self.node().start()
        run = node.json("run", "start", "ask")["run"]
        self.eventually("the run to ask", lambda: node.json("run", "show", run)["status"] == "waiting")
        node.cli("run", "approve", run, "may")
        self.eventually("the run to end", lambda: node.json("run", "show", run)["status"] == "done")
        self.assertEqual(node.json("run", "show", run)["steps"][1]["outputs"]["stdout"], "hello")

        node.cli("run", "start", "fail", "--wait", code=1)
        run = node.runs()[0]["id"]
        self.assertTrue((self.folder / "one").exists())
        node.cli("run", "rollback", run)
        self.eventually("the rollback", lambda: node.json("run", "show", run)["status"] == "rolled_back")
        self.assertFalse((self.folder / "one").exists())

        node.cli("run", "start", "fail", "--wait", code=1)
        run = node.runs()[0]["id"]
        self.file("two")
        node.cli("run", "resume", run)
        self.eventually("the run to end", lambda: node.json("run", "show", run)["status"] == "done")

        run = node.json("run", "start", "short")["run"]
        self.eventually("the step to run", lambda: node.json("run", "show", run)["steps"][0]["status"] == "running")
        node.cli("run", "abort", run)
        self.eventually("the run to be aborted", lambda: node.json("run", "show", run)["status"] == "aborted")
        nap, say = node.json("run", "show", run)["steps"]
        self.assertEqual((nap["status"], say["status"]), ("done", "pending"), "what is under way may end, no more")
        node.cli("run", "start", "nothing", code=1)


class ServeTls(ServeCase):
    def test_with_tls_it_may_listen_elsewhere(self):
        key, certificate = self.folder / "key.pem", self.folder / "cert.pem"
        self.account.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                         "-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                         "-keyout", key, "-out", certificate)
        self.file("up")
        plan = self.write_plan("tls")
        node = stage.Node(self, plan, listen="0.0.0.0:0", more=(
            "--site", "here", "--tls-cert", certificate, "--tls-key", key)).start()
        url = f"https://localhost:{node.url.rsplit(':', 1)[1]}"
        done = self.muster("--url", url, "status", environment={"MUSTER_CA": str(certificate)})
        self.assertIn("shop", done.stdout)
        self.muster("--url", url, "status", code=1)


if __name__ == "__main__":
    stage.main()

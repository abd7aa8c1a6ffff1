#!/usr/bin/env python3
"""A bad environment at the start: nothing moves on half a picture, and the node says what is wrong."""
import stage
from stage import cluster

PASSWORD = "correct-horse-battery"


class BadEnvironment(stage.Case):
    def test_a_standby_that_is_down_leaves_the_service_up_and_exposed(self):
        east, west = self.pair()
        node = stage.Node(self, self.pair_plan(east, west)).start_watching()
        self.stop(west)
        self.eventually("the standby to be missed", lambda: node.service()["condition"] == "exposed")
        self.stays(node, 3)
        self.assertTrue(self.is_writable(east))
        west.start()
        self.eventually("all to be well", lambda: node.service()["condition"] == "ok")

    def test_two_writable_sides_stop_all_moves_and_are_named(self):
        east, west = self.pair()
        self.promote(west)
        node = stage.Node(self, self.pair_plan(east, west)).start()
        self.eventually("both writers to be seen", lambda: node.service()["decision"]["kind"] == "halt")
        self.stays(node)
        why = node.cli("why", "shop").stdout
        self.assertIn("2 sites take writes at once (east, west)", why)
        self.assertTrue(self.is_writable(east) and self.is_writable(west), "muster touched neither")
        node.cli("switchover", "shop", "--yes", code=1)
        self.assertEqual(node.runs(), [])

    def test_a_password_in_the_plan_is_refused_and_not_shown(self):
        east, west = self.pair()
        plan = self.pair_plan(east, west)
        text = plan.read_text(encoding="utf-8")
        plan.write_text(text.replace(" dbname=", f" password={PASSWORD} dbname="), encoding="utf-8")
        for argv in (["serve", plan, "--data", self.folder / "data"], ["probe", plan, "orders"], ["validate", plan]):
            done = self.muster(*argv, code=2, timeout=20)
            self.assertIn("passfile", done.stderr, argv)
            self.assertNotIn(PASSWORD, done.stdout + done.stderr, argv)

    def test_a_wrong_password_is_told_but_not_shown(self):
        east, west = self.pair()
        for server in (east, west):
            self.want_passwords(server)
            self.account.run(server.bin / "pg_ctl", "-D", server.data, "reload")
        passwords = self.file("passwords", f"*:*:*:*:{PASSWORD}\n", 0o600)
        plan = self.pair_plan(east, west)
        text = plan.read_text(encoding="utf-8")
        plan.write_text(text.replace(" dbname=", f" passfile={passwords} dbname="), encoding="utf-8")
        node = stage.Node(self, plan, more=("--log-level", "debug")).start()
        self.eventually("the refusal to be told", lambda: "password authentication failed" in
                        node.cli("status", "--json").stdout)
        self.stays(node, 4)
        shown = [node.log.read_text(encoding="utf-8")]
        shown += [node.cli(*argv).stdout for argv in (
            ["status"], ["status", "--json"], ["why", "shop"], ["why", "shop", "--json"], ["events"],
            ["events", "--json"])]
        shown += [node.request(path)[2] for path in (
            "/metrics", "/api/v1/plan", "/api/v1/status?history=true", "/healthz")]
        done = self.muster("probe", plan, "orders", code=1)
        shown += [done.stdout, done.stderr]
        for text in shown:
            self.assertNotIn(PASSWORD, text)
        self.assertEqual(node.terminate(), 0)
        self.assertNotIn(PASSWORD.encode(), b"".join(
            path.read_bytes() for path in node.data.glob("*") if path.is_file()), "the store holds the password")

    def want_passwords(self, server):
        path = server.data / "pg_hba.conf"
        path.write_text("host all all 127.0.0.1/32 scram-sha-256\nhost replication all 127.0.0.1/32 trust\n",
                        encoding="utf-8")

    def test_a_server_that_is_no_postgresql_is_told(self):
        east, west = self.pair()
        plan = self.pair_plan(east, west)
        text = plan.read_text(encoding="utf-8")
        plan.write_text(text.replace(f"port={east.port}", f"port={cluster.free_port()}"), encoding="utf-8")
        done = self.muster("probe", plan, "orders", code=1)
        self.assertRegex(done.stdout, r"orders@east\S* +down +hard .*refused")
        self.assertRegex(done.stdout, r"orders@west\S* +up ")


if __name__ == "__main__":
    stage.main()

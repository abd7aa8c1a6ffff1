#!/usr/bin/env python3
"""PostgreSQL in trouble: each thing is named with what mends it, and nothing moves that should not."""
import stage


class BadPostgres(stage.Case):
    def test_a_node_that_starts_before_its_servers_moves_nothing_and_comes_up_with_them(self):
        east, west = self.pair()
        self.stop(west)
        self.stop(east)
        node = stage.Node(self, self.pair_plan(east, west)).start()
        self.eventually("the loss to be seen", lambda: node.service()["condition"] == "down")
        self.told(node, "orders: .*the server is stopped")
        self.stays(node)
        self.assertIn("orders@east", node.cli("why", "shop").stdout)
        self.assertTrue((west.data / "standby.signal").exists(), "nobody promoted it")
        east.start()
        west.start()
        self.eventually("all to be well", lambda: node.service()["condition"] == "ok")
        self.assertEqual(node.runs(), [])
        self.assertTrue(self.is_writable(east))

    def test_a_primary_that_is_down_from_the_start_is_left_to_a_person(self):
        """Nobody has seen it up where the plan says it is: it may as well be a wrong port."""
        east, west = self.pair()
        self.stop(east)
        node = stage.Node(self, self.pair_plan(east, west)).start()
        self.eventually("the reason to be told",
                        lambda: "never seen up where the plan says" in node.cli("why", "shop").stdout)
        self.eventually("the loss to be seen", lambda: node.service()["condition"] == "down")
        self.stays(node)
        self.assertIn("orders@east", node.cli("why", "shop").stdout)
        self.assertIsNone(node.service()["rpo_now_s"], "what is not measured is unknown")
        self.told(node, "unknown / 5s")
        self.assertFalse(self.is_writable(west))
        east.start()
        self.eventually("all to be well", lambda: node.service()["condition"] == "ok")

    def test_a_wrong_password_is_no_outage_even_where_the_standby_has_lost_the_primary(self):
        """Silence of the primary, and a standby that lost it, would be enough for a move."""
        east, west = self.pair()
        node = stage.Node(self, self.pair_plan(east, west)).start_watching()
        self.eventually("all to be well", lambda: node.service()["condition"] == "ok")
        trusting = (east.data / "pg_hba.conf").read_text(encoding="utf-8")
        (east.data / "pg_hba.conf").write_text(
            "local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n", encoding="utf-8")
        east.address = str(east.folder)
        east.sql("SELECT pg_reload_conf()")
        east.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
                 "AND backend_type IN ('walsender', 'client backend')")
        self.eventually("the refusal to be told", lambda: node.service()["condition"] == "unknown")
        self.told(node, "orders: it lives, and refuses the probe: .*(password|no entry).*"
                        "(check user and password in the conninfo, and pg_hba.conf|put the password)")
        self.stays(node, 10)
        self.assertFalse(self.is_writable(west))
        self.assertTrue(self.is_writable(east), "it served on")
        self.assertEqual(node.service()["decision"]["kind"], "watch")
        (east.data / "pg_hba.conf").write_text(trusting, encoding="utf-8")
        east.sql("SELECT pg_reload_conf()")
        self.eventually("all to be well", lambda: node.service()["condition"] == "ok")


if __name__ == "__main__":
    stage.main()

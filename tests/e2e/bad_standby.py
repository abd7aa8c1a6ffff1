#!/usr/bin/env python3
"""A standby that answers and protects nothing is named, with what mends it."""
import stage


class BadStandby(stage.Case):
    def astray(self):
        """A standby that was promoted by hand, written to, and made a standby again: on its own timeline."""
        east, west = self.pair()
        self.promote(west)
        west.sql("INSERT INTO orders (id) VALUES ('astray')")
        west.sql("CHECKPOINT", database="postgres")
        self.stop(west)
        (west.data / "standby.signal").touch()
        self.account.own(west.data / "standby.signal")
        west.start()
        node = stage.Node(self, self.pair_plan(east, west)).start_watching()
        self.eventually("the standby to be missed", lambda: node.service()["condition"] == "exposed")
        return east, west, node

    def test_a_standby_on_another_timeline_is_named_and_not_promoted_by_itself(self):
        east, west, node = self.astray()
        self.told(node, "orders@west: does not follow the primary: it is on timeline 2 up to \\S+, the primary still on "
                        "timeline 1: it was promoted once; make it a standby again: muster rebuild shop --to west")
        stage.cluster.kill(east.processes())
        self.eventually("a person to be asked", lambda: node.service()["decision"]["kind"] == "approval")
        self.stays(node)
        self.assertEqual(west.sql("SELECT count(*) FROM orders WHERE id = 'astray'").strip(), "1", "nothing is lost")

    def test_a_standby_that_was_promoted_once_is_mended_by_the_command_that_is_named(self):
        _, west, node = self.astray()
        node.cli("rebuild", "shop", "--to", "west", "--yes", "--wait")
        self.eventually("all to be well", lambda: node.service()["condition"] == "ok")
        self.assertEqual(west.sql("SELECT count(*) FROM orders WHERE id = 'astray'").strip(), "0")
        kept = [path.read_text(encoding="utf-8") for path in (self.folder / "kept").rglob("manifest.json")]
        self.assertTrue(any("orders" in manifest for manifest in kept), f"what it had alone was kept first: {kept}")

    def test_a_standby_whose_wal_is_gone_from_the_primary_is_named_and_mended(self):
        east, west = self.pair()
        self.stop(west)
        east.sql("ALTER SYSTEM SET wal_keep_size = 0", database="postgres")
        east.sql("SELECT pg_reload_conf()", database="postgres")
        for _ in range(4):
            east.sql("INSERT INTO orders SELECT gen_random_uuid()::text FROM generate_series(1, 100)")
            east.sql("SELECT pg_switch_wal()")
        east.sql("CHECKPOINT", database="postgres")
        east.sql("CHECKPOINT", database="postgres")
        west.start()
        node = stage.Node(self, self.pair_plan(east, west)).start_watching()
        self.eventually("the standby to be missed", lambda: node.service()["condition"] == "exposed")
        self.told(node, "orders@west: does not follow the primary: it needs WAL from 0/[0-9A-F]+ on, and the oldest "
                        "that the primary still has is 0/[0-9A-F]+; make it a standby again: "
                        "muster rebuild shop --to west")
        self.stays(node, 2)
        node.cli("rebuild", "shop", "--to", "west", "--yes", "--wait")
        self.eventually("all to be well", lambda: node.service()["condition"] == "ok")
        self.assertEqual(west.sql("SELECT count(*) FROM orders").strip(), east.sql("SELECT count(*) FROM orders").strip())


if __name__ == "__main__":
    stage.main()

#!/usr/bin/env python3
"""The standby's disk fills up: the service stays up, and the full disk is named."""
import os
import pathlib

import stage


class BadDisk(stage.Case):
    def test_a_standby_with_a_full_disk_is_told_and_the_service_stays_up(self):
        east = self.server("east")
        self.small_disk("west", 260)
        west = self.server("west", east)
        node = stage.Node(self, self.pair_plan(east, west)).start_watching()
        self.eventually("all to be well", lambda: node.service()["condition"] == "ok")
        room = os.statvfs(west.data)
        ballast = west.folder / "ballast"
        with open(ballast, "wb") as file:
            file.write(b"\0" * max(0, room.f_bavail * room.f_frsize - (1 << 20)))
        for number in range(4):
            east.sql(f"INSERT INTO orders SELECT '{number}-' || n FROM generate_series(1, 20000) n")
            east.sql("SELECT pg_switch_wal()")
        self.eventually("the standby to be missed", lambda: node.service()["condition"] == "exposed")
        self.told(node, r"orders@west: .*the disk of \S+/pg_wal is full \(\d+ MiB left\): make room there")
        self.assertEqual(node.runs(), [])
        self.assertTrue(self.is_writable(east))
        ballast.unlink()
        if not west.processes() or not pathlib.Path(f"/proc/{west.processes()[0]}").exists():
            west.start()
        self.eventually("all to be well", lambda: node.service()["condition"] == "ok")


if __name__ == "__main__":
    stage.main()

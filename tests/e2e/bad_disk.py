#!/usr/bin/env python3
"""The standby's disk fills up: the service stays up, and the full disk is named."""
import ctypes
import os
import pathlib
import re
import subprocess
import unittest

import stage
from stage import cluster

CLONE_NEWNS = 0x00020000


def why_not():
    """Mounting a small disk takes root, in a mount namespace of our own."""
    if os.getuid() != 0:
        return "needs root, to mount a small disk"
    done = subprocess.run(["unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", "/mnt"], capture_output=True, check=False)
    return "" if done.returncode == 0 else "may not mount here (a container needs CAP_SYS_ADMIN)"


@unittest.skipIf(why_not(), why_not())
class BadDisk(stage.Case):
    def small_disk(self, megabytes):
        """A folder with so much room, that only this program and its children see."""
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNS) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        subprocess.run(["mount", "--make-rprivate", "/"], check=True)
        folder = self.folder / "west"
        folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={megabytes}m,mode=755", "tmpfs", str(folder)], check=True)
        self.account.own(folder)
        self.addCleanup(subprocess.run, ["umount", "-l", str(folder)], check=True)
        return folder

    def pair_on_small_disk(self):
        (self.folder / "east").mkdir()
        self.account.own(self.folder / "east")
        folder = self.small_disk(260)
        east = cluster.Postgres(self.account, self.folder / "east", cluster.free_port())
        west = cluster.Postgres(self.account, folder, cluster.free_port())
        east.create_primary()
        west.create_standby(east)
        return east, west

    def test_a_standby_with_a_full_disk_is_told_and_the_service_stays_up(self):
        east, west = self.pair_on_small_disk()
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
        self.eventually("the disk to be named", lambda: re.search(
            r"orders@west: .*the disk of \S+/pg_wal is full \(\d+ MiB left\): make room there", node.cli("status").stdout))
        self.assertEqual(node.runs(), [])
        self.assertTrue(self.is_writable(east))
        ballast.unlink()
        if not west.processes() or not pathlib.Path(f"/proc/{west.processes()[0]}").exists():
            west.start()
        self.eventually("all to be well", lambda: node.service()["condition"] == "ok")


if __name__ == "__main__":
    stage.main()

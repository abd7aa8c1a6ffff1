#!/usr/bin/env python3
"""A repository on a disk that is full, or that nothing may be written to: what is said, and what works all the same."""
import os
import random
import subprocess
import time

import backup_stage
import stage

MIB = 1 << 20


class SmallDisk(backup_stage.Case):
    def setUp(self):
        if os.geteuid() != 0:
            self.skipTest("only root can mount a small disk")
        super().setUp()
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "none", self.disk], check=True)
        self.addCleanup(subprocess.run, ["umount", self.disk], check=True)
        self.repository = self.disk / "repository"
        self.environment["RESTIC_REPOSITORY"] = str(self.repository)
        self.muster("repo", "init")
        self.source = self.folder / "source"
        self.source.mkdir()
        self.random = random.Random(6)
        self.write("kept", 2)
        self.muster("backup", self.source)

    def write(self, name, mebibytes):
        (self.source / name).write_bytes(self.random.randbytes(mebibytes * MIB))

    def full(self, *argv):
        """Ends soon, names what to do, and leaves the repository whole."""
        begun = time.monotonic()
        done = self.muster(*argv, code=1)
        self.assertLess(time.monotonic() - begun, 60, "it was tried again and again")
        self.assertIn("No space left on device", done.stderr)
        self.assertIn("make room", done.stderr)
        self.assertEqual(self.files_of("locks"), [])
        return done

    def fill(self, left):
        """Other files take the disk but for so many bytes."""
        room = os.statvfs(self.disk)
        (self.disk / "other").write_bytes(bytes(room.f_bavail * room.f_frsize - left))

    def test_a_backup_and_a_copy_that_do_not_fit_end_at_once_and_harm_nothing(self):
        before = self.snapshots()
        self.write("big", 40)
        self.full("backup", self.source)
        self.check()
        password = self.folder / "password"
        password.write_text(backup_stage.PASSWORD, encoding="utf-8")
        other = self.folder / "other"
        self.muster("repo", "init", "-r", other)
        self.muster("backup", "-r", other, self.source)
        self.full("copy", "--from-repo", other, "--from-password-file", password)
        self.check()
        self.assertEqual(self.snapshots(), before)
        # What both left behind goes, and then there is room again.
        self.muster("prune")
        (self.source / "big").unlink()
        self.write("small", 4)
        self.muster("backup", self.source)
        self.check()

    def test_a_full_repository_is_pruned_in_the_way_that_is_named(self):
        for number in range(9):
            self.write(f"file{number}", 1)
        self.muster("backup", self.source)
        for number in range(0, 9, 2):
            (self.source / f"file{number}").unlink()
        self.muster("backup", self.source)
        self.muster("forget", "--keep-last", "1")
        self.fill(64 << 10)
        self.assertIn("--max-repack-size 0", self.full("prune", "--max-unused", "0").stderr)
        self.muster("prune", "--max-unused", "0", "--max-repack-size", "0")
        self.check()

    def test_what_nothing_may_be_written_to_can_be_read_as_it_is_said(self):
        for name in ("full", "read-only"):
            if name == "full":
                self.fill(0)
            else:
                (self.disk / "other").unlink()
                subprocess.run(["mount", "-o", "remount,ro", self.disk], check=True)
            for argv in (["snapshots"], ["restore", "latest", "--target", self.folder / name], ["check"]):
                self.assertIn("--no-lock", self.muster(*argv, code=1).stderr, name)
                done = self.muster(*argv, "--no-lock")
                self.assertNotIn("lock the repository", done.stdout)
            place = self.folder / name / str(self.source).lstrip("/")
            self.assertEqual(backup_stage.picture(place), backup_stage.picture(self.source))


if __name__ == "__main__":
    stage.main()

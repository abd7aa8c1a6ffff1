#!/usr/bin/env python3
"""Object lock from the command line, at a real S3 server: what is locked stays, whoever forgets and prunes."""
import json
import random
import subprocess

import backup_stage
import stage

ACCESS_KEY, SECRET_KEY = "MUSTERTEST", "secret/+key"
DAY = ("--object-lock-days", "1")


class ObjectLock(backup_stage.Case):
    server = None
    buckets = 0

    @classmethod
    def setUpClass(cls):
        cls.server = subprocess.Popen([stage.BUILD / "tests" / "muster_s3_server"], stdin=subprocess.PIPE,
                                      stdout=subprocess.PIPE, text=True)
        cls.port = cls.server.stdout.readline().strip()
        if not cls.port:
            raise RuntimeError("the S3 server did not start")

    @classmethod
    def tearDownClass(cls):
        cls.server.communicate()

    def setUp(self):
        super().setUp()
        ObjectLock.buckets += 1
        self.environment |= {"AWS_ACCESS_KEY_ID": ACCESS_KEY, "AWS_SECRET_ACCESS_KEY": SECRET_KEY,
                             "RESTIC_REPOSITORY": f"s3:http://127.0.0.1:{self.port}/bucket-{self.buckets}"}
        self.source = self.folder / "source"
        self.source.mkdir()
        self.random = random.Random(5)

    def snapshot(self, *options):
        """A snapshot of a source of which half is new; its id."""
        for name in ("same", f"new{self.random.random()}"):
            path = self.source / name
            if not path.exists():
                path.write_bytes(self.random.randbytes(300_000))
        return self.backup(*options, self.source)["snapshot_id"]

    def objects(self):
        """What holds the data."""
        return {kind: sorted(self.muster("list", kind).stdout.split()) for kind in ("index", "packs")}

    def restored_as_saved(self, snapshot):
        place = self.restored(snapshot)
        self.assertEqual(backup_stage.picture(place / str(self.source).lstrip("/")),
                         backup_stage.picture(self.source))

    def test_what_is_locked_stays_and_what_is_not_goes(self):
        self.muster("repo", "init", *DAY)
        first, second = self.snapshot(*DAY), self.snapshot(*DAY)
        locked = self.objects()
        dry = self.muster("forget", "--keep-last", "1", "--prune", "-n")
        self.assertIn("would remove 0 snapshots", dry.stdout)
        done = self.muster("forget", "--keep-last", "1", "--prune")
        self.assertRegex(done.stdout, rf"snapshot {first[:8]} stays: it is locked until 20\d\d-")
        self.assertIn("removed 0 snapshots", done.stdout)
        self.assertEqual(done.stderr, "")
        self.assertIn("it is locked until", self.muster("forget", first, code=3).stderr)
        self.assertEqual({snapshot["id"] for snapshot in self.snapshots()}, {first, second})

        third = self.snapshot()
        self.assertGreater(len(self.objects()["packs"]), len(locked["packs"]))
        self.muster("forget", third, "--prune")
        self.assertEqual(self.objects(), locked)
        self.check()

        # restic does not know of locks: it hides the snapshot, and its data are used by nothing.
        self.restic("forget", "-q", first)
        self.assertEqual([snapshot["id"] for snapshot in self.snapshots()], [second])
        left = self.objects()
        for _ in range(2):
            done = self.muster("prune", "--max-unused", "0")
            self.assertRegex(done.stdout, r"locked files that stay: \d+, the last of them until 20\d\d-")
            self.assertRegex(done.stdout, r"\d+ packs? with unused data stay for now")
            self.assertEqual(done.stderr, "")
            self.assertEqual(self.objects(), left, "what can't be removed is not written anew either")
        told = json.loads(self.muster("--json", "prune", "--max-unused", "0", *DAY).stdout.splitlines()[-1])
        self.assertGreater(told["packs"]["locked"], 0)
        self.assertEqual((told["packs"]["remove"], told["packs"]["repack"]), (0, 0))
        self.check()
        self.restored_as_saved(self.snapshot())

    def test_a_bucket_without_object_lock_is_no_place_for_locks(self):
        self.muster("repo", "init")
        self.snapshot()
        before = self.objects()
        refused = self.muster("backup", *DAY, self.source, code=2)
        self.assertIn("has no object lock", refused.stderr)
        self.assertIn("muster repo init --object-lock-days", refused.stderr)
        self.assertEqual(self.objects(), before)
        self.check()

    def test_a_wrong_key_is_named(self):
        self.muster("repo", "init")
        refused = self.muster("snapshots", environment={"AWS_SECRET_ACCESS_KEY": "wrong"}, code=1)
        self.assertIn("check AWS_SECRET_ACCESS_KEY", refused.stderr)


if __name__ == "__main__":
    stage.main()

#!/usr/bin/env python3
"""Looking after a repository: muster and stock restic check, forget, prune, copy and repair in turn, and agree."""
import json
import random
import shutil
import signal

import backup_stage
import stage


class Care(backup_stage.Case):
    def setUp(self):
        super().setUp()
        self.source = self.folder / "source"
        self.source.mkdir()
        self.random = random.Random(4)
        for number in range(60):
            self.change(number)
        self.file("big", 6 << 20)

    def file(self, name, size):
        path = self.source / f"d{len(name) % 3}" / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(self.random.randbytes(size))

    def change(self, number):
        self.file(f"file{number}", self.random.randrange(30_000))

    def history(self):
        """Five snapshots, by both in turn; their pictures by id."""
        pictures = {}
        for turn in range(5):
            for number in range(turn, 60, 7):
                self.change(number)
            self.file("big", 3 << 20)
            backup = self.backup if turn % 2 else self.restic_backup
            pictures[backup(self.source)["snapshot_id"][:8]] = backup_stage.picture(self.source)
        return pictures

    def restores(self, pictures):
        for snapshot, picture in pictures.items():
            place = self.restored(snapshot)
            self.assertEqual(backup_stage.picture(place / str(self.source).lstrip("/")), picture)

    def remaining(self, pictures):
        left = {snapshot["short_id"] for snapshot in self.snapshots()}
        self.assertTrue(left)
        return {snapshot: picture for snapshot, picture in pictures.items() if snapshot in left}

    def summary(self, *argv, **more):
        done = self.muster(*argv, "--json", **more)
        return json.loads(done.stdout.splitlines()[-1])

    def test_what_is_pruned_by_either_is_good_for_both(self):
        pictures = self.history()
        self.assertEqual(self.summary("check", "--read-data")["num_errors"], 0)
        self.muster("forget", "--keep-last", "3", "--prune", "--max-unused", "0")
        self.check()
        pictures = self.remaining(pictures)
        self.assertEqual(len(pictures), 3)
        self.restores(pictures)
        self.assertIn("total prune:           0 blobs", self.restic("prune", "-n", "--max-unused", "0").stdout)
        self.restic("forget", "--keep-last", "2", "--prune", "--max-unused", "0")
        self.assertEqual(self.summary("check", "--read-data")["num_errors"], 0)
        plan = self.summary("prune", "-n", "--max-unused", "0")
        self.assertEqual((plan["blobs"]["unused"], plan["packs"]["repack"], plan["packs"]["remove"]), (0, 0, 0))
        pictures |= self.history()
        self.muster("prune", "--repack-small", "--max-unused", "1%")
        self.check()
        self.restores(self.remaining(pictures))

    def test_forget_chooses_as_restic_does(self):
        for day in range(1, 9):
            for hour in (3, 15):
                self.restic("backup", "-q", "--time", f"2026-02-{day:02} {hour:02}:30:00", "--tag", f"h{hour}",
                            self.source / "d0")
        for rules in (["--keep-last", "3"], ["--keep-daily", "5", "--keep-weekly", "2"], ["--keep-within", "3d13h"],
                      ["--keep-hourly", "4", "--keep-tag", "h3"], ["--keep-last", "1", "--group-by", "tags"]):
            theirs = json.loads(self.restic("forget", "-n", "--json", *rules).stdout)
            ours = json.loads(self.muster("forget", "-n", "--json", *rules).stdout)

            def kept(groups):
                return sorted(snapshot["id"] for group in groups for snapshot in group["keep"])

            def keys(group):
                return group["host"], group["paths"], group["tags"]

            self.assertEqual(kept(ours), kept(theirs), rules)
            self.assertEqual(sorted(map(repr, map(keys, ours))), sorted(map(repr, map(keys, theirs))), rules)
        before = self.files_of("snapshots")
        self.muster("forget", before[0], before[1])
        self.assertEqual(self.files_of("snapshots"), before[2:])
        self.muster("forget", "0123abcd", code=1)
        self.muster("forget", code=2)

    def test_a_copy_restores_the_same_and_is_made_once(self):
        pictures = self.history()
        other = self.folder / "other"
        password = self.folder / "password"
        password.write_text(backup_stage.PASSWORD, encoding="utf-8")
        for version in ("1", "2"):
            shutil.rmtree(other, ignore_errors=True)
            self.muster("repo", "init", "--repository-version", version, "-r", other)
            source = ["--from-repo", self.repository, "--from-password-file", password]
            self.assertEqual(self.summary("copy", "-r", other, *source)["snapshots_copied"], 5)
            again = self.summary("copy", "-r", other, *source)
            self.assertEqual((again["snapshots_copied"], again["snapshots_skipped"]), (0, 5))
            self.assertNotIn("saved", self.restic("-r", self.repository, "copy", "--repo2", other,
                                                  "--password-file2", password).stdout)
            self.restic("-r", other, "check", "--read-data", "-q")
            for snapshot in json.loads(self.restic("-r", other, "snapshots", "--json").stdout):
                place = self.restored(snapshot["id"], environment={"RESTIC_REPOSITORY": str(other)})
                self.assertEqual(backup_stage.picture(place / str(self.source).lstrip("/")),
                                 pictures[snapshot["original"][:8]])

    def test_damage_is_named_and_mended(self):
        pictures = self.history()
        pack = max((self.repository / "data").rglob("*"), key=lambda path: path.is_file() and path.stat().st_size)
        content = bytearray(pack.read_bytes())
        content[len(content) // 3] ^= 1
        pack.chmod(0o600)
        pack.write_bytes(content)
        found = self.muster("check", "--read-data", code=1)
        self.assertIn(pack.name, found.stderr)
        self.assertIn("can't be restored whole", found.stderr)
        self.assertIn("muster repair packs " + pack.name, found.stdout)
        self.muster("repair", "packs", pack.name)
        self.muster("repair", "snapshots", "--forget")
        self.muster("prune")
        self.assertEqual(self.summary("check", "--read-data")["num_errors"], 0)
        self.check()
        self.assertEqual(len(self.snapshots()), len(pictures))

    def test_a_damaged_snapshot_stands_in_nobodys_way_but_who_removes(self):
        tree = self.folder / "tree"
        tree.mkdir()
        (tree / "a").write_text("one", encoding="utf-8")
        kept = self.backup("tree")["snapshot_id"]
        (tree / "a").write_text("two", encoding="utf-8")
        damaged = self.backup("tree")["snapshot_id"]
        path = self.repository / "snapshots" / damaged
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:-5])

        def warned(code, *argv):
            done = self.muster(*argv, code=code)
            self.assertIn(f"warning: snapshot {damaged[:8]}", done.stderr)
            return done.stdout

        self.assertIn(kept[:8], warned(1, "snapshots"))
        self.assertEqual([one["id"] for one in json.loads(warned(1, "--json", "snapshots"))], [kept])
        warned(0, "restore", "latest", "--target", "back")
        self.assertEqual((self.folder / "back/tree/a").read_text(encoding="utf-8"), "one")
        self.assertEqual(warned(0, "dump", "latest", "/tree/a"), "one")
        for argv in (["ls", "latest"], ["diff", kept, kept], ["backup", "tree"]):
            warned(0, *argv)
        for argv in (["find", "a"], ["stats"]):
            warned(1, *argv)
        there = self.files_of("data")
        for argv in (["forget", "--keep-last", "1"], ["prune"], ["forget", "--keep-last", "1", "--prune"]):
            self.assertIn(damaged[:8], self.muster(*argv, code=1).stderr)
        self.assertEqual(self.files_of("data"), there)
        self.assertIn(kept, self.files_of("snapshots"))
        self.assertIn(f"muster forget {damaged}", self.muster("check", code=1).stdout)
        warned(1, "forget", damaged[:8])
        warned(0, "forget", damaged, "--prune")
        self.assertNotIn(damaged, self.files_of("snapshots"))
        self.check()

    def test_a_lost_index_and_lost_packs_are_mended(self):
        pictures = self.history()
        for path in (self.repository / "index").iterdir():
            path.unlink()
        self.muster("prune", code=1)
        self.muster("repair", "index")
        self.check()
        self.restores(pictures)
        sizes = sorted((path.stat().st_size, path) for path in (self.repository / "data").rglob("*") if path.is_file())
        sizes[-1][1].unlink()
        before = self.files_of("data")
        self.muster("prune", code=1)
        self.assertEqual(self.files_of("data"), before)
        self.muster("repair", "index")
        self.muster("repair", "snapshots", "--forget")
        self.assertEqual(self.summary("check", "--read-data")["num_errors"], 0)
        self.check()

    def test_statistics_are_those_of_restic(self):
        self.history()
        for mode in ("restore-size", "files-by-contents", "blobs-per-file", "raw-data"):
            theirs = json.loads(self.restic("stats", "--json", "--mode", mode).stdout)
            ours = json.loads(self.muster("stats", "--json", "--mode", mode).stdout)
            for name in set(theirs) - ({"total_file_count"} if mode == "raw-data" else set()):
                self.assertEqual(ours[name], theirs[name], (mode, name))

    def test_a_lock_of_somebody_else_keeps_all_of_them_out(self):
        self.history()
        holder = self.start("check")
        self.eventually("the lock to be there", lambda: self.files_of("locks"))
        holder.send_signal(signal.SIGSTOP)
        for argv in (["check"], ["prune"], ["forget", "--keep-last", "1"], ["repair", "index"], ["repair", "snapshots"],
                     ["stats"]):
            self.assertIn("locked exclusively", self.muster(*argv, code=11).stderr, argv)
        self.muster("snapshots", "--no-lock")
        password = self.folder / "password"
        password.write_text(backup_stage.PASSWORD, encoding="utf-8")
        other = self.folder / "other"
        self.muster("repo", "init", "-r", other)
        for argv in (["backup", self.source], ["tag", "--add", "x"], ["prune"],
                     ["copy", "--from-repo", other, "--from-password-file", password]):
            self.muster(*argv, "--no-lock", code=11)  # A prune would take away what they write.
        self.muster("backup", "--dry-run", self.source, "--no-lock")
        self.kill(holder)
        self.muster("check")  # Its process does not run any more: its lock is nobody's.

    def test_bad_options_are_refused_before_anything_happens(self):
        self.history()
        before = [self.files_of(kind) for kind in ("data", "index", "snapshots", "locks")]
        for argv in (["prune", "--max-unused", "x"], ["prune", "--max-repack-size", "-1"],
                     ["check", "--read-data-subset", "9/4"], ["check", "--read-data-subset", ""],
                     ["forget", "--keep-last", "many"], ["forget", "--keep-within", "3"], ["copy"],
                     ["stats", "--mode", "nonsense"], ["repair"],
                     ["prune", "--unsafe-recover-no-free-space", "0123"]):
            self.muster(*argv, code=2)
        self.assertEqual([self.files_of(kind) for kind in ("data", "index", "snapshots", "locks")], before)


if __name__ == "__main__":
    stage.main()

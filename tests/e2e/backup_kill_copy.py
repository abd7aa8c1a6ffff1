#!/usr/bin/env python3
"""muster copy is killed (kill -9) at random moments; the other repository stays whole and has all in the end."""
from backup_stage import picture
from kill_stage import COMPARED, SHRINK, Engine, Killing, main


class Copying(Engine):
    """copy into another repository: that one is checked, and has all in the end."""

    def __init__(self, case, seed):
        super().__init__(case, seed)
        self.source = case.folder / "source"
        case.muster("repo", "init", "--repo", self.source, "--copy-chunker-params-from", case.repository)
        secret = case.folder / "secret"
        secret.write_text(case.environment["RESTIC_PASSWORD"], encoding="utf-8")
        secret.chmod(0o600)
        self.secret = secret
        case.replace_keys(self.source)

    def prepare(self):
        self.corpus.change()
        self.run(["--json", "backup", "--repo", self.source, "--pack-size", "4", "tree"])

    def argv(self):
        return ["copy", "--from-repo", self.source, "--from-password-file", self.secret, "--pack-size", "4"]

    def finish(self):
        self.prepare()
        self.run(self.argv())
        self.check()
        copies = {snapshot.get("original"): snapshot["id"] for snapshot in self.case.snapshots()}
        self.case.assertEqual(len(copies), len(self.case.snapshots()), "a snapshot was copied twice")
        self.case.assertLessEqual(set(self.pictures), set(copies), "a snapshot was not copied")
        for original in self.random.sample(sorted(self.pictures), min(COMPARED, len(self.pictures))):
            shown = picture(self.case.restored(copies[original]) / "tree")
            self.case.assertEqual(self.pictures[original], shown, original)
        self.counts["snapshots"] = len(copies)

    def shrink(self):
        """The newest of the source that were copied are among the newest of the copies."""
        self.case.restic("unlock", "-q", "--repo", self.source)
        self.case.restic(*SHRINK, "--repo", self.source)
        super().shrink()

    def forgotten(self):
        there = {path.name for path in (self.source / "snapshots").iterdir()}
        self.pictures = {key: shown for key, shown in self.pictures.items() if key in there}


class Kills(Killing):
    def test_a_killed_copy_harms_nothing(self):
        self.kill_all(Copying)


if __name__ == "__main__":
    main()

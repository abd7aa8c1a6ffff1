#!/usr/bin/env python3
"""The commands that read a repository, beside stock restic's, on repositories that either of the two made."""
import json
import os
import subprocess

import look_stage

def without(entry, *names):
    return {name: value for name, value in entry.items() if name not in names}


def of_old(snapshot):
    """A snapshot without what restic 0.14 leaves out."""
    return without(snapshot, "summary", "program_version")


class Looking(look_stage.Looking):
    def test_what_restic_tells_of_its_repository_is_told_the_same(self):
        self.all_the_same(*self.fill(False))

    def test_what_restic_tells_of_our_repository_is_told_the_same(self):
        self.all_the_same(*self.fill(True))

    def all_the_same(self, before, after):
        self.same_snapshots()
        self.same_listings(before)
        self.same_finds()
        self.same_diffs(before, after)
        self.same_objects(before)

    def same_snapshots(self):
        for argv in ([], ["--tag", "one", "--path", self.source], ["--latest", "1"], ["--host", "nobody"],
                     ["--group-by", "host,tags"]):
            mine, theirs = (json.loads(text) for text in self.both("snapshots", "--json", *argv))
            for group in [one for one in mine if "snapshots" in one]:
                group["snapshots"] = [of_old(one) for one in group["snapshots"]]
            self.assertCountEqual([of_old(one) for one in mine], theirs, argv)
        self.assertIn(b"2 snapshots", self.mine("snapshots"))
        self.assertIn(b"one,two", self.mine("snapshots"))

    def same_listings(self, snapshot):
        for argv in ([snapshot], ["latest", f"{self.source}/a"]):
            mine, theirs = ([json.loads(line) for line in text.splitlines()] for text in self.both("ls", "--json", *argv))
            self.assertEqual([without(entry, "message_type", "inode", "program_version", "summary") for entry in mine],
                             [without(entry, "inode") for entry in theirs], argv)
        mine, theirs = self.both("ls", "--long", snapshot)
        self.assertEqual(mine.splitlines()[1:], theirs.splitlines()[1:], "a long listing")
        below = self.mine("ls", f"{snapshot}:{self.source}/a").splitlines()[1:]
        self.assertIn(b"/b/" + look_stage.BAD_NAME, below, "raw bytes where no terminal is")

    def same_finds(self):
        for argv in (["F1", "file 2*", "-i"], ["*", "--newest", "2020-06-01"],
                     ["f1", "empty", "--snapshot", "latest"]):
            mine, theirs = (json.loads(text) for text in self.both("find", "--json", *argv))
            for one in mine:
                one["matches"] = [without(match, "inode") for match in one["matches"]]
            for one in theirs:
                one["matches"] = [without(match, "inode") for match in one["matches"]]
            self.assertCountEqual(mine, theirs, argv)
        blob = next(line.split()[1] for line in self.theirs("list", "blobs").decode().splitlines()
                    if line.startswith("data "))
        mine, theirs = (json.loads(text) for text in self.both("find", "--json", "--blob", blob))
        self.assertCountEqual(mine, theirs)

    def same_diffs(self, before, after):
        for argv in ([after, before], [before, after, "--metadata"]):
            mine, theirs = ([json.loads(line) for line in text.splitlines()] for text in
                            self.both("diff", "--json", *argv))
            self.assertEqual(mine, theirs, argv)
        told = self.mine("diff", before, after).decode()
        self.assertIn(f"M    {self.source}/a/f1\n", told)
        self.assertIn(f"T    {self.source}/many/file 7\n", told)

    def same_objects(self, snapshot):
        for kind in ("blobs", "packs", "snapshots"):
            mine, theirs = self.both("list", kind)
            self.assertCountEqual(mine.splitlines(), theirs.splitlines(), kind)
        index = self.theirs("list", "index").split()[0].decode()
        key = self.theirs("list", "keys").split()[0].decode()
        for what in (["config"], ["index", index], ["key", key]):
            mine, theirs = (json.loads(text) for text in self.both("cat", *what))
            self.assertEqual(mine, theirs)
        mine, theirs = (json.loads(text) for text in self.both("cat", "snapshot", snapshot))
        self.assertEqual(mine["tree"], theirs["tree"])
        self.assertEqual(*self.both("cat", "blob", mine["tree"]))
        self.assertEqual(self.mine("cat", "tree", snapshot), self.theirs("cat", "blob", mine["tree"]))
        pack = self.theirs("list", "packs").split()[0].decode()
        self.assertEqual(*self.both("cat", "pack", pack))

    def test_keys_are_added_changed_and_removed(self):
        self.fill(False)
        second, third = self.file("second", "second\n", 0o600), self.file("third", "third\n", 0o600)
        self.mine("key", "add", "--new-password-file", second, "--user", "bob", "--host", "elsewhere")
        keys = json.loads(self.theirs("key", "list", "--json", password="second"))
        self.assertIn(("bob", "elsewhere"), [(key["userName"], key["hostName"]) for key in keys])
        mine = json.loads(self.mine("key", "list", "--json", password="second"))
        self.assertCountEqual([(key["current"], key["id"][:8], key["created"]) for key in mine],
                              [(key["current"], key["id"], key["created"]) for key in keys])
        first, added = (next(key["id"] for key in mine if key["current"] == is_it) for is_it in (False, True))
        self.mine("key", "remove", added, code=2, password="second")
        self.mine("key", "remove", first, password="second")
        self.mine("snapshots", code=12)
        self.mine("key", "passwd", "--new-password-command", f"cat {third}", password="second")
        self.mine("snapshots", code=12, password="second")
        self.theirs("snapshots", password="third")
        self.assertEqual(len(json.loads(self.mine("key", "list", "--json", password="third"))), 1)
        for bad in (["add", "--new-password-file", self.file("none", "")], ["add"], ["remove", "zz"],
                    ["remove", "ffffffffff"]):
            done = self.call(self.binary, "key", *bad, code=None, password="third")
            self.assertNotEqual(done.returncode, 0, bad)
            self.assertIn(b"muster: ", done.stderr)
        self.assertEqual(len(json.loads(self.mine("key", "list", "--json", password="third"))), 1)

    def test_locks_of_the_dead_are_removed(self):
        self.fill(False)
        holder = subprocess.Popen([str(self.binary), "mount", str(self.mount_point())], env=self.environment,
                                  stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        self.eventually("the lock", lambda: os.listdir(self.repository / "locks"))
        self.eventually("the mount", lambda: os.path.ismount(self.mount_point()))
        self.mine("unlock")
        self.assertEqual(len(os.listdir(self.repository / "locks")), 1, "its holder lives")
        self.mine("tag", "--add", "x", code=11)
        holder.kill()
        holder.wait()
        subprocess.run(["umount", "-l", str(self.mount_point())], check=False)
        self.assertIn(b"removed 1 lock", self.mine("unlock"))
        self.assertEqual(os.listdir(self.repository / "locks"), [])

    def test_tags_are_changed_and_the_original_is_named(self):
        before, after = self.fill(False)
        self.mine("tag", "--add", "three", "--remove", "one", before)
        self.mine("tag", "--set", "a,b", after)
        self.mine("tag", "--set", "a,b", "latest")
        found = json.loads(self.theirs("snapshots", "--json"))
        self.assertCountEqual([(one.get("original"), one["tags"]) for one in found],
                              [(before, ["two", "three"]), (after, ["a", "b"])])
        self.assertIn(b"modified tags on 2 snapshots", self.mine("tag", "--set", ""))
        self.assertNotIn("tags", json.loads(self.theirs("snapshots", "--json"))[0])
        self.mine("tag", code=2)
        self.theirs("check")

    def test_bad_names_are_refused(self):
        self.fill(False)
        for argv in (["ls", "ffffffffff"], ["ls", "latest:/nope"], ["ls", f"latest:{self.source}/big"],
                     ["ls", "latest", "/nope"], ["ls", "latest", "relative"], ["snapshots", "--group-by", "x"],
                     ["diff", "latest", "ffff"], ["find", "["], ["find", "--blob", "xyz"], ["find", "-O", "x", "f"],
                     ["cat", "blob", "ffff"], ["cat", "pack", "ffff"], ["cat", "key"], ["tag", "ffff", "--add", "x"],
                     ["mount", self.folder / "nope"], ["mount", self.file("plain")],
                     ["mount", "--path-template", "%h", "--path-template", "%h/%i", self.mount_point()]):
            done = self.call(self.binary, *argv, code=None)
            self.assertIn(done.returncode, (1, 2), argv)
            self.assertRegex(done.stderr, rb"^muster: .+", argv)
            self.assertEqual(done.stdout, b"", argv)
        self.assertEqual(os.listdir(self.repository / "locks"), [])

    def test_a_terminal_gets_no_control_characters(self):
        self.fill(False)
        done = subprocess.run(["script", "-qec", f"{self.binary} ls latest {self.source}/a/b", "/dev/null"],
                              env=self.environment, capture_output=True, check=True, stdin=subprocess.DEVNULL)
        self.assertIn(rb"n\x01\xff", done.stdout)
        self.assertNotIn(look_stage.BAD_NAME, done.stdout)


if __name__ == "__main__":
    look_stage.main()

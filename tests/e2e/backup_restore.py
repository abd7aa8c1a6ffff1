#!/usr/bin/env python3
"""`muster restore` and `muster dump`: identical to what stock restic restores, and safe on bad data and bad targets."""
import io
import os
import pathlib
import shutil
import subprocess
import tarfile

import backup_stage
import stage
from backup_stage import picture

MIB = 1 << 20


class Restore(backup_stage.Case):
    def setUp(self):
        super().setUp()
        self.source = self.folder / "source"
        self.source.mkdir()
        self.place = self.folder / "place"

    def write(self, name, content, mode=0o644, seconds=1_000_000_000.123456789):
        path = self.source / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        path.chmod(mode)
        os.utime(path, ns=(int(seconds * 1e9), int(seconds * 1e9)))
        return path

    def fill(self):
        """Every kind of entry that this account may make."""
        self.write("plain", "plain")
        self.write("empty", "")
        self.write("big", os.urandom(11 * MIB + 3))
        self.write("dir/run", "#!/bin/sh", 0o6755)
        self.write("dir/sub/odd \"name\"\\ \n", "x", 0o400)
        os.link(self.source / "plain", self.source / "dir/linked")
        (self.source / "link").symlink_to("../nowhere at all")
        os.utime(self.source / "link", ns=(1, 999_999_999), follow_symlinks=False)
        os.mkfifo(self.source / "fifo", 0o640)
        raw = os.path.join(os.fsencode(self.source), b"\xff\xfe raw")
        with open(raw, "wb") as file:
            file.write(b"raw")
        os.setxattr(self.source / "plain", "user.key", b"va\0lue")
        os.setxattr(self.source / "dir", "user.key", b"of a directory")
        with open(self.source / "sparse", "wb") as file:
            file.truncate(6 * MIB)
        if os.geteuid() == 0:
            os.mknod(self.source / "null", 0o020_666, os.makedev(1, 3))
            os.chown(self.source / "empty", 1234, 4321)
            os.chown(self.source / "link", 7, 8, follow_symlinks=False)
            subprocess.run(["setfacl", "-m", "u:1234:rwx,d:u:99:r", self.source / "dir"], check=False)
        deep = self.source
        for _ in range(15):
            deep /= "d" * 240
        deep.mkdir(parents=True)
        (deep / "file").write_text("deep")
        self.write("closed/file", "file")
        (self.source / "closed").chmod(0o555)
        os.utime(self.source / "closed", ns=(5, 1_234_567_891_000_000_001))

    def save(self, by="muster"):
        (self.backup if by == "muster" else self.restic_backup)(".", cwd=self.source)

    def restore(self, *more, snapshot="latest", code=0):
        return self.muster("restore", snapshot, "--target", self.place, *more, code=code)

    def assert_same(self, found, wanted=None):
        found, wanted = picture(found), picture(wanted or self.source)
        found.pop(b"", None), wanted.pop(b"", None)  # The target's own directory is not restored.
        self.assertEqual(found, wanted)

    def damage(self, name):
        """Flips a bit in the middle of the biggest pack, which holds the file."""
        pack = max((self.repository / "data").glob("*/*"), key=lambda path: path.stat().st_size)
        pack.chmod(0o600)
        content = bytearray(pack.read_bytes())
        content[len(content) // 2] ^= 1
        pack.write_bytes(content)
        return name

    def test_what_restic_wrote_is_restored_as_it_was(self):
        self.fill()
        self.save("restic")
        self.restore("--verify")
        self.assert_same(self.place)
        self.assert_same(self.place, self.restored())

    def test_what_muster_wrote_is_restored_by_both_as_it_was(self):
        self.fill()
        self.save()
        self.restore()
        self.assert_same(self.place)
        self.assert_same(self.restored())

    def test_a_second_run_writes_nothing_and_mends_what_was_changed(self):
        self.fill()
        self.save()
        self.restore()
        before = {path: os.lstat(path).st_ctime_ns for path in self.place.rglob("*")}
        self.assertIn("restored 0 files", self.restore().stdout)
        touched = [path for path, changed in before.items() if os.lstat(path).st_ctime_ns != changed]
        self.assertEqual(touched, [])
        content = bytearray((self.place / "big").read_bytes())
        content[5 * MIB] ^= 1
        (self.place / "big").write_bytes(content[:-9])
        (self.place / "plain").unlink()
        shutil.rmtree(self.place / "dir")
        (self.place / "dir").write_text("a file now")
        self.restore("--overwrite", "always")
        self.assert_same(self.place)

    def test_it_goes_on_after_it_was_killed(self):
        for number in range(40):
            self.write(f"dir{number % 4}/file{number}", os.urandom(MIB))
        self.save()
        for _ in range(3):
            process = self.start("restore", "latest", "--target", self.place)
            while process.poll() is None and not list(self.place.glob("*/*")):
                pass
            process.kill()
            process.wait()
        self.restore("--verify")
        self.assert_same(self.place)

    def test_damage_is_named_and_the_rest_is_restored(self):
        self.write("big", os.urandom(9 * MIB))
        self.write("good", "good")
        self.save()
        self.damage("big")
        done = self.restore(code=1)
        self.assertIn("error: /big (snapshot ", done.stderr)
        self.assertEqual((self.place / "good").read_text(), "good")
        self.assertEqual((self.place / "big").stat().st_size, 9 * MIB)
        self.muster("dump", "latest", "/big", "--target", self.folder / "dumped", code=1)
        self.muster("dump", "latest", "/good")

    def test_nothing_is_written_outside_of_the_target(self):
        outside = self.folder / "outside"
        outside.mkdir()
        self.write("dir/file", "file")
        self.write("plain", "plain")
        self.save()
        self.place.mkdir()
        (self.place / "dir").symlink_to(outside)
        (self.place / "plain").symlink_to(outside / "plain")
        self.restore("--overwrite", "never", code=1)
        self.assertTrue((self.place / "dir").is_symlink())
        self.restore("--verify")
        self.assertEqual(list(outside.iterdir()), [])
        self.assert_same(self.place)

    def test_in_place_with_delete(self):
        self.write("kept/file", "file")
        self.save()
        self.write("kept/new", "new")
        self.write("more/new", "new")
        self.write("kept/file", "changed")
        options = ("restore", "latest", "--target", self.source, "--delete")
        self.assertIn("would delete 2", self.muster(*options, "--dry-run").stdout)
        self.assertTrue((self.source / "more/new").exists())
        self.muster(*options)
        self.assertEqual(sorted(path.name for path in self.source.rglob("*")), ["file", "kept"])
        self.assertEqual((self.source / "kept/file").read_text(), "file")
        self.assertIn("would empty", self.muster("restore", "latest", "--target", "/", "--delete", code=2).stderr)

    def test_a_part_of_a_snapshot(self):
        for name in ("a/one.txt", "a/two.log", "b/three.TXT", "b/c/four.txt"):
            self.write(name, name)
        self.save()
        for options, names in (
                (("--include", "*.txt"), ["a/one.txt", "b/c/four.txt"]),
                (("--iinclude", "*.txt"), ["a/one.txt", "b/c/four.txt", "b/three.TXT"]),
                (("--exclude", "b"), ["a/one.txt", "a/two.log"]),
                (("--include", "/b/c"), ["b/c/four.txt"])):
            shutil.rmtree(self.place, ignore_errors=True)
            self.restore(*options)
            found = sorted(str(path.relative_to(self.place)) for path in self.place.rglob("*") if path.is_file())
            self.assertEqual(found, names, options)
        shutil.rmtree(self.place)
        self.restore(snapshot="latest:/b/c")
        self.assertEqual([path.name for path in self.place.iterdir()], ["four.txt"])

    def test_long_zeros_become_holes_when_asked(self):
        with open(self.source / "image", "wb") as file:
            file.truncate(32 * MIB)
            file.seek(20 * MIB)
            file.write(os.urandom(MIB))
        self.save()
        self.restore("--sparse")
        self.assert_same(self.place)
        self.assertLess((self.place / "image").stat().st_blocks * 512, 4 * MIB)

    def test_a_full_disk_is_told_and_ends_it(self):
        if os.geteuid() != 0:
            self.skipTest("only root can mount a small disk")
        self.write("big", os.urandom(6 * MIB))
        self.save()
        self.place.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "none", self.place], check=True)
        self.addCleanup(subprocess.run, ["umount", self.place], check=True)
        done = self.restore(code=1)
        self.assertIn("No space left on device", done.stderr)
        self.assertIn("no room left", done.stderr)

    def test_it_says_which_snapshot_it_takes_and_when_nothing_of_it_is_chosen(self):
        self.write("file", "file")
        self.save()
        done = self.restore()
        self.assertRegex(done.stdout, r"^restoring snapshot [0-9a-f]{8} of \[\S+\] at \S+ \S+ by \S+@\S+\n")
        self.assertEqual(done.stderr, "")
        done = self.restore("--include", "/no/such")
        self.assertIn("nothing of this snapshot was chosen", done.stderr)

    def test_bad_words_are_told_before_anything_is_written(self):
        self.write("file", "file")
        self.save()
        for argv, words in ((["restore", "latest"], "--target"),
                            (["restore", "latest", "--target", self.place, "--overwrite", "maybe"], "if-newer"),
                            (["restore", "latest", "--target", self.place, "-i", "a", "-e", "b"], "don't go together"),
                            (["restore", "latest", "--target", self.place, "-i", "[a"], "[a"),
                            (["restore", "nonsense", "--target", self.place], "names no snapshot")):
            self.assertIn(words, self.muster(*argv, code=2).stderr, argv)
        for argv, words in ((["restore", "latest:/gone", "--target", self.place], "/gone is not in the snapshot"),
                            (["restore", "0123abcd", "--target", self.place], "0123abcd"),
                            (["restore", "latest", "--host", "nobody", "--target", self.place], "no snapshot of that --host"),
                            (["dump", "latest", "/gone"], "/gone is not in the snapshot"),
                            (["restore", "latest", "--target", self.source / "file"], "file")):
            done = self.muster(*argv, code=1)
            self.assertTrue(done.stderr.startswith("muster: "), done.stderr)
            self.assertIn(words, done.stderr, argv)
        self.assertFalse(self.place.exists())

    def test_dump_gives_a_file_or_a_whole_directory(self):
        self.fill()
        self.save()
        target = self.folder / "dumped"
        self.muster("dump", "latest", "/big", "--target", target)
        self.assertEqual(target.read_bytes(), (self.source / "big").read_bytes())
        self.assertEqual(self.muster("dump", "latest:/dir", "run").stdout, "#!/bin/sh")
        self.muster("dump", "latest", "/", "--target", target)
        self.place.mkdir()
        subprocess.run(["tar", "--xattrs", "--xattrs-include=user.*", "--acls", "-xpf", target, "-C", self.place],
                       check=True, capture_output=True)
        self.assert_same(self.place)
        with tarfile.open(fileobj=io.BytesIO(target.read_bytes())) as archive:
            self.assertIn("dir/linked", archive.getnames())
        self.assertIn("no content", self.muster("dump", "latest", "/fifo", code=2).stderr
                      + self.muster("dump", "latest", "/link", code=2).stderr)
        self.muster("dump", "latest", "/big", "--target", pathlib.Path("/dev/full"), code=1)


if __name__ == "__main__":
    stage.main()

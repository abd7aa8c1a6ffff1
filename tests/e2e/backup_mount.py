#!/usr/bin/env python3
"""Real mounts of real repositories: the same files as in the source, from any place, and nothing left behind."""
import contextlib
import filecmp
import hashlib
import os
import pathlib
import random
import signal
import stat
import subprocess
import tarfile

import look_stage


def files_below(folder):
    """What can be compared of each file, by its path as bytes."""
    found = {}
    top = os.fsencode(folder)
    for where, folders, files in os.walk(top):
        for name in folders + files:
            path = os.path.join(where, name)
            status = os.lstat(path)
            is_file = stat.S_ISREG(status.st_mode)
            found[os.path.relpath(path, top)] = (
                status.st_mode, status.st_uid, status.st_gid, status.st_mtime_ns, status.st_rdev,
                status.st_size if is_file else 0, status.st_nlink if is_file else 0,
                os.readlink(path) if stat.S_ISLNK(status.st_mode) else None,
                hashlib.sha256(pathlib.Path(os.fsdecode(path)).read_bytes()).digest() if is_file else None,
                {name: os.getxattr(path, name, follow_symlinks=False)
                 for name in os.listxattr(path, follow_symlinks=False)})
    return found


class Mounting(look_stage.Looking):
    def test_a_mount_shows_what_restic_backed_up(self):
        self.mount_is_like_the_source(*self.fill(False))

    def test_a_mount_shows_what_muster_backed_up(self):
        self.mount_is_like_the_source(*self.fill(True))

    def mount_is_like_the_source(self, before, after):
        with self.mounted() as (where, _, _):
            self.assertCountEqual(os.listdir(where), ["ids", "snapshots", "hosts", "tags"])
            self.assertCountEqual(os.listdir(where / "ids"), [before[:8], after[:8]])
            self.assertCountEqual(os.listdir(where / "tags"), ["one", "two"])
            latest = where / "snapshots" / "latest"
            # The second of one second has a number behind its time.
            self.assertRegex(os.readlink(latest), r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d([+-]\d\d:\d\d|Z)(-\d+)?$")
            shown = latest / str(self.source)[1:]
            self.assertEqual(files_below(shown), files_below(self.source))
            big = (self.source / "big").read_bytes()
            self.assertEqual(os.stat(shown / "big").st_ino, os.stat(shown / "hard").st_ino)
            self.assertNotEqual(os.stat(shown / "big").st_ino, os.stat(shown / "new" / "copy").st_ino)
            self.read_anywhere(shown / "big", big)
            self.archive(where / "ids" / before[:8])
            for attempt in (lambda: (shown / "x").touch(), (shown / "big").unlink):
                self.assertRaises(OSError, attempt)
            self.assertFalse((where / "snapshots" / "nope").exists())

    def read_anywhere(self, path, content):
        chance = random.Random(3)
        with open(path, "rb", buffering=0) as file:
            for _ in range(200):
                offset, count = chance.randrange(len(content) + 100), chance.randrange(1, 400_000)
                self.assertEqual(os.pread(file.fileno(), count, offset), content[offset:offset + count])
        readers = [subprocess.Popen(["dd", f"if={path}", f"skip={skip}", "iflag=skip_bytes", "bs=100000",
                                     "status=none"], stdout=subprocess.PIPE) for skip in (0, 1, 4_000_001, 8_999_999)]
        for skip, reader in zip((0, 1, 4_000_001, 8_999_999), readers):
            self.assertEqual(reader.communicate()[0], content[skip:])

    def archive(self, folder):
        archive = self.folder / "all.tar"
        subprocess.run(["tar", "cf", str(archive), "-C", str(folder), "."], check=True)
        with tarfile.open(archive) as tar:
            names = tar.getnames()
        self.assertEqual(len([name for name in names if "/many/" in name]), 300)
        archive.unlink()

    def test_new_snapshots_appear_and_templates_are_kept(self):
        self.fill(False)
        with self.mounted("--path-template", "by-%u/%h/%T", "--time-template", "2006/01/02_15.04.05",
                          "--owner-root") as (where, _, _):
            top = where / f"by-{os.environ.get('USER') or 'root'}"
            self.assertEqual([path.name for path in where.iterdir()], [top.name])
            host = next(top.iterdir())
            days = [path for path in host.rglob("*_*.*.*") if path.parent.parent.parent == host]
            self.assertEqual(len(days), 2, days)
            self.assertEqual(os.stat(days[0] / str(self.source)[1:] / "a" / "f1").st_uid, 0)
            self.theirs("backup", self.source / "a")
            self.eventually("the new snapshot", lambda: len(list(host.glob("*/*/*_*"))) == 3)

    def test_a_mount_ends_when_it_is_unmounted(self):
        self.fill(False)
        with self.mounted() as (where, process, _):
            subprocess.run(["umount", str(where)], check=True)
            process.wait(timeout=30)

    def test_a_mount_in_use_ends_all_the_same(self):
        self.fill(False)
        with self.mounted() as (where, process, _):
            file = os.open(where / "snapshots" / "latest" / str(self.source)[1:] / "big", os.O_RDONLY)
            os.read(file, 10)
            process.send_signal(signal.SIGINT)
            process.wait(timeout=30)
            with contextlib.suppress(OSError):  # It is not connected any more.
                os.close(file)

    def test_damage_is_an_error_that_names_the_file(self):
        self.fill(False)
        size, pack = max((path.stat().st_size, path) for path in self.repository.glob("data/*/*"))
        pack.chmod(0o600)
        with open(pack, "r+b") as file:
            file.seek(size // 2)
            was = file.read(1)
            file.seek(size // 2)
            file.write(bytes([was[0] ^ 1]))
        with self.mounted() as (where, _, log):
            shown = where / "snapshots" / "latest" / str(self.source)[1:]
            broken = []
            for name in ("big", "hard", "a/f1", "many/file 3"):
                try:
                    filecmp.cmp(shown / name, self.source / name, shallow=False)
                except OSError as error:
                    self.assertEqual(error.errno, 5)
                    broken.append(name)
            self.assertIn("big", broken)
            self.assertNotIn("a/f1", broken)
            told = [line for line in log.read_text().splitlines() if line.startswith("error: ")]
            self.assertEqual(len([line for line in told if "/big: " in line and "data blob " in line]), 1, told)


if __name__ == "__main__":
    look_stage.main()

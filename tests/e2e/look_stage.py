"""What the tests of reading commands stand on: a source with every kind of file, and a repository of it."""
import contextlib
import json
import os
import pathlib
import random
import signal
import stat
import subprocess

import stage

PASSWORD = "look-and-see"
BAD_NAME = b"n\x01\xff"


def make_source(folder):
    """Every kind of file that a snapshot keeps."""
    (folder / "a" / "b").mkdir(parents=True)
    (folder / "a" / "f1").write_text("hi\n")
    (folder / "a" / "f1").chmod(0o4755)
    (folder / "a" / "link").symlink_to("f1")
    pathlib.Path(os.fsdecode(os.fsencode(folder / "a" / "b") + b"/" + BAD_NAME)).write_text("x")
    (folder / "empty").touch()
    (folder / "many").mkdir()
    for i in range(300):
        (folder / "many" / f"file {i}").write_text(str(i))
    (folder / "big").write_bytes(random.Random(7).randbytes(9_000_000))
    os.link(folder / "big", folder / "hard")
    os.mkfifo(folder / "pipe")
    os.utime(folder / "a" / "f1", ns=(0, 1_577_836_800_123_456_789))
    with contextlib.suppress(OSError):
        os.setxattr(folder / "a" / "f1", "user.k", b"v\x00\xff")
    if os.geteuid() == 0:
        os.mknod(folder / "null", stat.S_IFCHR | 0o644, os.makedev(1, 3))
        os.chown(folder / "a" / "f1", 12345, 54321)


def change_source(folder):
    (folder / "a" / "f1").write_text("hi there\n")
    (folder / "empty").unlink()
    (folder / "new").mkdir()
    (folder / "new" / "copy").write_bytes((folder / "big").read_bytes())
    (folder / "many" / "file 7").unlink()
    (folder / "many" / "file 7").symlink_to("file 8")
    (folder / "a" / "b").chmod(0o700)


class Looking(stage.Case):
    """A test with a repository that stock restic or muster makes; everything runs as who runs the test."""

    def setUp(self):
        super().setUp()
        self.source = self.folder / "source"
        make_source(self.source)
        self.repository = self.folder / "repository"
        self.environment = {**os.environ, "RESTIC_PASSWORD": PASSWORD, "MUSTER_PASSWORD": PASSWORD,
                            "RESTIC_REPOSITORY": str(self.repository), "TZ": "Europe/Berlin",
                            "XDG_CACHE_HOME": str(self.folder / "cache"), "HOME": str(self.folder)}

    def call(self, program, *argv, code=0, password=None):
        environment = dict(self.environment)
        if password:
            environment["RESTIC_PASSWORD"] = environment["MUSTER_PASSWORD"] = password
        done = subprocess.run([str(program), *map(str, argv)], capture_output=True, check=False, timeout=120,
                              stdin=subprocess.DEVNULL, env=environment, cwd=self.folder)
        if code is not None:
            self.assertEqual(done.returncode, code, f"{program} {argv}\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done

    def mine(self, *argv, **more):
        return self.call(self.binary, *argv, **more).stdout

    def theirs(self, *argv, **more):
        return self.call("restic", *argv, **more).stdout

    def both(self, *argv):
        return self.mine(*argv), self.theirs(*argv)

    def fill(self, is_mine):
        """Two snapshots, the second of a changed source; their ids, oldest first."""
        if is_mine:
            self.mine("repo", "init")
        else:
            self.theirs("init")
        backup = ([self.binary, "backup", self.source, "--tag=one,two"] if is_mine else
                  ["restic", "backup", self.source, "--tag", "one,two"])
        self.call(*backup)
        change_source(self.source)
        self.call(*backup[:3])
        found = json.loads(self.mine("snapshots", "--json"))
        self.assertEqual(len(found), 2)
        return [snapshot["id"] for snapshot in found]

    def mount_point(self):
        path = self.folder / "mount"
        path.mkdir(exist_ok=True)
        return path

    @contextlib.contextmanager
    def mounted(self, *argv):
        where, log = self.mount_point(), self.folder / "mount.log"
        with open(log, "wb") as output:
            process = subprocess.Popen([str(self.binary), "mount", str(where), *argv], env=self.environment,
                                       stdout=output, stderr=output, stdin=subprocess.DEVNULL)
        self.processes.append(process)
        try:
            self.eventually("the mount", lambda: b"now serving" in log.read_bytes(),
                            unless=lambda: process.poll() is not None)
            yield where, process, log
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
            process.wait(timeout=30)
        self.assertEqual(process.returncode, 0, log.read_text())
        self.assertFalse(os.path.ismount(where))
        self.assertEqual(os.listdir(where), [])
        self.assertEqual(os.listdir(self.repository / "locks"), [])


def main():
    for program, package in (("restic", "restic"), ("fusermount3", "fuse3")):
        if not any(os.access(os.path.join(folder, program), os.X_OK) for folder in os.get_exec_path()):
            raise SystemExit(f"this test needs {program}: apt install {package}")
    stage.main()

"""What the tests of the backup commands share: a repository, muster and stock restic on it, trees to save, and a
comparison of everything that a snapshot keeps of a tree.
"""
import hashlib
import json
import os
import pathlib
import shutil
import signal
import stat
import subprocess
import tempfile
import unittest

import key_stage
import stage

PASSWORD = "correct-horse-battery"


def picture(root):
    """All that is kept of a tree, by relative path (bytes): kind, mode, owner, times, attributes, content, links."""
    root = os.fsencode(root)
    found, names_of = {}, {}
    todo = [b""]
    while todo:
        name = todo.pop()
        path = os.path.join(root, name) if name else root
        seen = os.lstat(path)
        entry = {"mode": oct(seen.st_mode), "owner": (seen.st_uid, seen.st_gid), "mtime": seen.st_mtime_ns}
        if stat.S_ISREG(seen.st_mode):
            with open(path, "rb") as file:
                entry["content"] = (seen.st_size, hashlib.file_digest(file, "sha256").hexdigest())
            names_of.setdefault((seen.st_dev, seen.st_ino), []).append(name)
        elif stat.S_ISLNK(seen.st_mode):
            entry["target"] = os.readlink(path)
            del entry["mode"]
        elif stat.S_ISDIR(seen.st_mode):
            todo += [os.path.join(name, child) for child in os.listdir(path)]
        elif stat.S_ISCHR(seen.st_mode) or stat.S_ISBLK(seen.st_mode):
            entry["device"] = seen.st_rdev
        if not stat.S_ISLNK(seen.st_mode):
            entry["attributes"] = {key: os.getxattr(path, key) for key in sorted(os.listxattr(path))}
        found[name] = entry
    for names in names_of.values():
        for name in names:
            found[name]["linked"] = sorted(names)
    return found


class Case(unittest.TestCase):
    """A test with a folder and an empty repository of its own."""

    longMessage = True
    maxDiff = 4000
    version = "2"

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="muster-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.binary = stage.BUILD / "muster"
        self.repository = self.folder / "repository"
        self.processes = []
        self.addCleanup(self.end)
        self.environment = {key: value for key, value in os.environ.items()
                            if not key.startswith(("MUSTER_", "RESTIC_"))}
        self.environment |= {"RESTIC_PASSWORD": PASSWORD, "RESTIC_REPOSITORY": str(self.repository),
                             "XDG_CACHE_HOME": str(self.folder / "cache"), "HOME": str(self.folder)}
        self.muster("repo", "init", "--repository-version", self.version)
        self.replace_keys(self.repository)

    def replace_keys(self, repository):
        """Most of what these tests do is opening repositories: that takes no time with such a key."""
        master = self.restic("cat", "masterkey", "--repo", repository).stdout
        key_stage.replace_keys(repository, PASSWORD, master)

    def end(self):
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.communicate()

    def run_program(self, argv, code=0, environment=None, data=None, cwd=None, timeout=200):
        done = subprocess.run([os.fspath(part) for part in argv], capture_output=True, check=False, timeout=timeout,
                              cwd=cwd or self.folder, env={**self.environment, **(environment or {})},
                              **({"stdin": subprocess.DEVNULL} if data is None else {"input": data}))
        done.stdout, done.stderr = (text.decode(errors="replace") for text in (done.stdout, done.stderr))
        self.assertIn(done.returncode, (code,) if isinstance(code, int) else code,
                      f"{argv}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
        return done

    def muster(self, *argv, **more):
        return self.run_program([self.binary, *argv], **more)

    def restic(self, *argv, **more):
        return self.run_program(["restic", *argv], **more)

    def start(self, *argv, **more):
        """A muster that runs beside the test."""
        options = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "cwd": self.folder, **more}
        process = subprocess.Popen([self.binary, *argv], env=self.environment, **options)
        self.processes.append(process)
        return process

    def backup(self, *argv, **more):
        """What the summary of `muster backup` says."""
        done = self.muster("--json", "backup", *argv, **more)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        return next(line for line in lines if line["message_type"] == "summary")

    def restic_backup(self, *argv, **more):
        done = self.restic("--json", "backup", *argv, **more)
        return json.loads(done.stdout.splitlines()[-1])

    def snapshots(self):
        return json.loads(self.restic("--no-lock", "snapshots", "--json").stdout) or []

    def check(self):
        self.restic("check", "--read-data", "-q")

    def restored(self, snapshot="latest", **more):
        """Where `restic restore` has put a snapshot."""
        place = self.folder / "restored"
        shutil.rmtree(place, ignore_errors=True)
        self.restic("restore", "-q", snapshot, "--target", place, **more)
        return place

    def files_of(self, kind):
        return sorted(path.name for path in (self.repository / kind).rglob("*") if path.is_file())

    def eventually(self, what, is_so):
        return stage.Case.eventually(self, what, is_so)

    def kill(self, process):
        process.send_signal(signal.SIGKILL)
        process.communicate()

"""The programs that are compared: how each makes a repository, backs up, restores, checks and prunes.

All run with their own defaults, but for restic's repository format (2, as muster's) and borg's repokey encryption. Caches,
temporary files and configuration lie in the system's own folder.
"""
import json
import os
import pathlib
import re
import shutil
import subprocess

import measure

PASSWORD = "benchmark"


class System:
    kind = ""
    words = ("version",)  # What makes it tell its version.

    def __init__(self, program):
        self.program, self.folder = str(program), None
        self.name = f"{self.kind} {version_of(program, self.words)}"

    def move_to(self, folder):
        """A life with an empty repository and empty caches."""
        self.folder = pathlib.Path(folder)
        for part in ("home", "cache", "tmp"):
            (self.folder / part).mkdir(parents=True)
        self.repository = self.folder / "repository"

    def environment(self):
        # Only PATH is the caller's: a repository or a password of the user must not get in here.
        return {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "HOME": str(self.folder / "home"),
                "TMPDIR": str(self.folder / "tmp"), "XDG_CACHE_HOME": str(self.folder / "cache"), **self.settings()}

    def ask(self, *words):
        """Not measured."""
        done = subprocess.run([self.program, *words], env=self.environment(), cwd=self.folder, check=False,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        if done.returncode != 0:
            raise measure.Failed(f"{words[0]} ended with {done.returncode}: {done.stderr.strip()[-1000:]}")
        return done.stdout

    def root_of(self, target, source):
        """Where the restored copy of `source` lies."""
        return pathlib.Path(target) / str(source).lstrip("/")


class Restic(System):
    kind = "restic"
    first_words = ("init", "--repository-version", "2")

    def settings(self):
        return {"RESTIC_REPOSITORY": str(self.repository), "RESTIC_PASSWORD": PASSWORD,
                "RESTIC_CACHE_DIR": str(self.folder / "cache/restic")}

    def begin(self):
        self.ask(*self.first_words)

    def backup(self, source, _name):
        return [[self.program, "backup", str(source)]]

    def restore(self, target):
        return [[self.program, "restore", "latest", "--target", str(target)]]

    def check(self):
        return [[self.program, "check", "--read-data"]]

    def snapshots(self):
        """The oldest first."""
        return [one["id"] for one in sorted(snapshots_in(json.loads(self.ask("snapshots", "--json"))),
                                            key=lambda one: one["time"])]

    def forget(self, snapshots):
        return [[self.program, "forget", *snapshots]]

    def prune(self, _forgotten):
        return [[self.program, "prune"]]

    def prune_all(self):
        # By itself it leaves up to a twentieth unused.
        return [[*command, "--max-unused", "0"] for command in self.prune([])]


class Muster(Restic):
    kind = "muster"
    words = ("--version",)
    first_words = ("repo", "init")

    def settings(self):
        return {"MUSTER_REPOSITORY": str(self.repository), **super().settings()}


class Rustic(Restic):
    kind = "rustic"
    words = ("--version",)
    first_words = ("init",)

    def settings(self):
        return {"RUSTIC_REPOSITORY": str(self.repository), "RUSTIC_PASSWORD": PASSWORD,
                "RUSTIC_CACHE_DIR": str(self.folder / "cache/rustic")}

    def restore(self, target):
        return [[self.program, "restore", "latest", str(target)]]

    def prune(self, _forgotten):
        # Else it only marks what it would remove 23 hours later.
        return [[self.program, "prune", "--instant-delete"]]


class Borg(System):
    kind = "borg"
    words = ("--version",)

    def settings(self):
        return {"BORG_BASE_DIR": str(self.folder / "cache"), "BORG_REPO": str(self.repository),
                "BORG_PASSPHRASE": PASSWORD}

    def begin(self):
        self.ask("init", "--encryption", "repokey")

    def backup(self, source, name):
        return [[self.program, "create", f"::{name}", str(source)]]

    def restore(self, target):
        # It restores to where it stands.
        return [["sh", "-c", 'cd "$1" && exec "$2" extract "::$3"', "sh", str(target), self.program,
                 self.snapshots()[-1]]]

    def check(self):
        return [[self.program, "check", "--verify-data"]]

    def snapshots(self):
        return self.ask("list", "--short").split()

    def forget(self, _snapshots):
        return []

    def prune(self, forgotten):
        # `delete` counts what nothing refers to any more, as the others' prune does; their forget removes one small file.
        return [[self.program, "delete", f"::{snapshot}"] for snapshot in forgotten] + [[self.program, "compact"]]

    def prune_all(self):
        # By itself it leaves segments alone of which less than a tenth is unused.
        return [[self.program, "compact", "--threshold", "0"]]


class Kopia(System):
    kind = "kopia"
    words = ("--version",)

    def settings(self):
        return {"KOPIA_PASSWORD": PASSWORD, "KOPIA_CONFIG_PATH": str(self.folder / "home/repository.config"),
                "KOPIA_CACHE_DIRECTORY": str(self.folder / "cache/kopia"), "KOPIA_CHECK_FOR_UPDATES": "false"}

    def begin(self):
        self.repository.mkdir()
        self.ask("repository", "create", "filesystem", "--path", str(self.repository))

    def backup(self, source, _name):
        return [[self.program, "snapshot", "create", str(source)]]

    def restore(self, target):
        return [[self.program, "snapshot", "restore", self.snapshots()[-1], str(target)]]

    def root_of(self, target, source):
        return pathlib.Path(target)

    def check(self):
        return [[self.program, "snapshot", "verify", "--verify-files-percent=100"]]

    def snapshots(self):
        return [one["id"] for one in sorted(json.loads(self.ask("snapshot", "list", "--json", "--show-identical")),
                                            key=lambda one: one["startTime"])]

    def forget(self, snapshots):
        return [[self.program, "snapshot", "delete", snapshot, "--delete"] for snapshot in snapshots]

    def prune(self, _forgotten):
        return self.prune_all()

    def prune_all(self):
        return [[self.program, "maintenance", "run", "--full", "--safety=none"]]


KINDS = {made.kind: made for made in (Muster, Restic, Borg, Rustic, Kopia)}


def snapshots_in(answer):
    """rustic groups them, restic does not."""
    if isinstance(answer, dict) and {"id", "time", "tree"} <= answer.keys():
        yield answer
    elif isinstance(answer, (dict, list)):
        for part in answer.values() if isinstance(answer, dict) else answer:
            yield from snapshots_in(part)


def version_of(program, words):
    done = subprocess.run([program, *words], capture_output=True, text=True, check=False)
    number = re.search(r"\d+(\.\d+)+\S*", done.stdout + done.stderr)
    return number[0] if number else "unknown"


def on_path(name):
    """All of that name, so that a newer restic can run beside the system's."""
    folders = os.environ.get("PATH", "").split(os.pathsep)
    programs = [shutil.which(name, path=folder) for folder in folders if folder]
    return [program for program in programs if program]


def can_back_up(muster):
    return subprocess.run([muster, "backup", "--help"], capture_output=True, check=False).returncode == 0


def found(kinds, muster):
    """Those that are there; says which are not."""
    systems = []
    for kind in kinds:
        if kind == "muster":
            programs = [muster] if os.access(muster, os.X_OK) and can_back_up(muster) else []
            missing = f"{muster} has no command \"backup\""
        else:
            programs, missing = on_path(kind), f"no program \"{kind}\" on PATH"
        if not programs:
            print(f"bench: {kind} is left out: {missing}")
        made = [KINDS[kind](os.path.abspath(program)) for program in programs]
        # One version counts once.
        systems += {system.name: system for system in reversed(made)}.values()
    return systems

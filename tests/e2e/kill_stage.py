"""What the tests share that kill one command of muster after the other (kill -9) at random moments: the repository stays
whole, and every snapshot that was told of comes back as it was.
"""
import argparse
import json
import os
import pathlib
import random
import shutil
import subprocess
import sys
import time

import backup_stage
import stage
from backup_stage import picture

KILLS = 50
FILES = 200
FILE_MOST = 60_000  # Bytes of a small file.
BIG = 8_000_000     # Of each of three big ones.
CHANGED = 20        # Files that change between two runs, beside a piece of a big one.
COMPARED = 5        # Snapshots that are restored at the end; each run's picture is kept.
SHRINK = ("forget", "-q", "--keep-last", "4", "--prune", "--no-cache")


class Corpus:
    """A tree that changes a little between two runs; what it looked like is remembered by snapshot."""

    def __init__(self, root, drawn):
        self.root, self.random = root, drawn
        root.mkdir()
        for number in range(FILES):
            folder = root / f"folder-{number % 20}"
            folder.mkdir(exist_ok=True)
            self.fill(folder / f"file-{number}")
        for number in range(3):
            (root / f"big-{number}").write_bytes(drawn.randbytes(BIG))

    def fill(self, path):
        path.write_bytes(self.random.randbytes(self.random.randrange(FILE_MOST)))

    def change(self):
        for _ in range(CHANGED):
            folder = self.root / f"folder-{self.random.randrange(20)}"
            folder.mkdir(exist_ok=True)
            self.fill(folder / f"file-{self.random.randrange(FILES)}")
        if self.random.random() < 0.3:
            shutil.rmtree(self.root / f"folder-{self.random.randrange(20)}", ignore_errors=True)
        with open(self.root / f"big-{self.random.randrange(3)}", "r+b") as file:
            file.seek(self.random.randrange(BIG // 3))
            file.write(self.random.randbytes(BIG * 2 // 3))


class Engine:
    """Kills one command of muster after the other at moments spread over its length, and looks after each."""

    def __init__(self, case, seed):
        self.case, self.random = case, random.Random(seed)
        self.corpus = Corpus(case.folder / "tree", self.random)
        self.pictures = {}
        self.counts = {"kills": 0, "amid": 0, "ended": 0, "left_locks": 0, "left_files": 0}

    # What the test of a command changes; these are those of backup.

    def prepare(self):
        """Before each run: so that the command has something to do."""
        self.corpus.change()

    def argv(self):
        return ["--json", "backup", "--pack-size", "4", "tree"]

    def look(self):
        """After each kill, beside the check of the whole repository."""

    # The same for all.

    def run(self, argv, patience=None):
        """How long muster ran, and its exit status; killed when it lasts longer. Keeps the picture of what it saved."""
        began = time.monotonic()
        process = self.case.start(*argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        try:
            output, _ = process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            process.kill()
            output, _ = process.communicate()
        lasted = time.monotonic() - began
        self.case.processes.clear()
        for line in output.splitlines():
            if b'"snapshot_id"' in line:
                self.pictures[json.loads(line)["snapshot_id"]] = picture(self.corpus.root)
        self.case.assertIn(process.returncode, (0,) if patience is None else (0, -9), f"{argv}\n{output[-2000:]}")
        return lasted, process.returncode

    def locks(self):
        return [name for name in self.case.files_of("locks") if len(name) == 64]

    def unlock(self):
        self.case.restic("unlock", "-q")

    def check(self):
        self.case.restic("check", "--read-data", "-q", "--no-cache")

    def measure(self):
        """How long a run of the command lasts."""
        self.prepare()
        return self.run(self.argv())[0]

    def kill_one(self, length):
        """One run that is killed, unless it ended before."""
        self.prepare()
        _, code = self.run(self.argv(), self.random.uniform(0, length))
        self.counts["kills"] += 1
        self.counts["ended" if code == 0 else "amid"] += 1
        locks = len(self.locks())
        if locks:
            self.counts["left_locks"] += locks
            self.unlock()
            self.case.assertEqual(self.locks(), [], "restic does not take our lock for a stale one")
        self.check()
        self.look()

    def kill_many(self, kills, every=10):
        began = time.monotonic()
        length = self.measure()
        for number in range(1, kills + 1):
            self.kill_one(length)
            if number % every == 0:
                if number < kills:
                    self.shrink()
                # A machine that stood still once shall not make the kills come too late from then on.
                length = min(2 * length, self.measure())
            if number % 50 == 0:
                print(f"{number} kills, {time.monotonic() - began:.0f} s, a run takes {length:.2f} s", flush=True)
        self.finish()
        print(", ".join(f"{name} {count}" for name, count in self.counts.items()),
              f"in {time.monotonic() - began:.0f} s", flush=True)
        self.case.assertGreater(self.counts["amid"], kills // 4, "the kills came too late: they prove little")

    def there(self):
        return {name for name in self.case.files_of("snapshots") if len(name) == 64}

    def finish(self):
        """The next run goes on as if nothing had been; what was told of as saved comes back."""
        self.prepare()
        self.run(self.argv())
        self.check()
        self.look()
        there = self.there()
        self.case.assertLessEqual(set(self.pictures), there, "a snapshot that was told of is not there")
        chosen = self.random.sample(sorted(self.pictures), min(COMPARED, len(self.pictures)))
        for snapshot in {*chosen, list(self.pictures)[-1]}:
            self.case.assertEqual(self.pictures[snapshot], picture(self.case.restored(snapshot) / "tree"), snapshot)
        self.counts["left_files"] = sum("-tmp-" in path.name for path in self.case.repository.rglob("*"))
        self.counts["snapshots"] = len(self.pictures)

    def forgotten(self):
        """The pictures of snapshots that were removed on purpose go."""
        there = self.there()
        self.pictures = {key: shown for key, shown in self.pictures.items() if key in there}

    def shrink(self):
        """So that a long soak does not fill the disk, and old snapshots go as they do in life."""
        self.case.restic(*SHRINK)
        self.forgotten()


class Killing(backup_stage.Case):
    """A test of one command. `--kills` and `--seed` are set by `main`."""

    kills = KILLS
    seed = None

    def drawn_seed(self):
        seed = self.seed if self.seed is not None else random.SystemRandom().randrange(1 << 30)
        print(f"\nseed {seed}", flush=True)
        return seed

    def kill_all(self, engine):
        engine(self, self.drawn_seed()).kill_many(self.kills)


def main():
    parser = argparse.ArgumentParser(description=sys.modules["__main__"].__doc__, add_help=False)
    parser.add_argument("--kills", type=int, default=KILLS, help="how many runs are killed")
    parser.add_argument("--seed", type=int, help="of the moments and of what is saved")
    options, rest = parser.parse_known_args()
    Killing.kills, Killing.seed = options.kills, options.seed
    sys.argv[1:] = rest
    stage.main()

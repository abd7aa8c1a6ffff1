#!/usr/bin/env python3
"""Backups of the same generated data by muster, restic, borg and others: time, CPU, memory, size.

In every run of a corpus each system begins with an empty repository and empty caches; step by step all of them take
their turn before the next step begins, so that what the machine does meanwhile falls on all alike. The corpus is changed once,
between the second and the third backup, for all of them.
"""
import argparse
import hashlib
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import bars  # noqa: E402
import measure  # noqa: E402
import systems  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
CORPORA = {"a": "8 files that nothing compresses, 4 GiB", "b": "4 disk images with database pages and copies, 4 GiB",
           "c": "200,000 small files, 1.7 GiB", "d": "a source tree in 40 versions, 0.8 GiB"}
# Each step, and those that must have been done before it.
STEPS = {"backup": [], "backup2": ["backup"], "backup3": ["backup"], "restore": ["backup"], "check": ["backup"],
         "prune": ["backup", "backup2", "backup3"], "prune2": ["backup", "backup2", "backup3", "prune"],
         "prune3": ["backup", "backup2", "backup3", "prune", "prune2"]}
MEANINGS = {"backup": "first backup", "backup2": "nothing changed", "backup3": "1 % changed",
            "restore": "the newest snapshot, then compared with the source", "check": "with every byte of data",
            "prune": "after the middle snapshot was forgotten", "prune2": "after all but the newest were forgotten",
            "prune3": "once more, so that nothing unused is left"}


class Data:
    """A corpus on the disk. One that nothing has changed yet is used again."""

    def __init__(self, letter, options, folder):
        self.letter, self.options = letter, options
        self.path, self.record = folder / letter, folder / f"{letter}.json"
        sources = hashlib.sha256()
        for source in sorted([*ROOT.glob("bench/backup/*.h"), *ROOT.glob("bench/backup/*.cpp")]):
            sources.update(source.read_bytes())
        self.wanted = {"scale": options.scale, "generator": sources.hexdigest()}

    def make(self):
        if self.record.exists() and json.loads(self.record.read_text(encoding="utf-8")) == self.wanted:
            return
        self.remove()
        self.generate("make", str(self.options.scale))
        self.record.write_text(json.dumps(self.wanted) + "\n", encoding="utf-8")

    def change(self):
        self.record.unlink()
        self.generate("change")

    def generate(self, verb, *more):
        try:
            subprocess.run([self.options.program, verb, self.letter, self.path, *more], check=True)
        except (OSError, subprocess.CalledProcessError) as failure:
            sys.exit(f"bench: the data can't be made: {failure}")

    def remove(self):
        self.record.unlink(missing_ok=True)
        shutil.rmtree(self.path, ignore_errors=True)

    def end(self):
        if not self.record.exists():
            self.remove()


class Life:
    """One system's way through the steps of one run."""

    def __init__(self, system, data, folder):
        self.system, self.data, self.folder = system, data, folder
        system.move_to(folder)

    def take(self, step):
        """What it took; the forgetting before a prune apart from it. Nothing for the beginning."""
        system, more = self.system, {}
        if step == "begin":
            return system.begin()
        if step.startswith("backup"):
            taken = self.measured(step, system.backup(self.data.path, step), self.data.path)
        elif step == "restore":
            taken = self.restore()
        elif step == "check":
            taken = self.measured(step, system.check(), system.repository)
        elif step == "prune3":
            taken = self.measured(step, system.prune_all(), system.repository)
        else:
            snapshots = system.snapshots()
            forgotten = snapshots[1:2] if step == "prune" else snapshots[:-1]
            forgetting = self.measured("forget", system.forget(forgotten), system.repository)
            taken = self.measured(step, system.prune(forgotten), system.repository)
            more = {"forget_s": forgetting.wall_s}
        return {"wall_s": taken.wall_s, "cpu_s": taken.cpu_s, "peak_mb": taken.peak_mb,
                "repository_mb": measure.megabytes(system.repository), **more}

    def measured(self, step, commands, needed):
        taken = measure.Taken()
        for command in commands:
            measure.warm(needed)
            os.sync()
            taken.add(measure.run(command, self.system.environment(), self.folder, self.folder / f"{step}.log"))
        return taken

    def restore(self):
        target = self.folder / "restored"
        target.mkdir()
        taken = self.measured("restore", self.system.restore(target), self.system.repository)
        # It stays until the run has ended: for five minutes ext4 passes over each inode that was deleted, one by one, so
        # that who restores after many files were removed pays for them (recently_deleted in its ialloc.c).
        measure.must_be_same(self.data.path, self.system.root_of(target, self.data.path))
        return taken


def one_run(options, letter, number, found, folder, tell):
    """Every step by every system; one that fails takes no further step. Whether all went well."""
    data = Data(letter, options, options.corpora_folder)
    data.make()
    lives = [Life(system, data, folder / f"{letter}{number}-{system.name.replace(' ', '-')}") for system in found]
    failed = []
    for turn, step in enumerate(["begin", *options.steps]):
        if step == "backup3":
            data.change()
        # Each comes first in turn.
        first = (turn + number) % len(lives)
        for life in lives[first:] + lives[:first]:
            if life in failed:
                continue
            try:
                took = life.take(step)
            except measure.Failed as failure:
                print(f"bench: {letter} {step} {life.system.name}, run {number + 1}: {failure}", file=sys.stderr,
                      flush=True)
                failed.append(life)
                continue
            if took:
                tell(life.system, letter, step, took)
    if not options.keep:
        for life in lives:
            shutil.rmtree(life.folder)
    data.end()
    return not failed


class Results:
    def __init__(self):
        self.found = {}

    def add(self, system, letter, step, taken):
        print(f"  {letter} {step:8} {system.name:16} {taken['wall_s']:8.2f} s {taken['cpu_s']:8.2f} CPU s "
              f"{taken['peak_mb']:6.0f} MB, repository {taken['repository_mb']:7.1f} MB", flush=True)
        self.found.setdefault((letter, step, system.kind, system.name), []).append(taken)

    def rows(self):
        """The medians, and the least and the most of the wall clock."""
        order = [list(CORPORA), list(STEPS), list(systems.KINDS)]
        rows = []
        for (letter, step, kind, name), runs in self.found.items():
            row = {"corpus": letter, "step": step, "kind": kind, "system": name, "runs": len(runs)}
            row |= {what: round(statistics.median(one[what] for one in runs), 3) for what in runs[0]}
            walls = [one["wall_s"] for one in runs]
            rows.append(row | {"min_wall_s": round(min(walls), 3), "max_wall_s": round(max(walls), 3)})
        return sorted(rows, key=lambda row: [names.index(row[what]) for names, what
                                             in zip(order, ("corpus", "step", "kind"))] + [row["system"]])


def show(rows, judgements):
    for letter in dict.fromkeys(row["corpus"] for row in rows):
        print(f"\ncorpus {letter}: {CORPORA[letter]}\n{'step':8} {'system':16} {'wall s':>8} {'min':>8} {'max':>8} "
              f"{'CPU s':>8} {'peak MB':>8} {'repo MB':>8}  muster : best peer")
        for row in [row for row in rows if row["corpus"] == letter]:
            best = bars.best_peer(rows, letter, row["step"])
            ratio = ""
            if row["kind"] == "muster" and best:
                ratio = f"1 : {best['wall_s'] / row['wall_s']:.2f} ({best['system']})"
            print(f"{row['step']:8} {row['system']:16} {row['wall_s']:8.2f} {row['min_wall_s']:8.2f} "
                  f"{row['max_wall_s']:8.2f} {row['cpu_s']:8.2f} {row['peak_mb']:8.0f} {row['repository_mb']:8.1f}  "
                  f"{ratio}".rstrip())
    print()
    for one in judgements:
        verdict = {True: "met", False: "MISSED", None: "not measured"}[one["met"]]
        print(f"{verdict:12} {one['bar']}: {one['reached'] or '-'}")


def listed(known):
    def words(text):
        chosen = text.split(",")
        wrong = [word for word in chosen if word not in known]
        if wrong:
            raise argparse.ArgumentTypeError(f"\"{wrong[0]}\" is none of {','.join(known)}")
        return chosen
    return words


def positive(kind):
    def number(text):
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError("must be greater than 0")
        return value
    return number


def parse_arguments():
    steps = "\n".join(f"  {step:8} {meaning}" for step, meaning in MEANINGS.items())
    parser = argparse.ArgumentParser(description=__doc__, epilog=f"steps:\n{steps}",
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", default=str(ROOT / "build/release/bench/bench_backup"), help="makes the data")
    parser.add_argument("--muster", default=str(ROOT / "build/release/muster"), metavar="PATH", help="the program muster")
    parser.add_argument("--tools", type=listed(systems.KINDS), default=list(systems.KINDS), metavar="restic,borg")
    parser.add_argument("--corpora", type=listed(CORPORA), default=list(CORPORA), metavar="a,b")
    parser.add_argument("--steps", type=listed(STEPS), default=list(STEPS), metavar="backup,restore",
                        help="with those that they need")
    parser.add_argument("--scale", type=positive(float), default=1.0, help="0.1 for a tenth of the data")
    parser.add_argument("--runs", type=positive(int), default=3)
    parser.add_argument("--work", metavar="DIR", help="where data and repositories lie; unchanged data is left there for "
                        "the next time (default: a temporary folder)")
    parser.add_argument("--json", metavar="FILE", help="rows and bars, written anew after each run of a corpus")
    parser.add_argument("--prepare", action="store_true", help="only make the data")
    parser.add_argument("--keep", action="store_true", help="leave repositories, logs and restored files")
    options = parser.parse_args()
    if (options.keep or options.prepare) and not options.work:
        parser.error("--keep and --prepare need --work")
    if options.json and not os.access(pathlib.Path(options.json).resolve().parent, os.W_OK):
        parser.error(f"can't write {options.json}")
    needed = set(options.steps).union(*(STEPS[step] for step in options.steps))
    options.steps = [step for step in STEPS if step in needed]
    options.program = str(pathlib.Path(options.program).resolve())
    return options


def write(options, found, results):
    rows = results.rows()
    judgements = bars.judged(rows, options.scale)
    if options.json:
        whole = {"scale": options.scale, "systems": {system.name: system.program for system in found}, "rows": rows,
                 "bars": judgements}
        pathlib.Path(options.json).write_text(json.dumps(whole, indent=1) + "\n", encoding="utf-8")
    return rows, judgements


def measure_all(options, found, folder):
    results, all_well = Results(), True
    for letter in options.corpora:
        for number in range(options.runs):
            all_well &= one_run(options, letter, number, found, folder, results.add)
            write(options, found, results)
    show(*write(options, found, results))
    return 0 if all_well else 1


def prepare(options):
    for letter in options.corpora:
        data = Data(letter, options, options.corpora_folder)
        data.make()
        print(f"{data.path}: {CORPORA[letter]}; at scale {options.scale:g} {measure.megabytes(data.path):,.0f} MB")
    return 0


def main():
    options = parse_arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # So that the folder goes with this program.
    found = [] if options.prepare else systems.found(options.tools, options.muster)
    if not found and not options.prepare:
        print("bench: there is nothing to measure\nnext: script/setup --bench", file=sys.stderr)
        return 2
    if options.work:
        pathlib.Path(options.work).mkdir(parents=True, exist_ok=True)
    place = pathlib.Path(tempfile.mkdtemp(prefix="muster-backup-", dir=options.work)).resolve()
    options.corpora_folder = pathlib.Path(options.work).resolve() / "corpora" if options.work else place / "corpora"
    options.corpora_folder.mkdir(parents=True, exist_ok=True)
    try:
        return prepare(options) if options.prepare else measure_all(options, found, place)
    finally:
        if options.keep:
            print(f"bench: repositories and logs are in {place}")
        else:
            shutil.rmtree(place, ignore_errors=True)


if __name__ == "__main__":
    began = time.monotonic()
    code = main()
    print(f"took {time.monotonic() - began:.0f} s")
    sys.exit(code)

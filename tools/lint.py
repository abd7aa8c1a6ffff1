#!/usr/bin/env python3
"""Runs clang-tidy over the compiled sources, one per core, and remembers what was clean.

A source is checked again when it, a project header that it reaches, or the rules changed.
Usage: [JOBS=N] lint.py BUILD_DIR [PATH …]
"""
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FINDING = re.compile(r"^(/[^:]+):\d+:\d+: (?:error|warning): .*\[([\w.-]+)[^\]]*\]$")
INCLUDE = re.compile(r'^#include "([^"]+)"', re.M)


def closure(path, seen):
    if path in seen or not path.exists():
        return
    seen.add(path)
    for name in INCLUDE.findall(path.read_text(encoding="utf-8")):
        for base in (ROOT / "src", path.parent, ROOT / "tests"):
            if (base / name).exists():
                closure((base / name).resolve(), seen)
                break


def key_of(path):
    seen = set()
    closure(path, seen)
    mark = hashlib.sha256((ROOT / ".clang-tidy").read_bytes())
    for part in sorted(seen):
        mark.update(str(part.relative_to(ROOT)).encode())
        mark.update(part.read_bytes())
    return mark.hexdigest()


def ours(text):
    """The findings inside the project, and whatever keeps a source from being read at all.

    The analyzer takes Asio's awaitable for uninitialised, since it does not model coroutines. It names a place inside
    Boost, but clang-tidy's filters let it pass for the sake of its notes, which lie in our sources.
    """
    kept = []
    keeps = True
    for line in text.splitlines():
        finding = FINDING.match(line)
        if finding:
            keeps = ROOT in pathlib.Path(finding[1]).parents or finding[2].startswith("clang-diagnostic-")
        if keeps and line.strip():
            kept.append(line)
    return "\n".join(kept)


def check(build, path):
    done = subprocess.run(
        ["clang-tidy-19", "--quiet", "-p", str(build), str(path)], capture_output=True, text=True
    )
    found = ours(done.stdout)
    is_clean = done.returncode == 0 or (done.stdout.strip() and not found)
    return is_clean, found


def main():
    build = pathlib.Path(sys.argv[1]).resolve()
    wanted = [pathlib.Path(p).resolve() for p in sys.argv[2:]]
    known = build / "lint-clean"
    known.mkdir(exist_ok=True)
    commands = json.loads((build / "compile_commands.json").read_text())
    sources = sorted({pathlib.Path(entry["file"]) for entry in commands})
    sources = [s for s in sources if ROOT / "src" in s.parents and not s.name.endswith("_test.cpp")]
    if wanted:
        sources = [s for s in sources if any(w == s or w in s.parents for w in wanted)]
    todo = [(s, key_of(s)) for s in sources]
    todo = [(s, k) for s, k in todo if not (known / k).exists()]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(int(os.environ.get("JOBS", 0)) or len(os.sched_getaffinity(0))) as pool:
        jobs = {pool.submit(check, build, s): (s, k) for s, k in todo}
        for job in concurrent.futures.as_completed(jobs):
            source, key = jobs[job]
            is_clean, text = job.result()
            if is_clean:
                (known / key).touch()
            else:
                failed += 1
                print(text or f"{source.relative_to(ROOT)}: clang-tidy failed", flush=True)
    print(f"lint: {len(sources)} sources, {len(todo)} checked, {failed} with findings")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())

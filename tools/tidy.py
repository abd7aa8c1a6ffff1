#!/usr/bin/env python3
"""Checks the rules of the house that no compiler knows: layers, names, sizes, documents.

Prints one line per breach, `file:line: rule`, and exits 1 when there is any.
"""
import hashlib
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
SRC = ROOT / "src"

# What a folder's files may include; the folder itself is always allowed. The table of the style guide.
LAYERS = {
    "base": set(),
    "plan": {"base"},
    "state": {"base"},
    "probe": {"base", "plan"},
    "steer": {"base", "plan"},
    "backup": {"base"},
    "postgres": {"base"},
    "decide": {"base", "plan", "probe"},
    "workflow": {"base", "plan", "state"},
    "component": {"base", "plan", "probe", "steer", "workflow", "postgres"},
    "evidence": {"base", "plan", "workflow", "state"},
    "protection": {"base", "plan", "workflow", "state"},
}
CORE = set(LAYERS) | {"agent"}
LAYERS["agent"] = set(LAYERS)
LAYERS["sim"] = set(CORE)
LAYERS["api"] = set(CORE)
BANNED_FOLDERS = {"utils", "util", "common", "helpers", "helper", "manager", "misc"}

# What only adapters may do; core reads time, chance and the outside through ports.
CORE_BANNED = [
    (re.compile(r"\b(steady_clock|system_clock|high_resolution_clock)::now"), "core reads no clock"),
    (re.compile(r"\bstd::(thread|jthread|async)\b"), "core starts no thread"),
    (re.compile(r"\bstd::mutex\b"), "core takes no lock"),
    (re.compile(r"\b(std::)?(getenv|secure_getenv)\s*\("), "core reads no environment"),
    (re.compile(r"\b(std::random_device|std::rand|srand)\b"), "core reads no entropy"),
    (re.compile(r"\b(std::)?([io]?fstream|fopen|popen)\b"), "core opens no file or process"),
    (re.compile(r"#include <(sys/|unistd|fcntl|netinet|arpa|spawn|pthread|filesystem)"), "core includes no system header"),
]
# Forward declarations of JSON types are cheap and keep JSON itself in the sources.
HEADER_BANNED = re.compile(r"#include <(boost/(?!json/fwd\.hpp)|yaml-cpp|spdlog|fmt|ldns|libpq|curl|sqlite3|openssl|sodium|zstd|simdjson|fuse)")
# The backup engine blocks and is run by many threads at once (docs/adr/0021): there locks are the rule, not a breach.
LOCKING = {"backup"}
AWAITABLE = SRC / "base" / "task.h"
# The backup engine's way to JSON; its sources include it, no header may.
JSON_READER = SRC / "backup" / "format" / "json_reader.h"


def folder_of(path):
    parts = path.relative_to(SRC).parts
    if parts[0] == "adapters" and len(parts) > 2:
        return "adapters/" + parts[1]
    return parts[0] if len(parts) > 1 else ""


def target_of(include):
    parts = include.split("/")
    return "/".join(parts[:2]) if parts[0] == "adapters" else (parts[0] if len(parts) > 1 else "")


def allowed(folder, target):
    if folder == target or not target:
        return True
    if folder in LAYERS:
        return target in LAYERS[folder]
    if folder.startswith("adapters/"):
        return target in (CORE - {"agent"}) | {"adapters/net", "adapters/os"}
    return True  # daemon, cli, main


def is_test(path):
    """Tests and what supports only them; nothing else may include a header of this kind."""
    return bool(re.search(r"_test(_support)?\.(h|cpp)$", path.name)) or "testing" in path.relative_to(SRC).parts


def check_include(path, number, line, report):
    found = re.match(r'#include "([^"]+)"', line)
    if not found or not (SRC / found.group(1)).exists():
        return
    if is_test(SRC / found.group(1)):
        report(path, number, f"{found.group(1)} is for tests only")
    if SRC / found.group(1) == JSON_READER and path.suffix == ".h":
        report(path, number, "only sources include the reader of JSON")
    folder, target = folder_of(path), target_of(found.group(1))
    if not allowed(folder, target):
        report(path, number, f"{folder} may not include {found.group(1)}")
    if re.search(r'"adapters/.*/all_\w+\.h"', line) and folder not in ("daemon", "cli", target):
        report(path, number, "only daemon and cli include the registries of adapters")


def check_source(path, report):
    folder = folder_of(path)
    is_header = path.suffix == ".h"
    for_tests = is_test(path)
    lines = path.read_text(encoding="utf-8").splitlines()
    limit = 200 if is_header else 500
    if len(lines) > limit and not for_tests:
        report(path, len(lines), f"{len(lines)} lines; a {'header' if is_header else 'source'} has at most {limit}")
    if is_header and "#pragma once" not in lines[:3]:
        report(path, 1, "a header begins with #pragma once")
    for number, line in enumerate(lines, 1):
        if len(line) > 100:
            report(path, number, f"{len(line)} columns; a line has at most 100")
        if not for_tests:
            check_include(path, number, line, report)
        if folder in CORE and not for_tests:
            for pattern, rule in CORE_BANNED:
                if rule == "core takes no lock" and folder in LOCKING:
                    continue
                if pattern.search(line.split("//")[0]):
                    report(path, number, rule)
            if is_header and HEADER_BANNED.search(line) and path not in (AWAITABLE, JSON_READER):
                report(path, number, "third-party headers stay out of core headers")
        if re.search(r"\b(TODO|FIXME|XXX|HACK)\b", line):
            report(path, number, "unfinished work is an issue, not a comment")


def project_files():
    for path in sorted(ROOT.rglob("*")):
        if not {".git", "build", "__pycache__"} & set(path.relative_to(ROOT).parts):
            yield path


def check_folders(report):
    for path in project_files():
        if path.is_dir() and path.name in BANNED_FOLDERS:
            report(path, 1, f'"{path.name}" is no noun of this project')


def check_machine_paths(report):
    """No absolute path of one machine in anything committed."""
    pattern = re.compile(r"(?<![\w.])/(work|root|home/\w+)/")
    for path in project_files():
        if not path.is_file() or path == pathlib.Path(__file__).resolve():
            continue
        try:
            text = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue
        for number, line in enumerate(text.splitlines(), 1):
            if pattern.search(line):
                report(path, number, "an absolute path of one machine")


def check_architecture(report):
    """ARCHITECTURE.md names files and types that exist, and is at most 400 lines long."""
    page = ROOT / "ARCHITECTURE.md"
    if not page.exists():
        report(page, 1, "is missing")
        return
    lines = page.read_text(encoding="utf-8").splitlines()
    if len(lines) > 400:
        report(page, len(lines), "has more than 400 lines")
    headers = "\n".join(p.read_text(encoding="utf-8") for p in SRC.rglob("*.h"))
    for number, line in enumerate(lines, 1):
        for name in re.findall(r"`((?:src|tests|script|docs|tools|examples|bench)/[\w./-]+|[\w/]+\.(?:h|cpp))`", line):
            if not (ROOT / name).exists() and not (SRC / name).exists():
                report(page, number, f"names {name}, which does not exist")
        for name in re.findall(r"`([A-Z]\w+(?:::\w+)*)`", line):
            if not re.search(r"\b" + re.escape(name.split("::")[-1]) + r"\b", headers):
                report(page, number, f"names {name}, which no header declares")


def digest(path):
    return hashlib.sha256(path.read_bytes()).hexdigest()[:12]


def check_pins(report, update):
    """A page in docs/design/ is pinned to the files that implement it: `pinned: src/x.cpp 0123456789ab`."""
    for page in sorted((ROOT / "docs" / "design").glob("*.md")):
        text = page.read_text(encoding="utf-8")
        pins = re.findall(r"^pinned: (\S+) ([0-9a-f]{12})$", text, re.M)
        if not pins:
            report(page, 1, "has no `pinned: FILE HASH` line")
        for name, known in pins:
            source = ROOT / name
            if not source.exists():
                report(page, 1, f"is pinned to {name}, which does not exist")
            elif digest(source) != known and update:
                text = text.replace(f"pinned: {name} {known}", f"pinned: {name} {digest(source)}")
            elif digest(source) != known:
                report(page, 1, f"{name} has changed; read the page again, then script/check --update-pins")
        if update:
            page.write_text(text, encoding="utf-8")


def main():
    breaches = []

    def report(path, line, rule):
        breaches.append(f"{path.relative_to(ROOT)}:{line}: {rule}")

    for path in sorted(SRC.rglob("*")):
        if path.suffix in (".h", ".cpp"):
            check_source(path, report)
    check_folders(report)
    check_machine_paths(report)
    check_architecture(report)
    check_pins(report, "--update-pins" in sys.argv)
    print("\n".join(breaches) if breaches else "tidy: layers, names, sizes and documents are in order")
    return 1 if breaches else 0


if __name__ == "__main__":
    sys.exit(main())

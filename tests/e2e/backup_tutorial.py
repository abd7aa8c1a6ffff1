#!/usr/bin/env python3
"""The tutorial "Back up, lose, restore" as its reader types it: each command works, and prints what the page shows."""
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

import stage

PAGE = stage.ROOT / "docs" / "tutorial" / "back-up-lose-restore.md"
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
MARK = "-- end of a block --"


def shape(line):
    """A line without what differs from run to run: where it ran, ids, numbers, units of size and time, blanks between
    columns, the machine's name in the table of snapshots, who made one."""
    line = re.sub(r"/\S*tmp\.\w{10}", "TMP", line)
    line = re.sub(rf"(\d\d:\d\d:\d\d +)({re.escape(socket.gethostname())}|vm)\b", r"\1HOST", line)
    line = re.sub(r" by \S+@\S+$", " by WHO", line)
    line = re.sub(r"\b[0-9a-f]{8,64}\b", "ID", line)
    line = re.sub(r"\d+([.:-]\d+)*( ?([KMG]i?B|B|ms|s|min)\b)?", "N", line)
    return " ".join(line.split())


class Tutorial(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="muster-e2e-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)

    def type(self, commands):
        """What each of the blocks printed, typed one after the other in one shell that stops at the first failure."""
        built = self.folder / "clone" / "build" / "release"
        built.parent.mkdir(parents=True)
        built.symlink_to(stage.BUILD)
        environment = {key: value for key, value in os.environ.items() if not key.startswith(("MUSTER_", "RESTIC_"))}
        environment |= {"HOME": str(self.folder), "TMPDIR": str(self.folder), "TZ": "UTC",
                        "XDG_CACHE_HOME": str(self.folder / "cache")}
        script = "".join(f"{block}\necho '{MARK}'\n" for block in commands)
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", script], cwd=self.folder / "clone", text=True,
                              stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=120,
                              env=environment, check=False)
        self.assertEqual(done.returncode, 0, done.stdout)
        printed = done.stdout.split(MARK + "\n")
        self.assertEqual(len(printed), len(commands) + 1, done.stdout)
        return printed[:-1]

    def test_every_command_works_and_prints_what_the_page_shows(self):
        blocks = BLOCK.findall(PAGE.read_text(encoding="utf-8"))
        commands = [text for kind, text in blocks if kind == "sh"]
        printed = iter(self.type(commands))
        out = ""
        for kind, text in blocks:
            if kind == "sh":
                out = next(printed)
                continue
            real = {shape(line) for line in out.splitlines()}
            for line in text.splitlines():
                if line.strip() not in ("", "…"):
                    self.assertIn(shape(line), real, f"the page shows {line!r}; it printed:\n{out}")
        (proof,) = [text for kind, text in blocks if "sha256sum --check" in text]
        self.assertIn("sha256sum --check", proof)
        (left,) = self.folder.glob("tmp.*")
        self.assertTrue((left / "shop" / "orders.csv").is_file(), "the data is not back")


if __name__ == "__main__":
    stage.main()

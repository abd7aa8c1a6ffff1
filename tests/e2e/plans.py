#!/usr/bin/env python3
"""The commands that write, check and draw plans, with good, bad and hostile files."""
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree

import stage

PLANS = stage.ROOT / "tests" / "plans"
MOST_MEMORY = 100 << 20
MOST_SECONDS = 5  # A second is asked for; a loaded machine gets more.
FINDING = re.compile(r"^(?P<file>.+):(?P<line>\d+):(?P<column>\d+): (error|warning): .+$", re.MULTILINE)
EXPECTED = re.compile(r"^# expect: (\d+:\d+) (.+)$", re.MULTILINE)


def is_for_unit_tests(path):
    return "# vocabulary: test only" in path.read_text(encoding="utf-8", errors="replace")


SMALLEST = (PLANS / "good" / "smallest.yaml").read_text(encoding="utf-8")


class Measured:
    """One call of muster with what it took."""

    def __init__(self, case, *argv):
        began = time.monotonic()
        out, err = case.folder / "stdout", case.folder / "stderr"
        with open(out, "wb") as stdout, open(err, "wb") as stderr:
            process = subprocess.Popen([str(case.binary), *map(str, argv)], stdout=stdout, stderr=stderr,
                                       stdin=subprocess.DEVNULL)
            _, status, usage = os.wait4(process.pid, 0)
            process.returncode = os.waitstatus_to_exitcode(status)
        self.code = process.returncode
        self.seconds = time.monotonic() - began
        self.memory = usage.ru_maxrss * 1024
        self.out = out.read_text(encoding="utf-8", errors="replace")
        self.err = err.read_text(encoding="utf-8", errors="replace")


class Plans(stage.Case):
    def setUp(self):
        super().setUp()
        # Where the account that runs muster can read them, wherever the checkout lies.
        self.plans = self.folder / "plans"
        shutil.copytree(PLANS, self.plans)

    def refuse(self, name, content, says=None):
        """A hostile file gets a clear error at once, and no crash."""
        path = self.folder / name if content is None else self.file(name, content)
        done = Measured(self, "validate", path)
        self.assertEqual(done.code, 2, f"{name}: {done.err[:500]}")
        self.assertRegex(done.err, r"error: ", name)
        if says:
            self.assertRegex(done.err, says, name)
        self.assertLess(done.memory, MOST_MEMORY, f"{name} took {done.memory >> 20} MiB")
        self.assertLess(done.seconds, MOST_SECONDS, name)
        self.assertLess(len(done.err), 1 << 20, f"{name}: the answer is a flood")
        return done

    def accept(self, name, content):
        return self.muster("validate", self.file(name, content))

    def test_every_good_plan_is_valid(self):
        for path in sorted(self.plans.glob("good/*.yaml")):
            if is_for_unit_tests(path):
                continue
            with self.subTest(path.name):
                done = self.muster("validate", path)
                self.assertRegex(done.stdout, rf"{re.escape(str(path))}: plan \S+ is valid: ")

    def test_every_bad_plan_is_refused_at_a_place_with_a_hint(self):
        paths = [path for path in sorted(self.plans.glob("bad/*.yaml")) if not is_for_unit_tests(path)]
        self.assertGreater(len(paths), 60)
        for path in paths:
            with self.subTest(path.name):
                done = self.muster("validate", path, code=2)
                places = [place for place in FINDING.finditer(done.stderr) if place["file"] == str(path)]
                self.assertTrue(places, done.stderr)
                lines = path.read_text(encoding="utf-8", errors="replace").count("\n") + 1
                self.assertTrue(all(1 <= int(place["line"]) <= lines for place in places), done.stderr)
                self.assertIn("hint: ", done.stderr)
                for place, message in EXPECTED.findall(path.read_text(encoding="utf-8", errors="replace")):
                    self.assertRegex(done.stderr, re.escape(f"{path}:{place}: error: ") + ".*" + re.escape(message))
                self.assertEqual(done.stdout, "")

    def test_all_mistakes_are_reported_in_one_go(self):
        path = self.plans / "bad" / "many_mistakes.yaml"
        done = self.muster("validate", path, code=2)
        self.assertGreaterEqual(len(re.findall(": error: ", done.stderr)), 5)
        self.assertIn("did you mean", done.stderr)
        found = json.loads(self.muster("validate", path, "--json", code=2).stdout)["diagnostics"]
        self.assertEqual({"file", "line", "column", "severity", "message", "hint"}, set(found[0]))
        self.assertGreaterEqual(sum(one["severity"] == "error" for one in found), 5)

    def test_the_schema_agrees_with_the_loader_on_the_corpus(self):
        schema = self.file("schema.json", self.muster("schema").stdout)
        done = subprocess.run([sys.executable, stage.ROOT / "tests" / "schema_corpus.py", schema], text=True,
                              capture_output=True, check=False)
        self.assertEqual(done.returncode, 0, done.stdout + done.stderr)

    def test_the_starter_plan_is_valid_and_never_overwrites(self):
        path = self.folder / "starter.yaml"
        self.assertIn("validate", self.muster("init", path).stdout)
        self.muster("validate", path)
        self.assertIn("--force", self.muster("init", path, code=2).stderr)
        self.muster("init", path, "--force")
        self.assertEqual(self.muster("init", "-").stdout, path.read_text(encoding="utf-8"))
        self.muster("init", self.folder / "no" / "such" / "folder.yaml", code=1)

    def test_graphs_are_mermaid_and_svg(self):
        shop = self.plans / "good" / "shop.yaml"
        self.assertRegex(self.muster("graph", shop).stdout, r"^(flowchart|graph) ")
        picture = xml.etree.ElementTree.fromstring(self.muster("graph", shop, "--svg").stdout)
        self.assertTrue(picture.tag.endswith("svg"))
        self.assertEqual(json.loads(self.muster("graph", shop, "--json").stdout)["format"], "mermaid")
        self.muster("graph", self.plans / "bad" / "tab.yaml", code=2)

    def test_the_runbook_names_every_move(self):
        text = self.muster("runbook", self.plans / "good" / "shop.yaml").stdout
        for word in ("ailover", "witchover", "orders"):
            self.assertIn(word, text)

    def test_bad_usage_ends_with_2(self):
        for argv in ([], ["frobnicate"], ["validate"], ["validate", "a", "b"], ["--data"],
                     ["run"], ["report", "x", "--format", "pdf"], ["serve", "x", "--log-level", "loud"]):
            with self.subTest(argv):
                self.muster(*argv, code=2)
        self.muster("--help")
        self.assertRegex(self.muster("--version").stdout, r"^muster \d+\.\d+\.\d+")

    def test_a_file_that_cant_be_read_is_said(self):
        for path in (self.folder / "none.yaml", self.folder, "/dev/full/x"):
            done = self.muster("validate", path, code=2)
            self.assertRegex(done.stderr, "error: ")

    def test_binary_junk_is_refused(self):
        self.refuse("junk.yaml", os.urandom(1 << 20))
        self.refuse("nul.yaml", b"muster: 1\nplan: a\0b\n")
        self.refuse("latin.yaml", b"muster: 1\nplan: caf\xe9\n")
        self.refuse("utf16.yaml", SMALLEST.encode("utf-16"))
        self.refuse("empty.yaml", b"")
        self.refuse("control.yaml", b"muster: 1\nplan: \x1b[31mred\n")

    def test_huge_files_are_refused(self):
        huge = self.file("huge.yaml")
        with open(huge, "wb") as file:
            for _ in range(2_400):
                file.write(b"# a comment line that says nothing at all\n" * 1_000)
        self.assertGreater(huge.stat().st_size, 100_000_000)
        self.refuse("huge.yaml", None, "large|big|MiB|bytes")
        self.refuse("wide.yaml", "muster: 1\nplan: p\nsites: {" + ", ".join(f"s{n}: {{}}" for n in range(50_000)) + "}\n")
        done = Measured(self, "validate", "/dev/zero")
        self.assertEqual(done.code, 2)
        self.assertLess(done.memory, MOST_MEMORY)

    def test_alias_bombs_are_refused(self):
        bomb = "a0: &a0 [x,x,x,x,x,x,x,x,x]\n" + "".join(
            f"a{n}: &a{n} [" + ",".join([f"*a{n - 1}"] * 9) + "]\n" for n in range(1, 12))
        self.refuse("bomb.yaml", bomb)
        self.refuse("self.yaml", "muster: 1\nplan: &p [*p]\n")
        self.refuse("quadratic.yaml", "a: &a " + "x" * 100_000 + "\nb: [" + ", ".join(["*a"] * 20_000) + "]\n")

    def test_deep_nesting_is_refused(self):
        self.refuse("flow.yaml", "muster: " + "[" * 200_000)
        self.refuse("closed.yaml", "muster: " + "[" * 5_000 + "]" * 5_000 + "\n")
        self.refuse("maps.yaml", "muster: " + "{a: " * 50_000)
        self.refuse("block.yaml", "".join("  " * n + "a:\n" for n in range(1_500)))
        self.refuse("dashes.yaml", "- " * 100_000 + "x\n")

    def test_ordinary_slips_are_told(self):
        self.refuse("twice.yaml", SMALLEST + "plan: again\n", "twice|duplicate|already")
        self.refuse("tab.yaml", SMALLEST.replace("  east", "\teast", 1), "tab")
        self.refuse("long.yaml", "muster: 1\nplan: " + "x" * 5_000_000 + "\n")
        self.refuse("documents.yaml", SMALLEST + "---\n" + SMALLEST)

    def test_line_ends_and_byte_order_marks_do_no_harm(self):
        self.accept("crlf.yaml", SMALLEST.replace("\n", "\r\n").encode())
        self.accept("bom.yaml", b"\xef\xbb\xbf" + SMALLEST.encode())
        self.accept("both.yaml", b"\xef\xbb\xbf" + SMALLEST.replace("\n", "\r\n").encode())


if __name__ == "__main__":
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    stage.main()

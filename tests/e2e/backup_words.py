#!/usr/bin/env python3
"""`muster backup` from the outside: what a person types, what comes back, hooks, streams, and locks shared with restic."""
import fcntl
import json
import os
import pty
import random
import re
import shutil
import signal
import struct
import subprocess
import termios
import time

import backup_stage
import stage
from backup_stage import PASSWORD

IS_ROOT = os.geteuid() == 0
NOBODY = 65534


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


class Words(backup_stage.Case):
    """What a person types, and what comes back."""

    def setUp(self):
        super().setUp()
        self.tree = self.folder / "tree"
        self.tree.mkdir()
        write(self.tree / "file", b"content")

    def test_passwords_come_by_file_command_and_environment(self):
        bare = {"RESTIC_PASSWORD": "", "RESTIC_REPOSITORY": ""}
        secret = self.folder / "secret"
        secret.write_text(PASSWORD + "\n", encoding="utf-8")
        secret.chmod(0o600)
        place = ("--repo", self.repository)
        self.muster("backup", *place, "--password-file", secret, self.tree, environment=bare)
        self.muster("backup", *place, "--password-command", f"cat {secret}", self.tree, environment=bare)
        for prefix in ("MUSTER_", "RESTIC_"):
            for name, value in (("PASSWORD", PASSWORD), ("PASSWORD_FILE", secret),
                                ("PASSWORD_COMMAND", f"cat {secret}")):
                self.muster("backup", self.tree, environment={
                    **bare, prefix + name: str(value), prefix + "REPOSITORY": str(self.repository)})
        (self.folder / "where").write_text(f"{self.repository}\n", encoding="utf-8")
        self.muster("backup", "--repository-file", self.folder / "where", "--password-file", secret, self.tree,
                    environment=bare)
        self.assertEqual(len(self.snapshots()), 9)
        self.muster("backup", *place, "--password-command", "false", self.tree, environment=bare, code=1)

    def test_options_of_all_commands_may_stand_before_the_command_as_in_restic(self):
        bare = {"RESTIC_PASSWORD": "", "RESTIC_REPOSITORY": ""}
        secret = self.folder / "secret"
        secret.write_text(PASSWORD, encoding="utf-8")
        before = ("-r", self.repository, "--password-file", secret, "--no-cache")
        self.muster(*before, "-q", "backup", self.tree, environment=bare)
        done = self.muster(*before, "-v", "backup", "-v", "--force", self.tree, environment=bare)
        self.assertIn(f"new  {self.tree / 'file'}\n", done.stdout)
        self.assertEqual(len(json.loads(self.muster(*before, "--no-lock", "--json", "snapshots", environment=bare).stdout)), 2)
        self.muster("key", *before, "list", environment=bare)
        self.muster(*before, "init", environment=bare, code=2)
        self.assertFalse((self.folder / "plan.yaml").exists())

    def test_exit_codes_tell_what_happened(self):
        self.muster("backup", self.tree, code=0)
        self.muster("backup", code=2)
        self.muster("backup", "--no-such-option", self.tree, code=2)
        self.muster("backup", self.tree, "--exclude", "[", code=2)
        self.muster("backup", self.folder / "absent", code=1)
        self.muster("backup", self.tree, self.folder / "absent", code=3)
        self.muster("backup", "--repo", self.folder / "no-repository", self.tree, code=10)
        done = self.muster("backup", self.tree, environment={"RESTIC_PASSWORD": "wrong"}, code=12)
        self.assertNotIn("wrong", done.stderr.replace("wrong password", ""))
        self.muster("repo", "init", code=1)
        self.assertEqual(len(self.snapshots()), 2)

    def test_what_nobody_may_read_is_told_and_left_out(self):
        if not IS_ROOT:
            self.skipTest("takes root, which becomes somebody else")
        (self.tree / "closed").mkdir(mode=0o700)
        write(self.tree / "closed" / "in", b"x")
        (self.tree / "listed").mkdir(mode=0o744)
        write(self.tree / "listed" / "in", b"x")
        write(self.tree / "secret", b"x")
        (self.tree / "secret").chmod(0o600)
        self.folder.chmod(0o755)
        for path in [self.repository, *self.repository.rglob("*")]:
            os.lchown(path, NOBODY, NOBODY)
        done = self.run_program(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", self.binary,
                                 "backup", "--no-cache", "--json", self.tree], code=3)
        told = {json.loads(line)["item"] for line in done.stderr.splitlines()}
        self.assertEqual(told, {str(self.tree / name) for name in ("closed", "listed/in", "secret")})
        self.assertIn(str(self.tree / "file"), self.restic("ls", "latest").stdout)
        done = self.run_program(["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", self.binary,
                                 "backup", "--no-cache", "--quiet", self.tree], code=3)
        self.assertEqual(done.stderr.splitlines()[-1], "warning: 3 files or directories could not be read, see above; "
                         "the snapshot is without them")

    def test_json_lines_are_json(self):
        for number in range(50):
            write(os.path.join(os.fsencode(self.tree), b"n\xff\n\"%d" % number), b"x")
        done = self.muster("backup", "--json", "-vv", self.tree, self.folder / "absent", code=3)
        lines = [json.loads(line) for line in done.stdout.splitlines()]
        kinds = [line["message_type"] for line in lines]
        self.assertEqual(kinds[-1], "summary")
        self.assertGreater(kinds.count("verbose_status"), 50)
        errors = [json.loads(line) for line in done.stderr.splitlines()]
        self.assertEqual(errors[0]["item"], str(self.folder / "absent"))

    def test_the_standard_input_is_a_file(self):
        content = random.Random(3).randbytes(3_000_000)
        self.backup("--stdin", "--stdin-filename", "dumps/all.sql", data=content)
        self.assertEqual((self.restored() / "dumps" / "all.sql").read_bytes(), content)
        self.backup("--stdin", data=b"")
        self.check()

    def test_a_command_that_fails_leaves_no_snapshot(self):
        self.backup("--stdin-from-command", "--stdin-filename", "x", "--", "sh", "-c", "echo out")
        self.assertEqual((self.restored() / "x").read_text(encoding="utf-8"), "out\n")
        self.muster("backup", "--stdin-from-command", "--", "sh", "-c", "echo out; exit 3", code=1)
        self.muster("backup", "--stdin-from-command", "--", "sh", "-c", "echo out; kill -9 $$", code=1)
        self.muster("backup", "--stdin-from-command", "--", "no-such-command", code=(1, 2))
        self.assertEqual(len(self.snapshots()), 1)
        self.check()

    def test_hooks_run_before_and_after_whatever_happens(self):
        log = self.folder / "log"
        pre, post = f"echo pre >>{log}", f'echo "post $MUSTER_HOOK_STATUS" >>{log}'
        hooks = ("--pre-hook", pre, "--post-hook", post)
        self.muster("backup", *hooks, self.tree)
        self.assertEqual(log.read_text(encoding="utf-8"), "pre\npost ok\n")
        log.unlink()
        self.muster("backup", *hooks, "--stdin-from-command", "--", "false", code=1)
        self.assertEqual(log.read_text(encoding="utf-8"), "pre\npost failed\n")
        log.unlink()
        self.muster("backup", "--pre-hook", f"{pre}; exit 4", "--post-hook", post, self.tree, code=1)
        self.assertEqual(log.read_text(encoding="utf-8"), "pre\npost failed\n")
        self.assertEqual(len(self.snapshots()), 1)
        log.unlink()
        process = self.start("backup", *hooks, "--stdin", stdin=subprocess.PIPE)
        self.eventually("the pre hook", lambda: log.exists() and log.read_text(encoding="utf-8") == "pre\n")
        self.kill(process)
        self.eventually("the post hook", lambda: log.read_text(encoding="utf-8") == "pre\npost killed\n")
        self.muster("backup", self.tree, "--post-hook", "exit 9", code=1)


class OnTerminal(backup_stage.Case):
    WIDTH = 100

    def terminal(self, *argv, code=0):
        """What the program writes to a terminal."""
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, self.WIDTH, 0, 0))
        with subprocess.Popen([self.binary, *argv], cwd=self.folder, env=self.environment | {"TERM": "xterm"},
                              stdin=subprocess.DEVNULL, stdout=theirs, stderr=theirs) as process:
            self.processes.append(process)
            os.close(theirs)
            text = b""
            try:
                while part := os.read(ours, 65536):
                    text += part
            except OSError:  # Nobody has the other end any more.
                pass
        os.close(ours)
        self.assertEqual(process.returncode, code, text)
        return text.decode()


class Progress(OnTerminal):
    """How far it is, where somebody looks."""

    LINE = re.compile(r"\[0:\d\d\] +(\d+\.\d)%  (\d+) of (\d+) files, [\d.]+ \w+ of [\d.]+ \w+, [\d.]+ \w+/s, "
                      r"ETA \d:\d\d, 0 errors")

    def setUp(self):
        super().setUp()
        self.tree = self.folder / "tree"
        self.tree.mkdir()
        write(self.tree / "big", random.Random(5).randbytes(48 << 20))
        write(self.tree / "small", b"content")

    def test_a_terminal_shows_rate_and_time_left_amid_a_big_file(self):
        slow = ("--limit-upload", "9000", "--limit-download", "9000", "--pack-size", "4")
        for words in (("backup", self.tree), ("restore", "latest", "--target", self.folder / "out", "--no-cache")):
            text = self.terminal(*words, *slow)
            lines = [line for line in text.split("\r") if "ETA" in line]
            found = [self.LINE.match(line) for line in lines]
            self.assertTrue(found, text)
            for line, match in zip(lines, found):
                self.assertTrue(match and line.endswith("\x1b[K"), line)
                self.assertLess(len(line), self.WIDTH + len("\x1b[K"))
            self.assertTrue(any(0 < float(match[1]) < 100 for match in found), lines)
            self.assertIn("\r\x1b[K", text, "the last one is erased")

    def test_the_line_is_as_wide_as_the_terminal_at_most(self):
        self.WIDTH = 30
        text = self.terminal("backup", self.tree, "--limit-upload", "20000")
        shown = [part.removesuffix("\x1b[K") for part in text.split("\r") if part.startswith("[0:")]
        self.assertTrue(shown, text)
        self.assertTrue(all(len(line) < self.WIDTH for line in shown), shown)

    def test_where_nobody_looks_no_line_and_no_escape_is_written(self):
        done = self.muster("backup", self.tree, "--limit-upload", "20000", environment={"TERM": "xterm"})
        self.assertNotIn("\x1b", done.stdout + done.stderr)
        self.assertNotIn("ETA", done.stdout)
        self.assertNotIn("\x1b", self.terminal("backup", "--quiet", "--force", self.tree))
        asked = {"RESTIC_PROGRESS_FPS": "20"}
        done = self.muster("restore", "latest", "--target", self.folder / "out", "--limit-download", "20000",
                           "--no-cache", environment=asked)
        self.assertNotIn("\x1b", done.stdout)
        self.assertRegex(done.stdout, r"(?m)^\[0:\d\d\] .* 0 errors$")

    def test_json_says_the_share_that_is_done(self):
        def states(*words):
            done = self.muster("--json", *words, "--pack-size", "4")
            lines = [json.loads(line) for line in done.stdout.splitlines()]
            self.assertEqual(lines[-1]["message_type"], "summary")
            found = [line for line in lines if line["message_type"] == "status"]
            self.assertTrue(found, words)
            shares = [line["percent_done"] for line in found]
            self.assertEqual(shares, sorted(shares))
            return found

        slow = ("--limit-upload", "20000")
        found = states("backup", self.tree, *slow)
        self.assertTrue(any(0 < line["percent_done"] < 1 and "seconds_remaining" in line for line in found), found)
        self.assertEqual((found[-1]["total_files"], found[-1]["total_bytes"]), (2, (48 << 20) + 7))
        self.assertTrue(any(line.get("current_files") == [str(self.tree / "big")] for line in found))
        for line in states("backup", "--force", "--no-scan", self.tree, *slow):
            self.assertEqual(line["percent_done"], 0)
            self.assertNotIn("total_bytes", line)
        found = states("restore", "latest", "--target", self.folder / "out", "--include", "small", "--include", "big",
                       "--no-cache", "--limit-download", "20000")
        self.assertEqual(found[-1]["total_bytes"], (48 << 20) + 7)
        self.assertTrue(any(0 < line["percent_done"] < 1 for line in found), found)


class Names(OnTerminal):
    """Names that would act on a terminal, if it were given them."""

    ACTS = "acts\x1b[31m\r"

    def setUp(self):
        super().setUp()
        self.tree = self.folder / "tree"
        self.tree.mkdir()
        write(self.tree / "plain", b"content")
        self.muster("backup", self.tree)
        write(self.tree / self.ACTS, b"x")

    def test_a_terminal_is_shown_them_escaped(self):
        target = self.folder / "out"
        for argv in (["backup", "-vv", self.tree, "--tag", self.ACTS, "--host", self.ACTS], ["ls", "latest"],
                     ["ls", "--long", "latest"], ["find", "acts*"], ["diff", "latest~1", "latest"], ["snapshots"],
                     ["snapshots", "--group-by", "host,tags"], ["restore", "latest", "-v", "--target", target],
                     ["forget", "--keep-last", "1", "--group-by", "host", "--dry-run"]):
            text = self.terminal(*argv)
            self.assertNotIn("\x1b[31m", text, argv)
            self.assertIn("acts\\x1b[31m\\x0d", text, argv)

    def test_errors_are_told_with_escaped_names_wherever_they_go(self):
        for argv in (["backup", self.tree / ("no" + self.ACTS)], ["ls", "latest", "/no" + self.ACTS],
                     ["snapshots", "no" + self.ACTS], ["restore", "latest:/no" + self.ACTS, "--target", "out"],
                     ["backup", "--no" + self.ACTS]):
            done = self.muster(*argv, code=(1, 2))
            self.assertNotIn("\x1b", done.stderr, argv)
            self.assertIn("acts\\x1b[31m\\x0d", done.stderr, argv)

    def test_a_program_gets_them_as_they_are(self):
        self.muster("backup", self.tree)
        path = str(self.tree / self.ACTS)
        self.assertIn(path + "\n", self.muster("ls", "latest").stdout)
        self.assertIn(path + "\n", self.muster("find", "acts*").stdout)
        lines = self.muster("ls", "latest", "--json").stdout.splitlines()
        self.assertIn(path, [json.loads(line).get("path") for line in lines])


class Refused(backup_stage.Case):
    """Bad input: an error that names it, a status that says so, and nothing done."""

    def setUp(self):
        super().setUp()
        self.tree = self.folder / "tree"
        self.tree.mkdir()
        write(self.tree / "file", b"content")
        write(self.tree / "other", b"other content")
        self.muster("backup", self.tree, "--host", "one")
        self.muster("backup", self.tree, "--host", "two")

    def refused(self, *argv, code=2, names="", **more):
        done = self.muster(*argv, code=code, **more)
        self.assertIn(names, done.stderr)
        self.assertNotIn("created", done.stdout)
        return done

    def test_an_empty_text_is_a_variable_that_was_not_set_and_never_the_default(self):
        target = self.folder / "target"
        for argv in (["backup", "--repo", "", self.tree], ["backup", "--host", "", self.tree],
                     ["backup", "--parent", "", self.tree], ["backup", "--password-file", "", self.tree],
                     ["backup", "--time", "", self.tree], ["restore", "latest", "--host", "", "--target", target],
                     ["restore", "", "--target", target], ["restore", "latest", "--target", target, "--include", ""],
                     ["forget", "--keep-last", "1", "--keep-daily", ""], ["forget", "--host", "", "--keep-last", "1"],
                     ["snapshots", "--path", ""], ["tag", "--add", ""], ["key", "remove", ""], ["dump", "latest", ""],
                     ["ls", ""], ["find", ""], ["mount", ""], ["diff", "", "latest"]):
            self.refused(*argv, names="it is empty")
        self.refused("backup", self.tree, "", names="is empty")
        self.assertEqual(len(self.snapshots()), 2)
        self.assertFalse(target.exists())
        self.muster("snapshots", "--group-by", "")
        self.muster("backup", "--stdin-from-command", "--", "printf", "%s", "")

    def test_an_option_takes_no_more_than_its_value(self):
        target = self.folder / "target"
        self.muster("restore", "--include", "file", "latest", "--target", target)
        self.assertEqual([path.name for path in target.rglob("*") if path.is_file()], ["file"])
        ids = {snapshot["hostname"]: snapshot["short_id"] for snapshot in self.snapshots()}
        self.muster("forget", "--host", "one", ids["two"])
        self.assertEqual([snapshot["hostname"] for snapshot in self.snapshots()], ["one"])

    def test_forget_names_latest_among_those_that_are_chosen(self):
        self.muster("forget", "latest", "--host", "one")
        self.assertEqual([snapshot["hostname"] for snapshot in self.snapshots()], ["two"])

    def test_what_contradicts_itself_is_refused(self):
        secret = self.folder / "secret"
        secret.write_text(PASSWORD, encoding="utf-8")
        for argv in (["forget", "latest", "--keep-last", "1"],
                     ["backup", self.tree, "--repo", self.repository, "--repository-file", secret],
                     ["backup", self.tree, "--password-file", secret, "--password-command", "echo x"],
                     ["backup", self.tree, "--force", "--parent", "latest"],
                     ["backup", "--stdin", "--files-from", secret],
                     ["backup", self.tree, "--object-lock-days", "7"],
                     ["backup", self.tree, "-o", "s4.region=x"],
                     ["backup", self.tree, "--retry-lock", "soon"],
                     ["key", "add", "--new-password-file", secret, "--new-password-command", "echo x"]):
            self.refused(*argv)
        self.assertEqual(len(self.snapshots()), 2)

    def test_a_restore_never_touches_the_repository_itself(self):
        for target in (self.repository, self.repository / "data", self.repository / "new" / "deep"):
            self.refused("restore", "latest", "--target", target, "--delete", code=1, names="the repository itself")
        vault = self.tree / "vault"
        self.muster("repo", "init", "--repo", vault)
        self.muster("backup", "--repo", vault, "--exclude", "vault", self.tree)
        write(self.tree / "later", b"x")
        place = ("restore", "--repo", vault, f"latest:{self.tree}", "--target", self.tree, "--delete")
        self.refused(*place, code=1, names="the repository itself")
        self.assertFalse((self.tree / "later").exists())
        write(self.tree / "later", b"x")
        self.muster(*place, "--exclude", "vault")
        self.assertEqual(sorted(path.name for path in self.tree.iterdir()), ["file", "other", "vault"])
        self.muster("check", "--repo", vault, "--read-data")
        self.check()

    def test_a_stream_has_a_name_that_a_file_may_have(self):
        ran = self.folder / "ran"
        for name in ("", ".", "..", "/", "a/", "a/..", "../a", "./a", "a//b", "//a"):
            self.refused("backup", "--stdin-from-command", "--stdin-filename", name, "--", "touch", ran)
        self.assertFalse(ran.exists(), "the command was not started")
        self.assertEqual(len(self.snapshots()), 2)
        self.muster("backup", "--stdin-from-command", "--stdin-filename", "/db/all.sql", "--", "echo", "x")
        self.assertEqual(self.muster("dump", "latest", "/db/all.sql").stdout, "x\n")

    def test_forget_minds_what_its_prune_is_told_before_it_removes(self):
        rules = ("forget", "--keep-last", "1", "--group-by", "paths", "--prune")
        for argv in (["--max-unused", "banana"], ["--max-repack-size", "-1"],
                     ["--repack-uncompressed", "--compression", "off"]):
            self.refused(*rules, *argv)
            self.refused(*rules, *argv, "--dry-run")
        self.assertEqual(len(self.snapshots()), 2)
        self.refused("forget", "--host", "nobody", names="no rule says")

    def test_what_nothing_takes_is_not_ignored(self):
        self.refused("cat", "config", "extra", names='"extra"')
        self.refused("list", "keys", "extra", names='"extra"')
        self.refused("cat", "blob", "deadbeef", names='"deadbeef"')
        self.refused("repair", "packs", "deadbeef", names='"deadbeef"')
        self.refused("snapshots", "--latest", "0", names="not in range 1 to")

    def test_a_search_that_finds_nothing_says_so(self):
        for argv in (["--blob", "deadbeef"], ["--tree", "deadbeef"], ["nomatch"]):
            done = self.muster("find", *argv)
            self.assertEqual((done.stdout, done.stderr), ("", "nothing was found in 2 snapshots\n"))
            done = self.muster("find", "--quiet", *argv)
            self.assertEqual((done.stdout, done.stderr), ("", ""))
            done = self.muster("find", "--json", *argv)
            self.assertEqual((done.stdout, done.stderr), ("[]\n", ""))
        self.assertEqual(self.muster("find", "file").stderr, "")
        self.refused("find", "--pack", "deadbeef", code=1, names="begins with deadbeef")

    def test_the_repository_that_is_copied_from_is_named_by_its_own_options(self):
        wrong = self.folder / "wrong"
        wrong.write_text("wrong", encoding="utf-8")
        copy = ("copy", "--from-password-file", wrong, "--from-repo")
        self.refused(*copy, self.folder / "nowhere", code=10, names="check --from-repo")
        self.refused(*copy, self.repository, code=12, names="check --from-password-file")
        self.refused("copy", "--from-repo", self.repository, "--from-password-command", f"echo {PASSWORD}",
                     names="are the same repository")

    def test_a_mount_hides_nothing(self):
        self.refused("mount", self.tree, names="it is not empty", timeout=30)

    def test_what_is_typed_counts_before_variables_and_musters_before_restics(self):
        other = self.folder / "other-repository"
        where = self.folder / "where"
        where.write_text(f"{other}\n", encoding="utf-8")
        secret = self.folder / "secret"
        secret.write_text("another", encoding="utf-8")
        self.muster("repo", "init", "--repository-file", where, "--password-file", secret)
        self.assertTrue((other / "config").is_file())
        self.muster("backup", self.tree, environment={"MUSTER_REPOSITORY_FILE": str(where),
                                                      "MUSTER_PASSWORD_FILE": str(secret)})
        self.muster("backup", self.tree, environment={"MUSTER_REPOSITORY_FILE": str(where),
                                                      "MUSTER_PASSWORD": "another"})
        self.assertEqual(len(self.snapshots()), 2)
        self.muster("repo", "init", "--repo", self.folder / "third", "--copy-chunker-params-from", other,
                    "--from-password-file", secret)
        self.muster("repo", "init", "--repo", self.folder / "fourth", "--copy-chunker-params-from", self.repository,
                    "--password-file", secret, code=12)


class Locks(backup_stage.Case):
    def setUp(self):
        super().setUp()
        self.tree = self.folder / "tree"
        self.tree.mkdir()
        write(self.tree / "file", b"content")

    def hold(self):
        """A backup that waits for its input, and so holds its lock."""
        process = self.start("backup", "--stdin", stdin=subprocess.PIPE)
        self.eventually("a lock", lambda: [name for name in self.files_of("locks") if len(name) == 64])
        return process

    def exclusive(self):
        """An exclusive lock of restic: a prune that a stop keeps where it holds it."""
        drawn = random.Random(4)
        for number in range(3):
            write(self.tree / "file", drawn.randbytes(30_000_000))
            self.restic("backup", "-q", self.tree)
        process = subprocess.Popen(["restic", "forget", "-q", "--keep-last", "1", "--prune"], env=self.environment,
                                   cwd=self.folder, stdout=subprocess.DEVNULL)
        self.processes.append(process)
        self.eventually("a lock", lambda: [name for name in self.files_of("locks") if len(name) == 64])
        process.send_signal(signal.SIGSTOP)
        lock = [name for name in self.files_of("locks") if len(name) == 64][0]
        held = json.loads(self.restic("--no-lock", "cat", "lock", lock).stdout)
        self.assertTrue(held["exclusive"])
        return process

    def test_shared_locks_stand_side_by_side(self):
        process = self.hold()
        self.muster("backup", self.tree)
        self.restic("backup", "-q", self.tree)
        listed = [json.loads(self.restic("--no-lock", "cat", "lock", name).stdout) for name in self.files_of("locks")]
        self.assertEqual(listed[0]["pid"], process.pid)
        self.assertFalse(listed[0]["exclusive"])
        refused = self.restic("prune", "-q", code=1)
        self.assertIn(f"PID {process.pid}", refused.stderr)
        self.assertIsNone(process.poll())
        self.assertEqual(process.communicate(b"done")[0][-1:], b"\n")
        self.assertEqual(process.returncode, 0)
        self.assertEqual(self.files_of("locks"), [])
        self.restic("prune", "-q")

    def test_an_exclusive_lock_of_restic_is_waited_for(self):
        process = self.exclusive()
        done = self.muster("backup", self.tree, code=11)
        self.assertIn(str(process.pid), done.stderr)
        waiting = self.start("backup", "--retry-lock", "2m", self.tree)
        time.sleep(1.5)  # No synchronisation: it must still be waiting whenever we look.
        self.assertIsNone(waiting.poll())
        process.send_signal(signal.SIGCONT)
        self.assertEqual(process.wait(60), 0)
        waiting.communicate(timeout=60)
        self.assertEqual(waiting.returncode, 0)
        self.check()
        self.assertEqual(self.files_of("locks"), [])

    def test_the_lock_of_a_killed_run_is_removed_by_who_minds_it(self):
        self.kill(self.hold())
        self.assertEqual(len(self.files_of("locks")), 1)
        self.restic("unlock", "-q")
        self.assertEqual(self.files_of("locks"), [])
        process = self.exclusive()
        self.kill(process)
        self.assertEqual(len([name for name in self.files_of("locks") if len(name) == 64]), 1)
        self.muster("backup", self.tree)
        self.assertEqual([name for name in self.files_of("locks") if len(name) == 64], [])
        self.check()

    def test_a_lock_that_somebody_removed_keeps_the_snapshot_from_being_made(self):
        process = self.hold()
        for name in self.files_of("locks"):
            (self.repository / "locks" / name).unlink()
        _, said = process.communicate(b"too late")
        self.assertEqual(process.returncode, 1, said)
        self.assertIn(b"lock", said)
        self.assertEqual(self.snapshots(), [])
        self.muster("backup", self.tree)
        self.check()

    def test_an_index_that_vanished_meanwhile_keeps_the_snapshot_from_being_made(self):
        self.muster("backup", self.tree)
        kept = self.folder / "kept"
        process = self.hold()
        shutil.copytree(self.repository, kept)
        for name in self.files_of("index"):
            (self.repository / "index" / name).unlink()
        _, said = process.communicate(b"too late")
        self.assertEqual(process.returncode, 1, said)
        self.assertEqual(len(self.snapshots()), 1)

    def test_ctrl_c_ends_soon_and_clean(self):
        write(self.tree / "file", random.Random(4).randbytes(200_000_000))
        process = self.start("backup", "--pack-size", "4", self.tree)
        self.eventually("packs", lambda: self.files_of("data"))
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=20)
        self.assertNotEqual(process.returncode, 0)
        self.assertEqual(self.files_of("locks"), [])
        self.assertEqual(self.snapshots(), [])
        self.check()


if __name__ == "__main__":
    stage.main()

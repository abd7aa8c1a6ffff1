#!/usr/bin/env python3
"""`muster backup` beside stock restic: the same trees, the same blobs, one repository for both."""
import json
import os
import random
import socket
import stat
import subprocess

import backup_stage
import stage
from backup_stage import picture

IS_ROOT = os.geteuid() == 0
ODD_NAMES = [b"caf\xc3\xa9", b"bad\xff\xfe", b"new\nline\ttab", b'"quoted"\\back', b"<a>&b", b"ctl\x01\x07\x1b\x7f",
             b" blanks ", b"-dash", b"*?[x]", b"$HOME", "\u2028\u200b\U0001f600".encode(), b"x" * 255, b"..."]


def write(path, content):
    with open(path, "wb") as file:
        file.write(content)


def make_tree(root, seed=1):
    """Every kind of entry that a file system has, and every way to be odd."""
    drawn = random.Random(seed)
    root.mkdir()
    base = os.fsencode(root)
    for number, name in enumerate(ODD_NAMES):
        write(os.path.join(base, name), b"%d" % number)
    write(root / "empty", b"")
    write(root / "half-mebibyte", drawn.randbytes(1 << 19))
    write(root / "big", drawn.randbytes(9_000_000))
    write(root / "zeros", b"\0" * 3_000_000)
    with open(root / "sparse", "wb") as file:
        file.truncate(20 << 20)
        file.seek(7 << 20)
        file.write(b"island")
    write(root / "pages", b"".join(drawn.randbytes(5000) + b"\0" * 3192 for _ in range(100)))
    (root / "folder" / "below").mkdir(parents=True)
    (root / "empty-folder").mkdir()
    for number in range(300):
        write(root / "folder" / f"file-{number}", drawn.randbytes(drawn.randrange(3000)))
    os.link(root / "big", root / "folder" / "hard")
    os.symlink("big", root / "link")
    os.symlink(b"nowhere <&>\xc3\xa9", os.path.join(base, b"dangling"))
    os.symlink("folder", root / "link-to-folder")
    os.mkfifo(root / "fifo")
    os.setxattr(root / "big", "user.one", b"\0\xff\x01")
    os.setxattr(root / "big", "user.empty", b"")
    os.setxattr(root / "folder", "user.folder", b"x" * 500)
    (root / "folder" / "below").chmod(0o1777)
    (root / "empty").chmod(0o4751)
    (root / "zeros").chmod(0)
    subprocess.run(["setfacl", "-m", "u:12345:r", root / "half-mebibyte"], check=True)
    subprocess.run(["setfacl", "-d", "-m", "g:54321:rx", root / "folder"], check=True)
    if IS_ROOT:
        os.mknod(root / "null", 0o666 | stat.S_IFCHR, os.makedev(1, 3))
        os.mknod(root / "loop", 0o660 | stat.S_IFBLK, os.makedev(7, 300))
        os.chown(root / "sparse", 12345, 54321)
        os.lchown(root / "link", 12345, 54321)
    os.utime(root / "sparse", ns=(5, 1_500_000_000_123_456_789))
    os.utime(root / "empty", ns=(0, -86_400_000_000_000))
    with socket.socket(socket.AF_UNIX) as listener:
        before = os.getcwd()
        os.chdir(root)
        listener.bind("socket")
        os.chdir(before)


def saved_of(root):
    """The picture of a tree without what no backup keeps."""
    shown = picture(root)
    shown.pop(b"socket", None)
    return shown


class Trees(backup_stage.Case):
    def test_all_kinds_of_entries_are_restored_by_restic_and_shared_with_it(self):
        tree = self.folder / "tree"
        make_tree(tree)
        summary = self.backup("tree", "--exclude", "pages")
        self.check()
        shown = saved_of(tree)
        del shown[b"pages"]
        restored = picture(self.restored() / "tree")
        self.assertEqual(shown, restored)
        self.assertEqual(summary["total_files_processed"], sum("mode" not in e or e["mode"][2] != "4"
                                                               for e in shown.values()))
        for _ in range(2):
            other = self.restic_backup("--force", "tree", "--exclude", "pages")
            self.assertEqual((other["data_blobs"], other["tree_blobs"]), (0, 0))
        mine = self.backup("--force", "tree", "--exclude", "pages")
        self.assertEqual((mine["data_blobs"], mine["tree_blobs"]), (0, 0))
        trees = {snapshot["tree"] for snapshot in self.snapshots()}
        self.assertEqual(len(trees), 1)

    def test_pages_that_end_in_zeros_are_cut_finer_and_come_back(self):
        tree = self.folder / "tree"
        tree.mkdir()
        drawn = random.Random(5)
        write(tree / "image", b"".join(drawn.randbytes(5000) + b"\0" * 3192 for _ in range(1500)))
        first = self.backup("tree")
        self.assertGreater(first["data_blobs"], 40)
        with open(tree / "image", "r+b") as file:
            file.seek(6_000_000)
            file.write(b"changed")
        second = self.backup("tree")
        self.assertLess(second["data_added"], 1_500_000)
        self.check()
        self.assertEqual(picture(tree), picture(self.restored() / "tree"))

    def test_muster_and_restic_take_turns(self):
        tree = self.folder / "tree"
        make_tree(tree)
        drawn = random.Random(2)
        pictures = {}
        for turn in range(6):
            write(tree / f"turn-{turn}", drawn.randbytes(100_000))
            write(tree / "folder" / "changing", drawn.randbytes(2_000_000))
            if turn % 2:
                (tree / f"turn-{turn - 1}").unlink()
            make = self.restic_backup if turn % 2 else self.backup
            summary = make("tree", "--exclude", "pages")
            self.assertEqual((summary["files_new"], summary["files_changed"]) if turn else (1, 1), (1, 1), turn)
            pictures[summary["snapshot_id"]] = saved_of(tree)
        self.check()
        self.assertEqual(len(self.snapshots()), 6)
        for snapshot, shown in pictures.items():
            del shown[b"pages"]
            self.assertEqual(shown, picture(self.restored(snapshot) / "tree"), snapshot)
        self.restic("forget", "-q", "--keep-last", "2", "--prune")
        self.backup("tree")
        self.check()

    def test_an_unchanged_tree_adds_nothing_and_may_be_skipped(self):
        tree = self.folder / "tree"
        make_tree(tree)
        first = self.backup("tree")
        second = self.backup("tree")
        self.assertEqual((second["data_blobs"], second["tree_blobs"]), (0, 0))
        self.assertEqual((second["files_new"], second["files_changed"]), (0, 0))
        self.assertEqual(second["files_unmodified"], first["files_new"])
        third = self.backup("--skip-if-unchanged", "tree")
        self.assertNotIn("snapshot_id", third)
        self.assertEqual(len(self.snapshots()), 2)
        write(tree / "more", b"more")
        self.assertIn("snapshot_id", self.backup("--skip-if-unchanged", "tree"))

    def test_a_dry_run_stores_nothing(self):
        tree = self.folder / "tree"
        make_tree(tree)
        before = sorted(str(path) for path in self.repository.rglob("*"))
        summary = self.backup("--dry-run", "tree")
        self.assertTrue(summary["dry_run"])
        self.assertGreater(summary["data_added"], 9_000_000)
        self.assertNotIn("snapshot_id", summary)
        self.assertEqual(before, sorted(str(path) for path in self.repository.rglob("*")))
        made = self.backup("tree")
        self.assertEqual([summary[key] for key in ("data_blobs", "tree_blobs", "data_added")],
                         [made[key] for key in ("data_blobs", "tree_blobs", "data_added")])

    def test_targets_are_named_as_restic_names_them(self):
        tree = self.folder / "tree"
        make_tree(tree)
        os.symlink(tree, self.folder / "way")
        for targets, cwd in (([self.folder / "way" / "folder"], None), ([self.folder / "way" / "big"], None),
                             (["."], tree), (["folder/../folder", "big"], tree), ([tree / "folder", tree / "folder" / "below", tree], None), (["link"], tree),
                             ([str(tree) + "//folder/./"], None)):
            mine = self.backup(*targets, cwd=cwd)
            other = self.restic_backup("--force", *targets, cwd=cwd)
            self.assertEqual(other["data_blobs"], 0, targets)
            shown = {s["id"]: s for s in self.snapshots()}
            one, two = shown[mine["snapshot_id"]], next(
                s for s in shown.values() if s["id"].startswith(other["snapshot_id"]))
            self.assertEqual(one["paths"], two["paths"], targets)
            # Trees hold when /tmp and the folder were changed, which others do meanwhile.
            self.assertEqual(self.listed(one), self.listed(two), targets)
        # restic forgets "..", so that ../a and a are one; muster keeps where it was.
        self.backup("../way/folder", "big", cwd=tree)
        lines = self.restic("ls", "latest").stdout.splitlines()
        self.assertIn(str(self.folder / "way" / "folder" / "file-1"), lines)
        self.assertIn("/big", lines)

    def listed(self, snapshot):
        lines = self.restic("ls", "-l", snapshot["id"]).stdout.splitlines()[1:]
        return [line for line in lines if not line.endswith((" /tmp", f" {self.folder}"))]

    def test_excludes_leave_out_what_restic_leaves_out(self):
        tree = self.folder / "tree"
        make_tree(tree)
        (tree / "cache").mkdir()
        write(tree / "cache" / "CACHEDIR.TAG", b"Signature: 8a477f597d28d172789f06886806bc55 and more")
        write(tree / "cache" / "left", b"x")
        write(tree / "folder" / "below" / ".nobackup", b"")
        write(tree / "folder" / "below" / "left", b"x")
        patterns = self.folder / "patterns"
        patterns.write_text("# comment\n*-12?\n!file-123\n/nowhere/*\n", encoding="utf-8")
        for options in (["--exclude", "file-1*"], ["--iexclude", "FILE-2*"], ["--exclude-file", patterns],
                        ["--exclude-caches"], ["--exclude-if-present", ".nobackup"],
                        ["--exclude-larger-than", "1M"], ["--exclude", "tree/folder"],
                        ["--exclude", "**/below", "--exclude", "[bc]*"], ["--one-file-system"]):
            mine = self.backup("--force", "--exclude", "pages", *options, "tree")
            other = self.restic_backup("--force", "--exclude", "pages", *options, "tree")
            self.assertEqual((other["data_blobs"], other["tree_blobs"]), (0, 0), options)
            self.assertIn("snapshot_id", mine)

    def test_paths_come_from_files(self):
        tree = self.folder / "tree"
        make_tree(tree)
        base = os.fsencode(tree)
        lists = self.folder / "list"
        lists.write_bytes(b"# comment\n\n " + base + b"/folder/file-1[01]\n")
        self.assertEqual(self.backup("--files-from", lists)["files_new"], 2)
        lists.write_bytes(base + b"/*?[x]\n" + base + b"/ blanks \n")
        self.assertEqual(self.backup("--files-from-verbatim", lists)["files_new"], 2)
        lists.write_bytes(base + b"/new\nline\ttab\0" + base + b"/bad\xff\xfe\0")
        self.assertEqual(self.backup("--files-from-raw", lists)["files_new"], 2)
        self.check()
        self.muster("backup", "--files-from-verbatim", self.folder / "absent", code=2)


class OldFormat(backup_stage.Case):
    version = "1"

    def test_format_1_has_nothing_compressed(self):
        tree = self.folder / "tree"
        make_tree(tree)
        self.backup("--exclude", "pages", "tree")
        other = self.restic_backup("--force", "--exclude", "pages", "tree")
        self.assertEqual((other["data_blobs"], other["tree_blobs"]), (0, 0))
        self.backup("tree")
        self.check()
        self.assertEqual(saved_of(tree), picture(self.restored() / "tree"))
        self.assertEqual(json.loads(self.restic("cat", "config").stdout)["version"], 1)


if __name__ == "__main__":
    stage.main()

"""What a program took, what a folder holds, and whether two folders are the same."""
import dataclasses
import os
import shlex
import subprocess
import time

PIECE = 1 << 20
MOST_DIFFERENCES = 10


class Failed(Exception):
    """A step whose figures would mean nothing."""


@dataclasses.dataclass
class Taken:
    wall_s: float = 0.0
    cpu_s: float = 0.0
    peak_mb: float = 0.0

    def add(self, other):
        self.wall_s += other.wall_s
        self.cpu_s += other.cpu_s
        self.peak_mb = max(self.peak_mb, other.peak_mb)


def run(command, environment, folder, log):
    """From the fork to the exit, with all children that the program waited for. The kernel counts into the peak what this
    process held when it forked, so that this program must stay small."""
    with open(log, "w+b") as output:
        began = time.monotonic()
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment,
                                   cwd=folder)
        try:
            _, status, used = os.wait4(process.pid, 0)
        except BaseException:  # This program is to end, and the other must not go on without it.
            process.kill()
            process.wait()
            raise
        wall_s = time.monotonic() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        if process.returncode != 0:
            output.seek(max(0, output.tell() - 1000))
            raise Failed(f"{' '.join(map(str, command[:3]))} … ended with {process.returncode}: "
                         f"{output.read().decode(errors='replace').strip()}")
    return Taken(wall_s, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024)


def entries(folder):
    """All below it, with the folders' own entries."""
    with os.scandir(folder) as found:
        for entry in found:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                yield from entries(entry.path)


def megabytes(folder):
    """Of 2^20 bytes, as the files say, not as the disk rounds them up."""
    return sum(entry.stat().st_size for entry in entries(folder) if entry.is_file(follow_symlinks=False)) / (1 << 20)


def warm(folder):
    """Reads all of it into the page cache, many files at once: a machine that takes back what nobody has used for a minute
    must not forget the first before the last is read. By others, so that this program stays small."""
    subprocess.run(f"find {shlex.quote(str(folder))} -type f -print0 | xargs -0 -r -P 32 -n 64 cat >/dev/null",
                   shell=True, check=True)


def same_bytes(left, right):
    with open(left, "rb", buffering=0) as one, open(right, "rb", buffering=0) as other:
        while True:
            piece = one.read(PIECE)
            if piece != other.read(PIECE):
                return False
            if not piece:
                return True


def described(path):
    """What a backup must bring back, apart from the bytes."""
    found = os.lstat(path)
    kind = found.st_mode & 0o170000
    return {
        "mode": oct(found.st_mode), "owner": (found.st_uid, found.st_gid), "modified": found.st_mtime_ns,
        "size": found.st_size if kind == 0o100000 else None,
        "target": os.readlink(path) if kind == 0o120000 else None,
        "attributes": {name: os.getxattr(path, name, follow_symlinks=False)
                       for name in os.listxattr(path, follow_symlinks=False)},
        "names": sorted(os.listdir(path)) if kind == 0o040000 else None,
    }


def differences(source, restored):
    yield from difference(source, restored)
    for entry in entries(source):
        yield from difference(entry.path, str(restored) + entry.path[len(str(source)):])


def difference(path, copy):
    if not os.path.lexists(copy):
        yield f"{path} is missing"
        return
    wanted, found = described(path), described(copy)
    for what, value in wanted.items():
        if what == "names" and value is not None:
            more = sorted(set(found[what] or []) - set(value))
            if more:
                yield f"{path}: has {more[0]!r} and {len(more) - 1} more that the source has not"
        elif found[what] != value:
            yield f"{path}: {what} is {found[what]}, not {value}"
    if wanted["size"] is not None and wanted["size"] == found["size"] and not same_bytes(path, copy):
        yield f"{path}: the bytes differ"


def must_be_same(source, restored):
    found = []
    for one in differences(source, restored):
        found.append(one)
        if len(found) == MOST_DIFFERENCES:
            break
    if found:
        raise Failed("what was restored differs: " + "; ".join(found))

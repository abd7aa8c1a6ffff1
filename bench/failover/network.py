"""Two sites, an arbiter and the world's users: four network namespaces on a bridge in a fifth, made and removed here.

A cut is a bridge port that forwards nothing any more: packets vanish without a word, and both ends keep their link.
"""
import contextlib
import glob
import os
import pathlib
import signal
import subprocess
import time

ADDRESSES = {"east": "10.77.0.11", "west": "10.77.0.12", "arbiter": "10.77.0.13", "users": "10.77.0.14"}
ALL = "10.77.0.0/24"


def run(*argv):
    done = subprocess.run([str(a) for a in argv], text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    if done.returncode != 0:
        raise SystemExit(f"bench: {' '.join(map(str, argv))} failed:\n{done.stdout}")
    return done.stdout


class Network:
    def __init__(self):
        self.mark = f"mb{os.getpid()}"
        self.made = []
        self.inodes = {}

    def name(self, place):
        return f"{self.mark}-{place}"

    def create(self):
        for place in ["hub", *ADDRESSES]:
            run("ip", "netns", "add", self.name(place))
            self.made.append(place)
            run(*self.inside(place), "ip", "link", "set", "lo", "up")
            self.inodes[place] = os.stat(f"/run/netns/{self.name(place)}").st_ino
        run(*self.inside("hub"), "ip", "link", "add", "lan", "type", "bridge")
        run(*self.inside("hub"), "ip", "link", "set", "lan", "up")
        for place, address in ADDRESSES.items():
            run(*self.inside("hub"), "ip", "link", "add", place, "type", "veth", "peer", "name", "lan", "netns",
                self.name(place))
            run(*self.inside("hub"), "ip", "link", "set", place, "master", "lan", "up")
            run(*self.inside(place), "ip", "address", "add", f"{address}/24", "dev", "lan")
            run(*self.inside(place), "ip", "link", "set", "lan", "up")
            # Inside a namespace of its own, an ordinary user may serve any port.
            run(*self.inside(place), "sysctl", "-q", "-w", "net.ipv4.ip_unprivileged_port_start=0")

    def inside(self, place):
        """The words that start a program there."""
        return ["nsenter", f"--net=/run/netns/{self.name(place)}"]

    def _port(self, place, state):
        run(*self.inside("hub"), "bridge", "link", "set", "dev", place, "state", state)

    def cut(self, place):
        self._port(place, "0")

    def heal(self, place):
        self._port(place, "3")

    def processes(self, place):
        """Every process that lives there."""
        found = []
        for entry in glob.glob("/proc/[0-9]*"):
            with contextlib.suppress(OSError):
                if os.stat(entry + "/ns/net").st_ino == self.inodes[place]:
                    found.append(int(entry[6:]))
        return found

    def kill_all(self, place):
        """Ends every process there and proves it: two looks in a row find none."""
        empty = 0
        end = time.monotonic() + 10
        while empty < 2 and time.monotonic() < end:
            alive = [pid for pid in self.processes(place) if not is_over(pid)]
            for pid in alive:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            empty = 0 if alive else empty + 1
        return empty == 2

    def remove(self):
        for place in reversed(self.made):
            if place != "hub":
                self.kill_all(place)
            subprocess.run(["ip", "netns", "del", self.name(place)], check=False)
        self.made = []


def is_over(pid):
    try:
        state = pathlib.Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()[0]
    except OSError:
        return True
    return state in "ZX"

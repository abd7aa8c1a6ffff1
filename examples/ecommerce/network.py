"""Two sites behind networks of their own (Linux network namespaces), so that one can be cut off.

Each site and the arbiter see each other over virtual cables. A cut does what a broken provider does: nothing is refused,
nothing arrives. All of it lives in namespaces of the demo's own processes and goes with them.
"""
import contextlib
import ctypes
import itertools
import os
import pathlib
import shutil
import subprocess

import cluster

CLONE_NEWNET = 0x40000000
# Of the block that is kept for examples, 192.0.2.0/24: a gateway for each place, and what a site's parts are reached at.
NETS = {"arbiter": "192.0.2.0/28", "east": "192.0.2.16/28", "west": "192.0.2.32/28"}
GATEWAYS = {"arbiter": "192.0.2.1", "east": "192.0.2.17", "west": "192.0.2.33"}
DATABASES = {"east": "192.0.2.20", "west": "192.0.2.36"}
HOSTS = {"east": ["192.0.2.21", "192.0.2.22"], "west": ["192.0.2.37", "192.0.2.38"]}
NOBODY = "02:00:00:00:00:ff"  # No cable's end: what is sent to it is dropped in silence.


def why_not():
    """What is missing for networks of our own; empty when nothing is."""
    if os.getuid() != 0:
        return "it needs root, to make network namespaces"
    for program in ("ip", "unshare", "nsenter"):
        if not shutil.which(program):
            return f"the program {program} is not installed (script/setup installs it)"
    done = subprocess.run(["unshare", "--net", "ip", "link", "set", "lo", "up"], capture_output=True, text=True,
                          check=False)
    if done.returncode != 0:
        return f"this machine lets us make no network namespace ({done.stderr.strip()}); a container needs CAP_SYS_ADMIN"
    return ""


class SiteAccount(cluster.Account):
    """Runs things as the account does, inside a site's network."""

    def __init__(self, namespace_pid):
        super().__init__()
        self.prefix = ["nsenter", "-t", str(namespace_pid), "-n", "-S", str(self.entry.pw_uid), "-G",
                       str(self.entry.pw_gid), "--"]

    def options(self):
        return {}


class Network:
    def __init__(self):
        if ctypes.CDLL(None, use_errno=True).unshare(CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), "can't leave the host's network")
        self.holders = {}
        for site in ("east", "west"):
            holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"], stdin=subprocess.DEVNULL)
            self.holders[site] = holder
            self._await_namespace(holder.pid)
        for place in NETS:
            self._ip(place, "link", "set", "lo", "up")
        for site in self.holders:
            for address in [GATEWAYS[site], DATABASES[site], *HOSTS[site]]:
                self._ip(site, "address", "add", f"{address}/32", "dev", "lo")
        self._ip("arbiter", "address", "add", f"{GATEWAYS['arbiter']}/32", "dev", "lo")
        for one, other in itertools.combinations(NETS, 2):
            self._cable(one, other)

    def _await_namespace(self, pid):
        ours = os.readlink("/proc/self/ns/net")
        while os.readlink(f"/proc/{pid}/ns/net") == ours:
            os.sched_yield()

    def _ip(self, place, *argv):
        inside = [] if place == "arbiter" else ["nsenter", "-t", str(self.holders[place].pid), "-n", "--"]
        subprocess.run([*inside, "ip", *argv], check=True)

    def _mac(self, place, towards):
        names = list(NETS)
        return f"02:00:00:00:{names.index(place):02x}:{names.index(towards):02x}"

    def _cable(self, one, other):
        peer = ["netns", str(self.holders[other].pid)]
        self._ip(one, "link", "add", "name", f"to-{other}", "address", self._mac(one, other), "type", "veth",
                 "peer", "name", f"to-{one}", "address", self._mac(other, one), *peer)
        for here, there in ((one, other), (other, one)):
            self._ip(here, "link", "set", f"to-{there}", "up")
        for here, there in ((one, other), (other, one)):
            self._aim(here, there, self._mac(there, here))
            self._ip(here, "route", "add", NETS[there], "via", GATEWAYS[there], "dev", f"to-{there}", "onlink",
                     "src", DATABASES.get(here, GATEWAYS[here]))

    def _aim(self, here, there, mac):
        self._ip(here, "neighbour", "replace", GATEWAYS[there], "lladdr", mac, "dev", f"to-{there}", "nud", "permanent")

    def _others(self, site):
        return [place for place in NETS if place != site]

    def cut(self, site):
        for other in self._others(site):
            self._aim(site, other, NOBODY)
            self._aim(other, site, NOBODY)

    def heal(self, site):
        for other in self._others(site):
            self._aim(site, other, self._mac(other, site))
            self._aim(other, site, self._mac(site, other))

    def account(self, site):
        return SiteAccount(self.holders[site].pid)

    def end(self):
        for holder in self.holders.values():
            holder.kill()
            holder.wait()


def open_doors(account, folder):
    """Puts the stand-in for ssh where muster looks for it; returns the environment that finds it."""
    here = pathlib.Path(__file__).resolve().parent
    target = pathlib.Path(folder) / "doors"
    target.mkdir()
    target.chmod(0o755)
    shutil.copy(here / "door.py", target / "ssh")
    (target / "ssh").chmod(0o755)
    with contextlib.suppress(PermissionError):
        account.own(target / "ssh")
    return {"PATH": f"{target}:{os.environ['PATH']}"}

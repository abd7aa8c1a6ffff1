"""What is done to a pair, and what then must settle before rows are counted. The primary is at east."""
import contextlib
import os
import signal
import time

import network
import stage
from stage import now_ns

# How long a cut lasts; it outlives every peer's lease.
CUT_S = 45


def signal_all(pids, how):
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, how)


def pause(system, seconds):
    """Time that passes while the machinery around a system does its part."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        system.turn()
        time.sleep(0.005)


def moved(system, seconds):
    """True once a client has been acknowledged by west."""
    address = network.ADDRESSES["west"]
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        system.turn()
        with open(system.folder / "users.load", "rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - 2000))
            if any(b" ack " + address.encode() in line for line in log.read().splitlines()):
                return True
        time.sleep(0.01)
    return False


def again(system, seconds):
    """True once the users are served again after their outage, by whichever site."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        system.turn()
        with open(system.folder / "users.load", "rb") as log:
            log.seek(0, os.SEEK_END)
            log.seek(max(0, log.tell() - 2000))
            lines = log.read().splitlines()[-20:]
        if len(lines) == 20 and all(b" ack " in line for line in lines):
            return True
        time.sleep(0.05)
    return False


def kill(system):
    began = now_ns()
    signal_all(system.server_processes("east"), signal.SIGKILL)
    pause(system, 0.5)
    again(system, 60)
    return began


def site(system):
    began = now_ns()
    system.network.kill_all("east")
    pause(system, 0.5)
    again(system, 90)
    return began


def freeze(system):
    """Thawed five seconds after the users are served again; a patient client of the old server waits all the time."""
    system.start_client("old", "users", sites=("east",), stays=True)
    time.sleep(0.5)
    began = now_ns()
    # The postmaster first, so that nobody is born while the others are stopped.
    main = system.postmaster("east")
    signal_all([main], signal.SIGSTOP)
    frozen = system.server_processes("east")
    signal_all(frozen, signal.SIGSTOP)
    system.facts["frozen"] = len(frozen)
    system.facts["moved"] = moved(system, 60)
    pause(system, 5)
    signal_all(frozen, signal.SIGCONT)
    pause(system, 5)
    return began


def switchover(system):
    began = now_ns()
    system.switchover()
    system.facts["moved"] = moved(system, 60)
    again(system, 60)
    return began


def standby(system):
    began = now_ns()
    signal_all(system.server_processes("west"), signal.SIGKILL)
    pause(system, 10)
    system.facts["served_without"] = again(system, 20)
    return began


def cut(system):
    """Users on both sides; then the network comes back."""
    system.start_client("inside", "east")
    time.sleep(1)
    began = now_ns()
    system.network.cut("east")
    pause(system, CUT_S)
    system.facts["moved"] = moved(system, 0.1)
    system.network.heal("east")
    pause(system, 3)
    again(system, 60)
    return began


FAULTS = {"kill": kill, "site": site, "freeze": freeze, "switchover": switchover, "standby": standby, "cut": cut}


def settle(system, seconds=45):
    """Waits until one site alone takes writes, for three seconds; the sites that do."""
    end = time.monotonic() + seconds
    since = None
    writers = []
    while time.monotonic() < end:
        system.turn()
        writers = [at for at in stage.SITES if system.writable(at)]
        if len(writers) != 1:
            since = None
        elif since is None:
            since = (writers[0], time.monotonic())
        elif since[0] != writers[0]:
            since = (writers[0], time.monotonic())
        elif time.monotonic() - since[1] >= 3:
            break
        time.sleep(0.25)
    return writers

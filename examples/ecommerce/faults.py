"""What can happen to the shop, and what came of it: strike, wait for muster, then read what the shoppers saw."""
import dataclasses
import json
import signal
import subprocess
import time

import cluster
import measure

FAULTS = {
    "process": "PostgreSQL of the primary is killed (kill -9)",
    "site": "every process of the primary's site is killed (kill -9)",
    "freeze": "PostgreSQL of the primary is frozen (SIGSTOP) and thawed after the move",
    "switchover": "a person moves the shop, planned",
    "partition": "the network of the primary's site is cut and heals",
}
# Where the plan promises that no acknowledged order is lost. With asynchronous replication a crash may lose some; then
# muster's report must own up to at least as many.
LOSES_NOTHING = ("switchover", "partition")
INSIDE_LOG = "orders-inside.log"
MOVE_PATIENCE = 90  # Seconds; far beyond the plan's RTO.


@dataclasses.dataclass
class Outcome:
    fault: str
    primary_before: str
    primary_after: str
    outage_s: float | None
    moved_in_s: float | None  # As muster measured it.
    acknowledged: int
    refused: int
    lost: int
    lost_reported: int | None
    doubled: int
    are_served: bool  # The shoppers, at the end.
    notes: list

    def broken(self):
        """What must not be, as text."""
        found = []
        if not self.are_served:
            found.append(f"the shoppers are not served again at {self.primary_after}")
        if self.doubled:
            found.append(f"{self.doubled} orders were accepted on both sides")
        if self.lost and self.fault in LOSES_NOTHING:
            found.append(f"{self.lost} acknowledged orders are lost, and a {self.fault} must lose none")
        elif self.lost > (self.lost_reported or 0):
            found.append(f"{self.lost} acknowledged orders are lost, and muster reported {self.lost_reported or 0}")
        if (self.primary_after == self.primary_before) != (self.fault == "partition"):
            found.append(f"the shop is at {self.primary_after} after it was at {self.primary_before}")
        return found


class Ledger:
    """Reads the shoppers' logs piece by piece: each fault answers for the orders since the last one."""

    def __init__(self, stand):
        self.stand, self.read = stand, {}

    def orders(self):
        """All that ended since the last call; waits until those under way have ended, within their second."""
        time.sleep(1.2)
        found = []
        for log in sorted(self.stand.folder.glob("orders*.log")):
            orders, self.read[log] = measure.read_on(log, self.read.get(log, 0))
            for order in orders:
                order.is_inside = log.name == INSIDE_LOG
            found += orders
        return sorted(found, key=lambda order: order.ended_ms)

    def stored(self, site, since_ms):
        """Ids in a site's database. Those from long before a window are not asked for: an hour has many."""
        return set(self.stand.pair[site].sql(
            f"SELECT id FROM orders WHERE at > to_timestamp({since_ms / 1000 - 60})").split())


def now_ms():
    return int(time.time() * 1000)


def other_site(site):
    return "west" if site == "east" else "east"


class Strike:
    """One fault, struck at whichever site serves."""

    def __init__(self, stand, ledger, name):
        self.stand, self.ledger, self.name = stand, ledger, name
        self.site = stand.service()["primary"]
        self.notes, self.knocks_accepted, self.run = [], 0, None
        self.known = {run["id"] for run in stand.runs()}

    def play(self):
        self.ledger.orders()
        time.sleep(2)  # Of orders before the fault: the outage begins at the last good one.
        self.since = now_ms()
        {"process": self.kill_server, "site": self.kill_site, "freeze": self.freeze,
         "switchover": self.switch_over, "partition": self.partition}[self.name]()
        time.sleep(3)  # The shoppers follow the name when its TTL of 2 s has run out.
        return self.outcome()

    def say(self, text):
        self.stand.say(f"  {text}")

    def await_failover(self):
        self.run = self.stand.wait("the failover", MOVE_PATIENCE,
                                   lambda: self.stand.finished_run("failover", self.known))

    # --- the faults ------------------------------------------------------------------------------------------------

    def kill_server(self):
        pids = self.stand.pair[self.site].processes()
        cluster.kill(pids)
        self.say(f"PostgreSQL of site {self.site}, {len(pids)} processes, killed (kill -9)")
        self.await_failover()

    def kill_site(self):
        pids = self.stand.site_processes(self.site)
        cluster.kill(pids)
        self.say(f"{len(pids)} processes of site {self.site} killed (kill -9)")
        self.await_failover()

    def freeze(self):
        # The postmaster first, so that it starts no more; then what it has by then.
        postmaster = self.stand.pair[self.site].processes()[:1]
        cluster.kill(postmaster, signal.SIGSTOP)
        frozen = postmaster + cluster.children_of(postmaster[0])
        cluster.kill(frozen, signal.SIGSTOP)
        self.say(f"PostgreSQL of site {self.site}, {len(frozen)} processes, frozen (SIGSTOP)")
        try:
            self.await_failover()
        finally:
            alive = [pid for pid in frozen if self.is_still_of_server(pid)]
            cluster.kill(alive, signal.SIGCONT)
        self.notes.append(f"thawed: {len(alive)} of {len(frozen)} frozen processes were still there")
        tried, self.knocks_accepted = self.knock(3)
        self.notes.append(f"{tried} writes sent to the thawed server, {self.knocks_accepted} accepted")

    def is_still_of_server(self, pid):
        return not cluster.is_zombie(pid) and cluster.working_directory(pid) == str(self.stand.pair[self.site].data)

    def knock(self, seconds):
        """Tries to write at the old server, past the shop; (tried, accepted)."""
        server = self.stand.pair[self.site]
        tried = accepted = 0
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            tried += 1
            done = subprocess.run(
                [*server.account.prefix, "psql", "-X", "-q", "-d", server.conninfo() + " connect_timeout=2", "-c",
                 f"INSERT INTO orders (id) VALUES ('knock-{self.since}-{tried}')"],
                env=server.account.environment(), cwd="/", capture_output=True, check=False, timeout=20,
                **server.account.options())
            accepted += done.returncode == 0
            time.sleep(0.02)
        return tried, accepted

    def switch_over(self):
        self.stand.muster("switchover", "shop", "--to", other_site(self.site), "--yes", "--wait", allowed=(0, 3))
        self.run = self.stand.finished_run("switchover", self.known)

    def partition(self):
        inside = self.stand.start_shoppers(self.site, self.stand.folder / INSIDE_LOG)
        self.since = now_ms()
        self.stand.network.cut(self.site)
        self.say(f"the network of site {self.site} is cut; its own clients go on writing there")
        try:
            held = self.stand.wait("muster to say why it does not move", MOVE_PATIENCE, self.held)
            self.show_held(held)
        finally:
            self.stand.network.heal(self.site)
        self.say("the network is whole again")
        self.stand.wait("the shop to be as before", MOVE_PATIENCE, self.is_as_before)
        inside.terminate()
        inside.wait()

    def held(self):
        """The run that waits, or the decision that asks a person before there is a run; as text."""
        run = self.stand.newest_run("failover", self.known)
        if run and run["steps_done"]:
            raise self.stand.failure(f"muster moved without a confirmed fence: {run}")
        if run and run["status"] == "waiting":
            return run["reason"].replace("; go on with: ", "\n  for a person: go on with: ")
        decision = self.stand.service()["decision"]
        if not run and decision["kind"] == "approval":
            return f"{decision['summary']}\n  for a person: muster approve shop"
        return None

    def show_held(self, text):
        self.say(f"muster promoted nothing, since nobody can prove that site {self.site} is fenced, and says:")
        for line in text.splitlines():
            self.say(f"  {line}")
        self.notes.append("not moved: the fence could not be confirmed; the outage is as long as the cut")

    def is_as_before(self):
        service = self.stand.service()
        return service["primary"] == self.site and service["condition"] == "ok"

    # --- what came of it -------------------------------------------------------------------------------------------

    def outcome(self):
        after = self.stand.service()["primary"]
        orders = self.ledger.orders()
        stored = self.ledger.stored(after, self.since)
        acknowledged = [order for order in orders if order.is_acknowledged]
        hosts = self.stand.hosts
        doubled = measure.doubled(orders, hosts[other_site(after)], hosts[after], stored)
        report = json.loads(self.stand.muster("report", self.run["id"], "--format", "json")) if self.run else None
        outside = [order for order in orders if not order.is_inside]
        return Outcome(
            self.name, self.site, after, measure.outage(outside, self.since - 2000, now_ms()),
            report["parts"].get("total_s") if report else None, len(acknowledged), len(orders) - len(acknowledged),
            len(measure.lost(acknowledged, stored)), report["loss"].get("transactions") if report else None,
            len(doubled) + self.knocks_accepted, measure.are_served(outside, hosts[after]), self.notes)


def table(outcomes):
    """The short table that a demonstration ends with."""
    lines = [f"{'fault':<11}{'primary':<13}{'outage':>9}{'lost rows':>11}{'doubly accepted rows':>22}"]
    for one in outcomes:
        outage = "—" if one.outage_s is None else f"{one.outage_s:.2f} s"
        path = one.primary_after if one.primary_before == one.primary_after else \
            f"{one.primary_before} → {one.primary_after}"
        lines.append(f"{one.fault:<11}{path:<13}{outage:>9}{one.lost:>11}{one.doubled:>22}")
    return lines


def is_protected(service):
    """All is well, and the standby has what it should: after a cut replication takes its time to connect again."""
    return service["condition"] == "ok" and service["rpo_now_s"] is not None and \
        service["rpo_now_s"] < service["rpo_s"]


def protect_again(stand, patience=15):
    """Waits until the shop has a standby again: muster sees to that by itself; where it does not begin, by hand.

    Returns whether it took a hand.
    """
    known = {run["id"] for run in stand.runs() if run["status"] == "done"}
    began = time.monotonic()
    end = began + patience
    by_hand = False
    while not is_protected(stand.service()):
        under_way = [run for run in stand.runs() if not run["is_final"] and run["id"] not in known]
        if under_way:
            end = time.monotonic() + patience
        if stand.service()["condition"] == "ok":
            end = max(end, time.monotonic() + 1)
            if time.monotonic() > began + 150:
                raise stand.failure(f"the standby does not catch up:\n{stand.muster('status')}")
        if time.monotonic() > end:
            if by_hand:
                raise stand.failure(f"the shop has no standby again:\n{stand.muster('status')}")
            by_hand = True
            old = other_site(stand.service()["primary"])
            stand.muster("rebuild", "shop", "--to", old, "--yes", "--wait", allowed=(0, 3))
            end = time.monotonic() + 60
        time.sleep(0.2)
    return by_hand

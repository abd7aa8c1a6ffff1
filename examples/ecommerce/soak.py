#!/usr/bin/env python3
"""The demo's faults in random order on one living shop, for an hour: what it cost, and whether a promise was broken.

Each fault strikes whichever site serves; then the shop gets its standby again, and the next one comes. Ends with a
table; the exit status is 1 when a promise was broken: a row accepted on both sides, a lost row where none may be lost or
that muster did not report, a shop that does not come back.
"""
import argparse
import dataclasses
import json
import pathlib
import random
import shutil
import signal
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import faults  # noqa: E402
import network  # noqa: E402
from stand import BUILD, Failed, Stand  # noqa: E402

MOST_MOVES = 100  # In a day, by the language of plans; the faults are spread so that they stay below.


class Keeper(faults.Ledger):
    """Remembers every acknowledged order of the whole soak."""

    def __init__(self, stand):
        super().__init__(stand)
        self.acknowledged = set()

    def orders(self):
        orders = super().orders()
        self.acknowledged |= {order.id for order in orders if order.is_acknowledged}
        return orders


class Soak(Stand):
    def __init__(self, options):
        self.missing = network.why_not()
        super().__init__(options, has_networks=not self.missing, policy={"cooldown": "1s", "max_per_day": MOST_MOVES})
        self.outcomes, self.problems, self.by_hand = [], [], 0
        self.random = random.Random(options.seed)

    def begin(self):
        self.say(f"seed {self.options.seed}, {self.options.minutes:g} minutes, {self.options.rate} orders a second")
        if self.missing:
            self.say(f"without the fault partition: {self.missing}")
        self.prepare()
        self.serve()
        self.ledger = Keeper(self)
        self.start_shoppers()

    def names(self):
        return [name for name in faults.FAULTS if not (name == "partition" and self.missing)]

    def play(self):
        self.begin()
        began = time.monotonic()
        end = began + self.options.minutes * 60
        at_least = self.options.minutes * 60 / (MOST_MOVES - 5)
        while time.monotonic() < end:
            struck = time.monotonic()
            self.strike(self.random.choice(self.names()))
            calm = self.random.uniform(1, 5)
            time.sleep(max(calm, min(at_least - (time.monotonic() - struck), end - time.monotonic())))
        self.look_for_all()
        self.minutes = (time.monotonic() - began) / 60

    def strike(self, name):
        self.say(f"{time.strftime('%H:%M:%S', time.gmtime())} {name}")
        outcome = faults.Strike(self, self.ledger, name).play()
        self.outcomes.append(outcome)
        self.problems += [f"{name}: {text}" for text in outcome.broken()]
        self.say("  " + faults.table([outcome])[1])
        for text in outcome.broken():
            self.say(f"  BROKEN: {text}")
        self.by_hand += faults.protect_again(self)

    def look_for_all(self):
        """Nothing that was there after its fault may have gone since."""
        self.ledger.orders()
        stored = set(self.pair[self.service()["primary"]].sql("SELECT id FROM orders").split())
        gone = len(self.ledger.acknowledged - stored)
        known = sum(outcome.lost for outcome in self.outcomes)
        self.say(f"{len(self.ledger.acknowledged)} orders acknowledged in all, {gone} of them are not there")
        if gone > known:
            self.problems.append(f"{gone} acknowledged orders are lost, {known} were missed right after the faults")

    # --- the table -------------------------------------------------------------------------------------------------

    def rows(self):
        rows = []
        for name in self.names():
            some = [outcome for outcome in self.outcomes if outcome.fault == name]
            outages = sorted(outcome.outage_s for outcome in some if outcome.outage_s is not None)
            rows.append({
                "fault": name, "struck": len(some), "moves": sum(o.primary_before != o.primary_after for o in some),
                "outage_p50_s": quantile(outages, 0.5), "outage_p95_s": quantile(outages, 0.95),
                "outage_max_s": quantile(outages, 1), "lost": sum(o.lost for o in some),
                "promises_no_loss": name in faults.LOSES_NOTHING, "doubled": sum(o.doubled for o in some)})
        return rows

    def show(self):
        self.say(f"\n{'fault':<11}{'struck':>7}{'moves':>7}{'outage p50':>12}{'p95':>9}{'max':>9}{'lost rows':>11}"
                 f"{'promised':>14}{'doubly accepted rows':>22}")
        for row in self.rows():
            outages = [row["outage_p50_s"], row["outage_p95_s"], row["outage_max_s"]]
            p50, p95, most = ("—" if value is None else f"{value:.2f} s" for value in outages)
            promised = "0" if row["promises_no_loss"] else "as reported"
            self.say(f"{row['fault']:<11}{row['struck']:>7}{row['moves']:>7}{p50:>12}{p95:>9}{most:>9}{row['lost']:>11}"
                     f"{promised:>14}{row['doubled']:>22}")
        self.say(f"{len(self.outcomes)} faults; protected again by hand {self.by_hand} times")
        for text in self.problems:
            self.say(f"BROKEN: {text}")
        self.say("soak: " + (f"{len(self.problems)} promises broken" if self.problems else "every promise was kept"))

    def json(self):
        return {"seed": self.options.seed, "faults": self.rows(), "problems": self.problems, "by_hand": self.by_hand,
                "outcomes": [dataclasses.asdict(outcome) for outcome in self.outcomes]}

    def keep_evidence(self):
        target = pathlib.Path(self.options.evidence).resolve()
        target.mkdir(parents=True, exist_ok=True)
        for name in ("muster.log", "plan.yaml", "orders.log", "east/postgres.log", "west/postgres.log"):
            if (self.folder / name).exists():
                shutil.copy(self.folder / name, target / name.replace("/", "-"))
        self.say(f"next: read {target}, and play it again with script/soak --seed {self.options.seed}")


def quantile(values, share):
    """The value that so large a share does not exceed."""
    return values[max(0, -int(-len(values) * share // 1) - 1)] if values else None


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=BUILD / "release", help="where the binaries are")
    parser.add_argument("--minutes", type=float, default=60, help="how long faults are struck (60)")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1 << 30), help="the order of the faults")
    parser.add_argument("--rate", type=int, default=100, help="orders a second (100)")
    parser.add_argument("--json", metavar="FILE", help="write what was measured")
    parser.add_argument("--evidence", metavar="DIR", default=BUILD / "soak-evidence", help="where logs go when it fails")
    parser.add_argument("--folder", help="where the temporary folder is made")
    return parser.parse_args()


def main():
    options = parse_arguments()
    soak = Soak(options)

    def stop(*_):
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, stop)
    try:
        soak.play()
    except Failed as failure:
        soak.problems.append(str(failure))
    except KeyboardInterrupt:
        soak.problems.append("stopped before its time")
    try:
        soak.show()
        if options.json:
            pathlib.Path(options.json).write_text(json.dumps(soak.json(), indent=2) + "\n", encoding="utf-8")
        if soak.problems:
            soak.keep_evidence()
    finally:
        soak.end()
    return 1 if soak.problems else 0


if __name__ == "__main__":
    sys.exit(main())

#!/usr/bin/env python3
"""PostgreSQL pairs under muster and its peers: the same servers, the same client, the same faults, in one run.

Needs root: every run makes two sites, an arbiter and a place for users as network namespaces of this machine.
"""
import argparse
import ctypes
import json
import os
import pathlib
import shutil
import signal
import statistics
import subprocess
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import faults  # noqa: E402
import measure  # noqa: E402
import network  # noqa: E402
import picture  # noqa: E402
import stage  # noqa: E402
import system_muster  # noqa: E402
import system_peers  # noqa: E402

SYSTEMS = {made.name: made for made in (system_muster.Muster, system_peers.Patroni, system_peers.PgAutoFailover,
                                        system_peers.Repmgr)}
CALM_S = 3


def one_run(make, options, replication, fault):
    system = make(options, replication, fault)
    system.facts = {}
    try:
        system.begin()
        system.start_client("users", "users")
        time.sleep(options.calm)
        fault_ns = faults.FAULTS[fault](system)
        writers = faults.settle(system)
        end_ns = stage.now_ns()
        for name in list(system.clients):
            system.end_client(name)
        time.sleep(0.2)
        return result_of(system, fault, fault_ns, end_ns, writers)
    finally:
        system.close()


def result_of(system, fault, fault_ns, end_ns, writers):
    users = measure.read(system.folder / "users.load")
    every = list(users)
    for name in ("old", "inside"):
        path = system.folder / f"{name}.load"
        if path.exists():
            every += measure.read(path)
    old = network.ADDRESSES["east"]
    # With two writers at the end, the one that the system moved to stands for the service.
    surviving = "west" if "west" in writers else (writers or ["none"])[0]
    stored = set() if surviving == "none" else set(system.sql(surviving, "SELECT id FROM load").split())
    gap = measure.outage(users, fault_ns, end_ns)
    lost = measure.lost(every, stored)
    result = {"outage_s": gap and gap["seconds"], "begins_after_fault_s": gap and gap["begins_after_fault_s"],
              "lost": len(lost), "double": len(measure.doubly(every, old, fault_ns)),
              "acknowledged": len(measure.acknowledged(every)), "writers": writers, **system.facts}
    if fault in ("freeze", "cut"):
        result["old_accepted"] = sum(1 for row in every if row.verdict == "ack" and row.server == old
                                     and row.ended_ns > fault_ns + 50_000_000)
    return {**result, **system.report()}


def tell(system, fault, replication, result):
    text = f"  {system} {fault} {replication}: {result['outage_s']} s, lost {result['lost']}, double {result['double']}"
    text += f", writers {'+'.join(result['writers']) or 'none'}"
    report = result.get("report")
    if report:
        parts = " ".join(f"{key[:-2]} {value:.3f}" for key, value in report["parts"].items() if value is not None)
        text += f", {report['kind']} {report['status']}: {parts}"
        text += f", loss reported {report['loss'].get('transactions')}, of muster's own {report['loss'].get('own_transactions')}"
    return text


def row_of(system, fault, replication, results):
    outages = [r["outage_s"] for r in results if r["outage_s"] is not None]
    return {"system": system, "fault": fault, "replication": replication, "runs": len(results),
            "median_s": round(statistics.median(outages), 3) if outages else None,
            "max_s": round(max(outages), 3) if outages else None,
            "lost": sum(r["lost"] for r in results), "double": sum(r["double"] for r in results)}


def show(rows):
    head = f"{'system':18} {'fault':11} {'replication':11} {'runs':>4} {'median s':>9} {'max s':>9} {'lost':>6} {'double':>6}"
    print(head)
    for row in rows:
        median, most = (f"{row[k]:9.3f}" if row[k] is not None else f"{'—':>9}" for k in ("median_s", "max_s"))
        print(f"{row['system']:18} {row['fault']:11} {row['replication']:11} {row['runs']:4} {median} {most} "
              f"{row['lost']:6} {row['double']:6}")


def parse_arguments():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    here = pathlib.Path(__file__).resolve().parents[2]
    parser.add_argument("--program", default=str(here / "build/release/bench/bench_failover"), help="the load client")
    parser.add_argument("--muster", default=str(here / "build/release/muster"), help="the program muster")
    parser.add_argument("--system", action="append", choices=list(SYSTEMS), help="one of them; may be repeated")
    parser.add_argument("--fault", action="append", choices=list(faults.FAULTS), help="one of them; may be repeated")
    parser.add_argument("--replication", choices=["async", "sync"])
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--calm", type=float, default=CALM_S, help="seconds of load before the fault")
    parser.add_argument("--cut", type=float, default=faults.CUT_S, help="seconds that a cut lasts")
    parser.add_argument("--json", metavar="FILE", help="one row per system, fault and replication; rows of an earlier "
                        "run that this one did not measure are kept")
    parser.add_argument("--details", metavar="FILE", help="what each single run gave, added to what is there")
    parser.add_argument("--svg", metavar="FILE", help="the picture of all rows")
    parser.add_argument("--keep", action="store_true", help="leave each run's folder with its logs")
    options = parser.parse_args()
    options.template = f"/var/tmp/muster-failover-template-{os.getpid()}"
    return options


def cases(options):
    for fault in options.fault or list(faults.FAULTS):
        for name in options.system or list(SYSTEMS):
            missing = [needed for needed in SYSTEMS[name].needs if shutil.which(needed, path=stage.PATH) is None]
            if missing:
                print(f"bench: {name} is left out, {', '.join(missing)} not found\nnext: script/setup --bench",
                      file=sys.stderr)
                continue
            for replication in SYSTEMS[name].replications(fault):
                if options.replication in (None, replication):
                    yield fault, name, replication


def measure_case(options, fault, name, replication):
    results = []
    for number in range(options.runs):
        try:
            results.append(one_run(SYSTEMS[name], options, replication, fault))
        except (stage.Failed, subprocess.SubprocessError) as failure:
            print(f"bench: {name} {fault} {replication}, run {number + 1}: {failure}", file=sys.stderr)
            continue
        print(tell(name, fault, replication, results[-1]), flush=True)
    return results


def kept(path, rows):
    """The rows of an earlier run that were not measured anew, and these."""
    def key(row):
        return row["fault"], row["system"], row["replication"]

    if path and pathlib.Path(path).exists():
        new = {key(row) for row in rows}
        rows = [row for row in json.loads(pathlib.Path(path).read_text(encoding="utf-8")) if key(row) not in new] + rows
    order = [list(faults.FAULTS), list(SYSTEMS), ["async", "sync"]]
    return sorted(rows, key=lambda row: [names.index(part) for names, part in zip(order, key(row))])


def write(options, rows, details):
    """After each case, so that a run that is ended early has written what it measured."""
    everything = kept(options.json, rows)
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(everything, indent=1) + "\n", encoding="utf-8")
    if options.svg:
        pathlib.Path(options.svg).write_text(picture.draw(everything), encoding="utf-8")
    if options.details:
        path = pathlib.Path(options.details)
        earlier = json.loads(path.read_text(encoding="utf-8")) if path.exists() else []
        path.write_text(json.dumps(earlier + details, indent=1) + "\n", encoding="utf-8")


def main():
    options = parse_arguments()
    faults.CUT_S = options.cut
    if os.getuid() != 0:
        print("bench: needs root for network namespaces\nnext: script/bench failover as root", file=sys.stderr)
        return 2
    # The shared memory that killed servers leave goes with this namespace; the system has room for few segments.
    ctypes.CDLL(None).unshare(0x08000000)  # CLONE_NEWIPC
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # So that every `finally` cleans up.
    rows = []
    try:
        for fault, name, replication in cases(options):
            results = measure_case(options, fault, name, replication)
            if results:
                rows.append(row_of(name, fault, replication, results))
                about = {"system": name, "fault": fault, "replication": replication}
                write(options, rows, [{**about, **result} for result in results])
    finally:
        shutil.rmtree(options.template, ignore_errors=True)
    show(kept(options.json, rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())

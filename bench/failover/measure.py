"""What the clients' logs say: the outage, the rows that were acknowledged and are gone, and those taken twice over."""
import dataclasses


@dataclasses.dataclass
class Row:
    sent_ns: int
    ended_ns: int
    id: str
    verdict: str
    server: str


def read(path):
    rows = []
    with open(path, encoding="utf-8", errors="replace") as lines:
        for line in lines:
            parts = line.split(" ", 5)
            if len(parts) >= 5 and line.endswith("\n"):
                rows.append(Row(int(parts[0]), int(parts[1]), parts[2], parts[3], parts[4].strip()))
    return rows


def acknowledged(rows):
    return sorted((row for row in rows if row.verdict == "ack"), key=lambda row: row.ended_ns)


def outage(rows, fault_ns, end_ns):
    """Seconds of the longest gap between two acknowledged rows that ends after the fault; with where it lies. The end of
    the client ends a gap too: commits that wait for ever are an outage."""
    acks = [row.ended_ns for row in acknowledged(rows)]
    gaps = [(later - earlier, earlier) for earlier, later in zip(acks, [*acks[1:], end_ns]) if later >= fault_ns]
    if not gaps:
        return None
    gap, began = max(gaps)
    return {"seconds": gap / 1e9, "begins_after_fault_s": (began - fault_ns) / 1e9}


def lost(rows, stored):
    return sorted(row.id for row in rows if row.verdict == "ack" and row.id not in stored)


def doubly(rows, old, fault_ns):
    """Rows that the old primary accepted after its successor had accepted its first."""
    after = [row for row in acknowledged(rows) if row.ended_ns >= fault_ns]
    first = min((row.ended_ns for row in after if row.server != old), default=None)
    if first is None:
        return []
    return [row.id for row in after if row.server == old and row.ended_ns > first]

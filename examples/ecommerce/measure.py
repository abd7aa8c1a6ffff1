"""What the shoppers saw: the outage, and the acknowledged orders that the surviving database does not hold."""
import dataclasses


@dataclasses.dataclass
class Order:
    ended_ms: int
    id: str
    is_acknowledged: bool
    took_ms: int = 0
    address: str = ""
    is_inside: bool = False  # From a client inside of the site.


def read_log(path):
    """The shoppers' log, oldest first."""
    return read_on(path, 0)[0]


def read_on(path, start):
    """What a log holds from a byte on, and the byte to go on at; a line that is being written right now is left out."""
    orders = []
    with open(path, "rb") as lines:
        lines.seek(start)
        for line in lines:
            if not line.endswith(b"\n"):
                break
            start += len(line)
            parts = line.decode(errors="replace").split()
            if len(parts) >= 4:
                orders.append(Order(int(parts[0]), parts[1], parts[2] == "ack", int(parts[3]),
                                    parts[4] if len(parts) > 4 else ""))
    return sorted(orders, key=lambda order: order.ended_ms), start


def outage(orders, from_ms, until_ms):
    """The longest time in a window, in seconds, without an acknowledged order."""
    acknowledged = [o.ended_ms for o in orders if o.is_acknowledged and from_ms <= o.ended_ms <= until_ms]
    gaps = [later - earlier for earlier, later in zip(acknowledged, acknowledged[1:])]
    return max(gaps) / 1000 if gaps else None


def are_served(orders, addresses):
    """Whether one of the newest orders was acknowledged at one of these addresses; they are oldest first."""
    return any(order.is_acknowledged and order.address in addresses for order in orders[-20:])


def lost(orders, stored):
    """Ids that were acknowledged and are not in the set of stored ones."""
    return sorted(order.id for order in orders if order.is_acknowledged and order.id not in stored)


def doubled(orders, old_addresses, new_addresses, stored):
    """Orders that the old site acknowledged while the new one already took writes: two primaries at once.

    An answer may arrive late. So an order counts that was begun after the new site's first acknowledged one had ended,
    or that ended after it and is not in the surviving database.
    """
    new = [o.ended_ms for o in orders if o.is_acknowledged and o.address in new_addresses]
    if not new:
        return []
    first = min(new)
    return sorted(o.id for o in orders if o.is_acknowledged and o.address in old_addresses and
                  (o.ended_ms - o.took_ms > first or (o.ended_ms > first and o.id not in stored)))

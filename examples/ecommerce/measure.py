"""What the shoppers saw: the outage, and the acknowledged orders that the surviving database does not hold."""
import dataclasses


@dataclasses.dataclass
class Order:
    ended_ms: int
    id: str
    is_acknowledged: bool


def read_log(path):
    """The shoppers' log, oldest first; a line that is being written right now is left out."""
    orders = []
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            parts = line.split(" ", 4)
            if len(parts) >= 4 and line.endswith("\n"):
                orders.append(Order(int(parts[0]), parts[1], parts[2] == "ack"))
    return sorted(orders, key=lambda order: order.ended_ms)


def outage(orders, from_ms, until_ms):
    """The longest time in a window, in seconds, without an acknowledged order."""
    acknowledged = [o.ended_ms for o in orders if o.is_acknowledged and from_ms <= o.ended_ms <= until_ms]
    gaps = [later - earlier for earlier, later in zip(acknowledged, acknowledged[1:])]
    return max(gaps) / 1000 if gaps else None


def lost(orders, stored):
    """Ids that were acknowledged and are not in the set of stored ones."""
    return sorted(order.id for order in orders if order.is_acknowledged and order.id not in stored)

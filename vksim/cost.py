"""What pods cost: what they request, for the time from when a cloud has accepted them until they end. Pure.

So do the clouds bill, roughly: by the second, some with a least time. They round sizes up, each in its own way; that,
and what is not a pod (addresses, volumes, traffic), is not in it.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from vksim.expect import COST
from vksim.observer import PodLife
from vksim.result import Cost
from vksim.scenario import Prices, Scenario

TOTAL = "cost.total"


def prices(scenario: Scenario) -> dict[str, Prices]:
    """Name of a group of nodes -> what its pods cost; groups whose pods cost nothing are not in it."""
    found = {}
    for group in scenario.cluster.nodes:
        own = group.prices or (scenario.clouds[group.cloud].prices if group.cloud else None)
        if own is not None:
            found[group.name] = own
    return found


class Bill:
    """What the pods of a run cost.

    Args:
        lives: of all pods.
        group_of: name of a node -> its group.
        prices: of each group whose pods cost something.
        until: when the run ended, in seconds of virtual time.

    Attributes:
        groups: by group of nodes, and
        workloads: by workload; sorted by name.
    """

    def __init__(
        self, lives: Iterable[PodLife], group_of: Mapping[str, str], prices: Mapping[str, Prices], until: float
    ) -> None:
        self._paid: dict[str, list[tuple[float, float, float]]] = {group: [] for group in prices}
        groups: defaultdict[str, list[float]] = defaultdict(list)
        workloads: defaultdict[str, list[float]] = defaultdict(list)
        for life in lives:
            group = group_of.get(life.node, "")
            if group not in prices or life.accepted is None:
                continue
            price = prices[group]
            end = min(each for each in (until, life.ended, life.deleted) if each is not None)
            seconds = max(end - life.accepted, price.minimum.seconds)
            amount = seconds / 3600 * (life.cpu * price.vcpu_hour + life.gib * price.gb_hour)
            self._paid[group].append((life.accepted, end, amount))
            groups[group].append(amount)
            workloads[life.workload].append(amount)
        self.groups = [Cost(name, len(groups[name]), round(sum(groups[name]), 6)) for name in sorted(prices)]
        self.workloads = [Cost(name, len(each), round(sum(each), 6)) for name, each in sorted(workloads.items())]

    def measured(self) -> dict[str, float]:
        """The series that objectives can be about; none if nothing has a price."""
        if not self.groups:
            return {}
        total = round(sum(each.amount for each in self.groups), 6)
        return {TOTAL: total, **{f"{COST}{each.name}": each.amount for each in self.groups}}

    def spent(self, times: Sequence[float]) -> dict[str, list[float]]:
        """Group -> what its pods had cost by each of these times; a pod's cost is spread evenly over its life."""
        return {group: _by_time(paid, times) for group, paid in self._paid.items()}

    def course(self, series: str, times: Sequence[float]) -> list[tuple[float, float]]:
        """The times, and what such a series was by then."""
        spent = self.spent(times)
        counted = spent.values() if series == TOTAL else [spent.get(series.removeprefix(COST), [0.0] * len(times))]
        return list(zip(times, map(sum, zip(*counted, strict=True)), strict=True))


def _by_time(paid: Sequence[tuple[float, float, float]], times: Sequence[float]) -> list[float]:
    """The sum of all amounts, each of which grows from its begin to its end, at each time."""
    changes = []
    for begin, end, amount in paid:
        rate = amount / max(end - begin, 1e-9)
        changes += [(begin, rate), (end, -rate)]
    changes.sort()
    result, total, rate, at, seen = [], 0.0, 0.0, 0.0, 0
    for time in times:
        while seen < len(changes) and changes[seen][0] <= time:
            moment, change = changes[seen]
            total += rate * (moment - at)
            rate, at, seen = rate + change, moment, seen + 1
        result.append(round(max(0.0, total + rate * (time - at)), 6))
    return result

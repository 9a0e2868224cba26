"""How full a run is, over time: pods that wait for the scheduler and for runners, what is requested of the nodes."""

from vksim.checker import Checker
from vksim.cluster import Cluster
from vksim.observer import Observer

QUEUES = ("queue scheduler", "queue runners")
REQUESTED = ("requested cpu", "requested memory")


class Gauges:
    """Looks at regular times, and remembers; between these times it costs nothing.

    Attributes:
        series: name -> its value each time. Queues are in pods, what is requested in shares of what all nodes offer.
    """

    def __init__(self) -> None:
        self.series: dict[str, list[float]] = {name: [] for name in (*QUEUES, *REQUESTED)}
        self._most = dict.fromkeys(self.series, 0.0)

    def look(self, cluster: Cluster, observer: Observer, checker: Checker) -> None:
        """Take in how full it is now."""
        self._read("queue scheduler", observer.queued)
        self._read("queue runners", cluster.backlog.waiting)
        for name in REQUESTED:
            self._read(name, round(checker.requested(name.partition(" ")[2]), 6))

    def _read(self, name: str, value: float) -> None:
        self.series[name].append(value)
        self._most[name] = max(self._most[name], value)

    def measured(self) -> dict[str, float]:
        """The series of ``vksim.expect``, so far."""
        return {f"{name.replace(' ', '.')}.max": float(value) for name, value in self._most.items()}

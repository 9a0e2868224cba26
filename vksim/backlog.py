"""How many pods wait for a worker of some runner, counted as it happens: nobody has to ask thousands of runners."""

from contextlib import AbstractContextManager

from runner.workqueue import Unobserved


class Backlog:
    """What waits in the work queues of all runners.

    Attributes:
        waiting: how many pods.
    """

    def __init__(self) -> None:
        self.waiting = 0

    def of_runner(self) -> "RunnerBacklog":
        """For one runner's queue to tell what it does."""
        return RunnerBacklog(self)


class RunnerBacklog(Unobserved):
    """One runner's part (a ``runner.workqueue.Observer``)."""

    def __init__(self, total: Backlog) -> None:
        self._total = total
        self._waiting = 0

    def added(self, key: object) -> None:  # noqa: ARG002  (how many is all that counts)
        """One more waits."""
        self._waiting += 1
        self._total.waiting += 1

    def working(self, key: object) -> AbstractContextManager[object]:
        """One less waits."""
        self._waiting -= 1
        self._total.waiting -= 1
        return super().working(key)

    def dead(self) -> None:
        """The runner has died: nothing waits, and what its queue does while it is torn down does not count."""
        self._total.waiting -= self._waiting
        self._total = Backlog()

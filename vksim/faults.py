"""What breaks, and when: each kind of fault says how it begins and how it ends.

A new kind is a structure in ``vksim.scenario`` and a class here, named in ``breakage`` and ``describe``.
"""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Protocol

from providers.errors import Retryable
from vksim.cluster import Cluster
from vksim.scenario import Fault, ProviderErrors, RunnerCrash


class Breakage(Protocol):
    """A fault at work."""

    def begin(self) -> None:
        """Break it."""

    def end(self) -> None:
        """Mend it."""


class Trouble:
    """Decides which provider calls fail; the clouds ask it at each call."""

    def __init__(self, group_of: Callable[[str], str], random: Random) -> None:
        self.errors = 0
        self.active: dict[int, ProviderErrors] = {}
        self._group_of = group_of
        self._random = random

    def __call__(self, operation: str, node: str) -> None:
        """Fail the call with Retryable if a fault wants it."""
        for fault in self.active.values():
            if fault.operation not in ("all", operation) or (fault.group and fault.group != self._group_of(node)):
                continue
            if fault.rate >= 1 or self._random.random() < fault.rate:
                self.errors += 1
                raise Retryable(f"the cloud failed to {operation} (injected fault)")


class _ProviderErrors:
    def __init__(self, fault: ProviderErrors, trouble: Trouble) -> None:
        self._fault = fault
        self._trouble = trouble

    def begin(self) -> None:
        self._trouble.active[id(self)] = self._fault

    def end(self) -> None:
        del self._trouble.active[id(self)]


class _RunnerCrash:
    def __init__(self, fault: RunnerCrash, cluster: Cluster) -> None:
        self._node = fault.node
        self._cluster = cluster

    def begin(self) -> None:
        self._cluster.nodes[self._node].crash()

    def end(self) -> None:
        self._cluster.restart(self._node)


def breakage(fault: Fault, cluster: Cluster, trouble: Trouble) -> Breakage:
    """The fault, ready to break things."""
    match fault:
        case ProviderErrors():
            return _ProviderErrors(fault, trouble)
        case RunnerCrash():
            return _RunnerCrash(fault, cluster)
        case _:
            raise AssertionError(f"no breakage for {fault!r}")


async def play(fault: Fault, cluster: Cluster, trouble: Trouble) -> None:
    """Break at the fault's time, mend when it is over."""
    await asyncio.sleep(fault.at.seconds)
    broken = breakage(fault, cluster, trouble)
    broken.begin()
    await asyncio.sleep(fault.during.seconds)
    broken.end()


def describe(fault: Fault) -> str:
    """The fault in a few words, for the report."""
    match fault:
        case ProviderErrors():
            where = f" in {fault.group}" if fault.group else ""
            return f"{fault.rate:.0%} of provider {fault.operation} calls fail{where}"
        case RunnerCrash():
            return f"the runner of {fault.node} is down"
        case _:
            raise AssertionError(f"no description for {fault!r}")

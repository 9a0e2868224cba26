"""What the mock cloud knows of a pod. Data, and the pure steps from one run of its containers to the next.

All containers of a pod do the same here, at the same time; so one ``Run`` speaks for them all.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import NamedTuple

from providers.data import NO_DATA, PodData
from providers.mock.files import Files
from providers.mock.script import Script
from providers.types import Pod

COMPLETED, ERROR, NEVER_RAN = "Completed", "Error", "ContainerStatusUnknown"
"""A kubelet's reasons for the end of a container."""

KILLED = 137
"""128 + SIGKILL."""

FIRST_BACKOFF, LONGEST_BACKOFF = 10, 300
"""Seconds between restarts of a container that keeps ending; doubled each time, as a kubelet does."""

BACKOFF_FORGOTTEN = timedelta(seconds=2 * LONGEST_BACKOFF)
"""A run as long as this begins the back-off anew."""


class End(NamedTuple):
    """How one run ended; ``number`` counts the runs of the pod from 0."""

    number: int
    started: datetime
    finished: datetime
    exit_code: int
    reason: str


@dataclass(frozen=True, slots=True)
class Run:
    """The current or latest run of the containers.

    Attributes:
        begun: when the first run began; None before that.
        started: when this run began.
        ended: how it ended; None while it lasts.
        last: how the run before this one ended.
        restarts: how many runs there were before this one.
        ends_in_a_row: how many runs ended early since the last long one: what the back-off is made of.
        is_over: whether there will be no further run.
    """

    begun: datetime | None = None
    started: datetime | None = None
    ended: End | None = None
    last: End | None = None
    restarts: int = 0
    ends_in_a_row: int = 0
    is_over: bool = False

    @property
    def running(self) -> bool:
        """Whether the containers run right now."""
        return self.started is not None and self.ended is None

    @property
    def backoff(self) -> int:
        """How many seconds pass before the next run."""
        return int(min(FIRST_BACKOFF * 2 ** min(max(self.ends_in_a_row - 1, 0), 10), LONGEST_BACKOFF))

    def started_again(self, now: datetime) -> "Run":
        """The first run, or the next one."""
        if self.begun is None:
            return Run(begun=now, started=now)
        return replace(self, started=now, ended=None, last=self.ended, restarts=self.restarts + 1)

    def finished(self, now: datetime, exit_code: int, reason: str, *, over: bool) -> "Run":
        """This run ends; ``over`` says whether it was the last."""
        started = self.started or now
        in_a_row = 1 if now - started >= BACKOFF_FORGOTTEN else self.ends_in_a_row + 1
        end = End(self.restarts, started, now, exit_code, reason)
        return replace(self, ended=end, ends_in_a_row=in_a_row, is_over=over)

    def given_up(self, now: datetime) -> "Run":
        """No further run, whatever state this one is in. Containers that never ran end as a kubelet reports them."""
        if self.begun is None:
            return self.finished(now, KILLED, NEVER_RAN, over=True)
        return replace(self, is_over=True)


class Step(StrEnum):
    """What a pod's timer is set for."""

    START = "start"
    EXIT = "exit"
    STOP = "stop"
    """Told to end, the containers do."""
    KILL = "kill"
    """Told to end, they do not before the grace is over."""


class Plan(NamedTuple):
    """The next step in a pod's life, and when it is due."""

    step: Step
    at: datetime


@dataclass(slots=True)
class CloudPod:
    """A pod on the mock cloud.

    Attributes:
        pod: as the cloud was last given it.
        node: the node it belongs to.
        script: what it does.
        host_ip: the node's address.
        accepted: when the cloud accepted it.
        ip: its own address; empty before it first runs.
        run: what its containers are doing.
        plan: what happens next of itself; None for a pod that just runs.
        evicted: whether the cloud ended it on its own account.
        timer: wakes the cloud for the plan.
        change: set at the next change; None as long as nobody waits for one.
        data: what the core gave beside the pod.
        files: of each container and run that somebody has run a command in; None if nobody ever has.
    """

    pod: Pod
    node: str
    script: Script
    host_ip: str
    accepted: datetime
    ip: str = ""
    run: Run = Run()
    plan: Plan | None = None
    evicted: bool = False
    timer: asyncio.TimerHandle | None = None
    change: asyncio.Event | None = None
    files: dict[tuple[str, int], Files] | None = None
    data: PodData = NO_DATA

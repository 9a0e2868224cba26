"""How a cloud is to behave, as plain data: what a scenario writes under a cloud's name. Times are in seconds."""

import math
from collections.abc import Mapping
from enum import StrEnum
from fnmatch import fnmatchcase
from random import Random
from typing import Annotated, Any

import msgspec
from msgspec import Meta

Seconds = Annotated[float, Meta(ge=0)]
Probability = Annotated[float, Meta(ge=0, le=1)]

_Z99 = 2.3263478740408408
"""The standard normal distribution's 99th percentile."""


class BadSettings(ValueError):
    """The data is not what settings look like. The message names the field."""


class Latency(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How long something takes: log-normal, as cloud operations are, or constant where ``p99`` is left out.

    Attributes:
        median: half of the draws are below.
        p99: one draw in a hundred is above; at least the median.
    """

    median: Seconds
    p99: Seconds | None = None

    def __post_init__(self) -> None:
        if self.p99 is not None and (self.p99 < self.median or not self.median):
            raise ValueError(f"p99: {self.p99:g} goes with a median above 0 that is no more than it")

    def draw(self, random: Random) -> float:
        """Seconds."""
        if self.p99 is None:
            return self.median
        sigma = math.log(self.p99 / self.median) / _Z99
        return self.median * math.exp(sigma * random.gauss(0.0, 1.0))


class Rate(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How many calls a cloud takes.

    Attributes:
        burst: so many at once,
        per_second: then so many.
        operations: which calls share it, by name or pattern (``Describe*``); none: the one that the rate is named for.
    """

    burst: Annotated[int, Meta(ge=1)]
    per_second: Annotated[float, Meta(gt=0)]
    operations: tuple[str, ...] = ()


class FaultKind(StrEnum):
    """What may go wrong with a call."""

    OUTAGE = "outage"
    """Not done; answered as by a service that is down."""
    THROTTLED = "throttled"
    """Not done; answered as too many requests."""
    NO_CAPACITY = "no-capacity"
    """Not done; the region is full."""
    LOST_ANSWER = "lost-answer"
    """Done, but the caller does not hear of it."""
    LOST_REQUEST = "lost-request"
    """Not done, and the caller hears nothing."""
    SLOW = "slow"
    """Done; the answer takes its time."""


class Fault(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A rule by which calls fail.

    Attributes:
        kind: how.
        operations: which ones, by name or pattern; none means all.
        resources: only calls about these resources, by name or pattern (``west-2/*``); none means all.
        probability: how often.
        delay: how much longer the answer takes, when it is slow.
        after: seconds from the cloud's beginning at which the rule begins to hold.
        until: seconds at which it no longer holds; None for ever.
    """

    kind: FaultKind
    operations: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    probability: Probability = 1.0
    delay: Latency | None = None
    after: Seconds = 0.0
    until: Seconds | None = None

    def __post_init__(self) -> None:
        if (self.kind is FaultKind.SLOW) != (self.delay is not None):
            raise ValueError(f"delay: goes with kind {FaultKind.SLOW.value!r}, and with no other")

    def holds(self, operation: str, resource: str, at: float) -> bool:
        """Whether the rule is about that call at that second."""
        if at < self.after or (self.until is not None and at >= self.until):
            return False
        return matches(operation, self.operations) and matches(resource, self.resources)


class CloudSettings(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A cloud's behaviour.

    Attributes:
        latencies: what takes time, by the cloud's name for it.
        quotas: name -> limit.
        rates: how many calls are taken, each rate by the name of its operation, or by a name of its own.
        faults: the first rule that applies to a call decides.
    """

    latencies: dict[str, Latency] = {}
    quotas: dict[str, Annotated[float, Meta(ge=0)]] = {}
    rates: dict[str, Rate] = {}
    faults: tuple[Fault, ...] = ()


def matches(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether a name is one of these, where ``*`` stands for anything; no patterns mean all names."""
    return not patterns or any(name == each or fnmatchcase(name, each) for each in patterns)


def parse(data: Mapping[str, Any]) -> CloudSettings:
    """The settings that plain data means.

    Raises:
        BadSettings: naming the field.
    """
    try:
        return msgspec.convert(data, CloudSettings)
    except msgspec.ValidationError as error:
        raise BadSettings(str(error)) from None

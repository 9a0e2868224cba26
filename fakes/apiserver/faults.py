"""Faults by rule: what goes wrong with which requests, when, and how often.

A rule is plain data, as in a file of ``vksim serve --faults``::

    - error: 429             # refuse with this code
      retryAfter: 1          # seconds, told to the client
      verbs: [create, patch] # of these requests; all if left out
      resources: [pods]
      clients: [kubectl]     # user agents that begin like this
      probability: 0.1       # of so many of them
      after: 10              # seconds since the start
      until: 30
    - latency: 0.2           # answer so many seconds later; [0.1, 0.5] draws from a range
    - drop: 30               # end watches after so many seconds
    - lag: 5                 # lists from the cache and watches are so many seconds behind

Randomness and time are handed in: the same requests in the same order meet the same faults.
"""

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from random import Random
from typing import Any

import msgspec

from fakes.apiserver.errors import StatusError
from fakes.apiserver.options import ListOptions

REASONS = {
    401: "Unauthorized",
    403: "Forbidden",
    404: "NotFound",
    409: "Conflict",
    410: "Expired",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
    504: "Timeout",
}
LIFE_OF_NOTES = 1000
"""So many versions with their times are remembered, for replicas that lag."""


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """One rule; exactly one of ``error``, ``latency``, ``drop`` and ``lag`` says what goes wrong. Times in seconds."""

    error: int | None = None
    latency: float | tuple[float, float] | None = None
    drop: float | None = None
    lag: float | None = None
    retry_after: int = 0
    message: str = ""
    verbs: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    clients: tuple[str, ...] = ()
    probability: float = 1.0
    after: float = 0.0
    until: float | None = None

    def __post_init__(self) -> None:
        given = [name for name in KINDS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a rule has one of {', '.join(KINDS)}; this one has {' and '.join(given) or 'none'}")
        if self.error is not None and self.error not in REASONS:
            raise ValueError(f"error: {self.error} is not one of {', '.join(map(str, REASONS))}")
        if not 0 <= self.probability <= 1:
            raise ValueError(f"probability: {self.probability:g} is not between 0 and 1")

    def concerns(self, verb: str, resource: str, client: str, seconds: float) -> bool:
        """Whether a request at that time is one of the rule's."""
        return (
            self.after <= seconds
            and (self.until is None or seconds < self.until)
            and (not self.verbs or verb in self.verbs)
            and (not self.resources or resource in self.resources)
            and (not self.clients or client.startswith(self.clients))
        )


KINDS = ("error", "latency", "drop", "lag")


def parse(data: Any) -> list[Rule]:
    """Rules from plain data; raises ValueError, which says where and what is wrong."""
    try:
        return msgspec.convert(data or [], list[Rule], strict=False)
    except msgspec.ValidationError as error:
        raise ValueError(str(error)) from None


@dataclass(frozen=True, slots=True)
class Trouble:
    """What a request meets, besides being refused.

    Attributes:
        latency: seconds before it is looked at.
        drop: seconds after which a watch ends; None for its own time.
        lag: how many seconds behind a read from the cache is.
    """

    latency: float = 0.0
    drop: float | None = None
    lag: float = 0.0


NONE = Trouble()


class Faults:
    """Decides what goes wrong with each request.

    Args:
        rules: all that concern a request apply; the first that refuses it wins.
        now: the clock; the rules' times count from now on.
        random: draws probabilities and ranges.
        version: the server's newest resourceVersion.
    """

    def __init__(
        self, rules: Sequence[Rule], *, now: Callable[[], datetime], random: Random, version: Callable[[], int]
    ) -> None:
        self._rules = tuple(rules)
        self._now = now
        self._started = now()
        self._random = random
        self._version = version
        self._notes: deque[tuple[float, int]] = deque(maxlen=LIFE_OF_NOTES)

    def meet(self, verb: str, resource: str, client: str) -> Trouble:
        """What a request meets; raises ``StatusError`` if it is refused."""
        if not self._rules:
            return NONE
        seconds = (self._now() - self._started).total_seconds()
        self._notes.append((seconds, self._version()))
        trouble = NONE
        for rule in self._rules:
            if not rule.concerns(verb, resource, client, seconds):
                continue
            if rule.probability < 1 and self._random.random() >= rule.probability:
                continue
            if rule.error is not None:
                message = rule.message or "injected by a rule of the fake API server"
                raise StatusError(rule.error, REASONS[rule.error], message, retry_after=rule.retry_after)
            if isinstance(rule.latency, tuple):
                trouble = replace(trouble, latency=trouble.latency + self._random.uniform(*rule.latency))
            elif rule.latency is not None:
                trouble = replace(trouble, latency=trouble.latency + rule.latency)
            elif rule.drop is not None:
                trouble = replace(trouble, drop=rule.drop)
            elif rule.lag is not None:
                trouble = replace(trouble, lag=rule.lag)
        return trouble

    def past(self, options: ListOptions, lag: float) -> ListOptions:
        """A list from the cache (``resourceVersion=0``) as it was so many seconds ago; other lists are never behind."""
        if not lag or options.resource_version != "0" or options.continue_token:
            return options
        moment = (self._now() - self._started).total_seconds() - lag
        version = next((known for seconds, known in self._notes if seconds >= moment), self._version())
        return replace(options, resource_version=str(version), resource_version_match="Exact")

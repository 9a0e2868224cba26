"""The audit log: a line of JSON for each request, as kube-apiserver writes it at the level Metadata."""

from collections.abc import Callable
from contextvars import ContextVar
from datetime import datetime
from random import Random
from typing import IO, Any

import orjson

from fakes.apiserver.attributes import Attributes
from fakes.apiserver.authorizer import User

ASKED_BY: ContextVar[User | None] = ContextVar("asked_by", default=None)
"""Who asks, in the task of a request, as soon as that is known."""


class AuditLog:
    """Writes what was asked, by whom, and what it was answered.

    Args:
        file: takes the lines.
        now: the clock.
        random: makes the identities of the events.
    """

    def __init__(self, file: IO[bytes], now: Callable[[], datetime], random: Random) -> None:
        self._file = file
        self._now = now
        self._random = random

    def received(self) -> str:
        """Now, as an event tells it."""
        return self._now().isoformat(timespec="microseconds").removesuffix("+00:00") + "Z"

    def note(self, wanted: Attributes, *, uri: str, source: str, agent: str, received: str, code: int) -> None:
        """Write an event.

        Args:
            wanted: what the request is about.
            uri: its path and query.
            source: the client's address.
            agent: the client's user agent.
            received: when it came.
            code: what it was answered with.
        """
        user = ASKED_BY.get()
        event: dict[str, Any] = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "level": "Metadata",
            "auditID": self._identity(),
            "stage": "ResponseComplete",
            "requestURI": uri,
            "verb": wanted.verb,
            "user": {} if user is None else user.info(),
            "sourceIPs": [source],
            "userAgent": agent,
        }
        if wanted.resource:
            event["objectRef"] = _reference(wanted)
        decision = "forbid" if code == 403 else "allow"
        event |= {
            "responseStatus": {"metadata": {}, **({"status": "Failure"} if code >= 400 else {}), "code": code},
            "requestReceivedTimestamp": received,
            "stageTimestamp": self.received(),
            "annotations": {"authorization.k8s.io/decision": decision},
        }
        self._file.write(orjson.dumps(event, option=orjson.OPT_APPEND_NEWLINE))
        self._file.flush()

    def _identity(self) -> str:
        digits = f"{self._random.getrandbits(128):032x}"
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-a{digits[17:20]}-{digits[20:]}"


def _reference(wanted: Attributes) -> dict[str, str]:
    found = {
        "resource": wanted.resource,
        "namespace": wanted.namespace,
        "name": wanted.name,
        "apiGroup": wanted.group,
        "apiVersion": wanted.version,
        "subresource": wanted.subresource,
    }
    return {key: value for key, value in found.items() if value}

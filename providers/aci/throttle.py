"""Obeys Azure's throttling: whoever is told to wait, all wait, in the whole process and for the same kind of call.

It also counts the reads, of which a subscription has so many an hour.

A policy of azure-core's pipeline: it sees every request before it is sent, and every answer.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import SansIOHTTPPolicy

from providers.aci.pace import Bucket
from providers.base import Clock
from providers.errors import Retryable

TOO_MANY = 429
UNSAID = timedelta(seconds=30)
"""How long to wait where a throttling answer does not say."""

_READS_LEFT = "x-ms-ratelimit-remaining-subscription-reads"


class Throttle(SansIOHTTPPolicy[Any, Any]):
    """Raises Retryable instead of sending what Azure has asked to wait with.

    Args:
        clock: the wall clock.
        reads: what is left of the reads.

    Attributes:
        reads_left: how many reads Azure last said it would still take; None before it has.
    """

    def __init__(self, clock: Clock, reads: Bucket) -> None:
        super().__init__()
        self.reads_left: int | None = None
        self._clock = clock
        self._reads = reads
        self._until: dict[str, datetime] = {}

    def wait(self, method: str) -> timedelta:
        """How long no call of that HTTP method is to be sent."""
        until = self._until.get(method)
        return timedelta(0) if until is None else max(until - self._clock.now(), timedelta(0))

    def on_request(self, request: PipelineRequest[Any]) -> None:
        """Refuse to send while Azure wants us to wait."""
        method = request.http_request.method
        wait = self.wait(method)
        if wait:
            seconds = wait.total_seconds()
            raise Retryable(f"Azure has asked to send no {method} for another {seconds:.0f} s", delay=wait)
        if method == "GET":
            self._reads.take(1, self._clock.now())

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        """Remember how long to wait."""
        answer = response.http_response
        left = answer.headers.get(_READS_LEFT)
        if left is not None and left.isdigit():
            self.reads_left = int(left)
        if answer.status_code == TOO_MANY:
            until = self._clock.now() + (retry_after(answer.headers, self._clock.now()) or UNSAID)
            method = request.http_request.method
            self._until[method] = max(until, self._until.get(method, until))


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long an answer asks to wait: seconds, milliseconds or a date; None if it does not say, or nonsense."""
    try:
        for name in ("x-ms-retry-after-ms", "retry-after-ms"):
            if text := headers.get(name):
                return timedelta(milliseconds=float(text))
        text = headers.get("Retry-After") or ""
        if text.strip().replace(".", "", 1).isdigit():
            return timedelta(seconds=float(text))
        return max(parsedate_to_datetime(text) - now, timedelta(0)) if text else None
    except (ValueError, OverflowError, TypeError):
        return None

"""Traces: what belongs to one piece of work, across the runner, the API server and the provider.

The core only knows the small ``Tracer`` protocol. ``NO_TRACES`` does nothing, at no cost; ``runner.otel`` speaks
OpenTelemetry, where the extra ``vksim[otel]`` is installed.
"""

from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol


class Tracer(Protocol):
    """Makes spans. The present one is kept by the task, as a context variable."""

    def span(self, name: str, attributes: Mapping[str, str]) -> AbstractContextManager[object]:
        """A span around a block, below the present one; an exception that leaves the block marks it as failed."""
        ...

    def headers(self) -> Mapping[str, str]:
        """The present span as HTTP headers (W3C Trace Context), for a request to somebody else."""
        ...

    def continuing(
        self, headers: Mapping[str, str], name: str, attributes: Mapping[str, str]
    ) -> AbstractContextManager[object]:
        """As ``span``, but below the span that a request's headers name; without headers, a trace of its own."""
        ...

    def close(self) -> None:
        """Send what is still to be sent; blocks."""
        ...


class NoTraces:
    """Traces nothing."""

    def span(self, name: str, attributes: Mapping[str, str]) -> AbstractContextManager[object]:  # noqa: ARG002
        """A block like any other."""
        return _NOTHING

    def headers(self) -> Mapping[str, str]:
        """None."""
        return _NO_HEADERS

    def continuing(
        self,
        headers: Mapping[str, str],  # noqa: ARG002
        name: str,  # noqa: ARG002
        attributes: Mapping[str, str],  # noqa: ARG002
    ) -> AbstractContextManager[object]:
        """A block like any other."""
        return _NOTHING

    def close(self) -> None:
        """Nothing to send."""


_NOTHING = nullcontext()
_NO_HEADERS: Mapping[str, str] = {}
NO_TRACES: Tracer = NoTraces()

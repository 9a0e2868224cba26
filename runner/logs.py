"""The runner's log, on stderr: lines for people or JSON for machines.

Which node and pod a line is about is known to the task that writes it (``NODE`` and ``POD``), so that also a provider's
and a library's lines name them. A line about another one says so with ``extra={"pod": ...}``.
"""

import json
import logging
from collections.abc import MutableMapping
from contextvars import Context, ContextVar
from datetime import UTC, datetime
from typing import Any

FORMATS = ("console", "json")
LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "fatal": logging.CRITICAL,
    "panic": logging.CRITICAL,
}
"""Virtual Kubelet's levels, and Python's for them."""
OURS = ("runner", "providers", "vksim", "fakes")
"""Loggers that follow the chosen level; libraries only speak up to warn, unless everything is wanted."""

NODE: ContextVar[object] = ContextVar("node", default=None)
"""The node that this task works for."""
POD: ContextVar[object] = ContextVar("pod", default=None)
"""The pod that this task works on; written as ``namespace/name``."""


def context_of_node() -> Context:
    """For a task that serves the present task's node, but outlives the work on its pod."""
    context = Context()
    context.run(NODE.set, NODE.get())
    return context


def configure(level: str, format_: str) -> None:
    """Send the log of this process to stderr.

    Args:
        level: one of ``LEVELS``.
        format_: one of ``FORMATS``.
    """
    handler = logging.StreamHandler()
    handler.setFormatter(JsonFormatter() if format_ == "json" else ConsoleFormatter())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    number = LEVELS[level]
    root.setLevel(number if number == logging.DEBUG else max(number, logging.WARNING))
    for name in OURS:
        logging.getLogger(name).setLevel(number)


class NodeLogger(logging.LoggerAdapter[logging.Logger]):
    """A logger whose lines name a node, whoever writes them; a line may name a pod with ``extra={"pod": ...}``."""

    def __init__(self, name: str, node: str) -> None:
        super().__init__(logging.getLogger(name), {"node": node})

    def process(self, msg: object, kwargs: MutableMapping[str, Any]) -> tuple[object, MutableMapping[str, Any]]:
        """What the line says of itself goes before what it is told here."""
        return msg, {**kwargs, "extra": {**(self.extra or {}), **(kwargs.get("extra") or {})}}


class ConsoleFormatter(logging.Formatter):
    """``15:04:05 INFO  my-node default/web: message``, times in UTC as everywhere in Kubernetes."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the traceback of an exception below it."""
        subject = " ".join(value for value in (_field(record, "node", NODE), _field(record, "pod", POD)) if value)
        place = f"{subject}: " if subject else ""
        line = f"{_moment(record):%H:%M:%S} {record.levelname:<7} {place}{record.getMessage()}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class JsonFormatter(logging.Formatter):
    """One object a line: time, level, logger, message, and node, pod, error where there are any."""

    def format(self, record: logging.LogRecord) -> str:
        """The object, without line breaks."""
        fields = {
            "time": _moment(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            "node": _field(record, "node", NODE),
            "pod": _field(record, "pod", POD),
            "error": self.formatException(record.exc_info) if record.exc_info else None,
        }
        return json.dumps({key: value for key, value in fields.items() if value is not None})


def _moment(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _field(record: logging.LogRecord, name: str, of_task: ContextVar[object]) -> str | None:
    """What a LoggerAdapter or ``extra=`` put on the record, else what the task works on."""
    value = getattr(record, name, None) or of_task.get()
    return str(value) if value else None

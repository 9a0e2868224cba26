"""The runner's log, on stderr: lines for people or JSON for machines."""

import json
import logging
from datetime import UTC, datetime

FORMATS = ("console", "json")
LEVELS = ("debug", "info", "warning", "error")
OURS = ("runner", "providers", "vksim", "fakes")
"""Loggers that follow the chosen level; libraries only speak up to warn, unless everything is wanted."""


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
    root.setLevel(logging.DEBUG if level == "debug" else logging.WARNING)
    for name in OURS:
        logging.getLogger(name).setLevel(level.upper())


class ConsoleFormatter(logging.Formatter):
    """``15:04:05 INFO  my-node default/web: message``, times in UTC as everywhere in Kubernetes."""

    def format(self, record: logging.LogRecord) -> str:
        """The line, and the traceback of an exception below it."""
        subject = " ".join(str(value) for value in (_field(record, "node"), _field(record, "pod")) if value)
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
            "node": _field(record, "node"),
            "pod": _field(record, "pod"),
            "error": self.formatException(record.exc_info) if record.exc_info else None,
        }
        return json.dumps({key: value for key, value in fields.items() if value is not None})


def _moment(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _field(record: logging.LogRecord, name: str) -> object:
    """What a LoggerAdapter or ``extra=`` put on the record."""
    return getattr(record, name, None)

"""The query of ``/containerLogs``, by the kubelet's rules: what ``kubectl logs`` sends becomes ``LogOptions``."""

import re
from collections.abc import Mapping
from datetime import datetime, timedelta

from providers.base import LogOptions
from providers.errors import Invalid
from runner.ports import parse_rfc3339

_TRUE = frozenset({"1", "t", "T", "TRUE", "true", "True"})
_FALSE = frozenset({"", "0", "f", "F", "FALSE", "false", "False"})
"""What Go's ``strconv.ParseBool`` takes, and nothing at all."""


def log_options(query: Mapping[str, str], now: datetime) -> LogOptions:
    """What part of the log is asked for; parameters that a kubelet does not know are ignored.

    Raises:
        Invalid: a value is no number, boolean or time, or out of range, or two contradict each other.
    """
    since_seconds = _number(query, "sinceSeconds", least=1)
    since = _time(query, "sinceTime")
    if since_seconds is not None:
        if since is not None:
            raise Invalid("at most one of sinceTime and sinceSeconds may be given")
        since = now - timedelta(seconds=since_seconds)
    return LogOptions(
        tail_lines=_number(query, "tailLines", least=0),
        limit_bytes=_number(query, "limitBytes", least=1),
        since=since,
        timestamps=_flag(query, "timestamps"),
        follow=_flag(query, "follow"),
        previous=_flag(query, "previous"),
    )


def _number(query: Mapping[str, str], name: str, *, least: int) -> int | None:
    text = query.get(name)
    if not text:
        return None
    if not re.fullmatch(r"[+-]?[0-9]{1,18}", text):
        raise Invalid(f"{name}={text!r} is not a whole number")
    value = int(text)
    if value < least:
        raise Invalid(f"{name}={value} must be at least {least}")
    return value


def _flag(query: Mapping[str, str], name: str) -> bool:
    text = query.get(name, "")
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    raise Invalid(f"{name}={text!r} is neither true nor false")


def _time(query: Mapping[str, str], name: str) -> datetime | None:
    text = query.get(name)
    if not text:
        return None
    try:
        moment = parse_rfc3339(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Invalid(f"{name}={text!r} is not an RFC 3339 time such as 2026-01-02T03:04:05Z")
    return moment

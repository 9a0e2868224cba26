"""How single values of flags, variables and files are read.

Each reader raises ValueError with what is wrong and what would be right; where the value came from, the caller adds.
"""

import ipaddress
import re
from datetime import timedelta
from typing import NamedTuple

from providers.durations import parse_seconds
from runner.config import PROVIDER_TAINT_KEY

TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
SHORTEST_LEASE = timedelta(seconds=1)
"""A lease counts whole seconds."""

_NAME = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")
_LABEL_VALUE = re.compile(r"([A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?)?")
_QUALIFIED = re.compile(r"([a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?")


class Address(NamedTuple):
    """Where to listen; an empty host leaves that to the listener."""

    host: str
    port: int


def duration(text: str) -> timedelta:
    """Go's way of writing durations: ``1m30s``, ``500ms``, ``0``.

    Raises:
        ValueError: it is none.
    """
    return timedelta(seconds=parse_seconds(text))


def span(text: str) -> timedelta:
    """A duration that is not 0.

    Raises:
        ValueError: it is none, or 0.
    """
    length = duration(text)
    if not length:
        raise ValueError("must be more than 0")
    return length


def lease_duration(text: str) -> timedelta:
    """A lease's length.

    Raises:
        ValueError: a lease cannot be that short.
    """
    length = duration(text)
    if length < SHORTEST_LEASE:
        raise ValueError("must be at least 1s")
    return length


def taint_key(text: str) -> str:
    """The key of a taint.

    Raises:
        ValueError: it is none.
    """
    if not _QUALIFIED.fullmatch(text):
        raise ValueError(f"{text!r} is no taint key such as {PROVIDER_TAINT_KEY}")
    return text


def taint_value(text: str) -> str:
    """The value of a taint.

    Raises:
        ValueError: it is none.
    """
    if not _LABEL_VALUE.fullmatch(text):
        raise ValueError(f"{text!r} is no taint value (letters, digits, '-', '_', '.')")
    return text


def label(text: str) -> tuple[str, str]:
    """A node label from ``key=value``.

    Raises:
        ValueError: it is none.
    """
    key, equals, value = text.partition("=")
    if not equals or not _QUALIFIED.fullmatch(key) or not _LABEL_VALUE.fullmatch(value):
        raise ValueError(f"{text!r} is no label; write key=value, e.g. example.com/team=blue")
    return key, value


def trace_tag(text: str) -> tuple[str, str]:
    """A tag from ``key=value``.

    Raises:
        ValueError: it is none.
    """
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ValueError(f"{text!r} is no tag; write key=value")
    return key, value


def sample_rate(text: str) -> float | None:
    """``always``, ``never`` or 0 to 100 per cent, as a share; None for an empty text.

    Raises:
        ValueError: it is none of these.
    """
    named = {"": None, "always": 1.0, "never": 0.0}
    if text.lower() in named:
        return named[text.lower()]
    if not text.isdecimal() or int(text) > 100:
        raise ValueError(f"{text!r} is neither 'always' nor 'never' nor a whole number of per cent, 0 to 100")
    return int(text) / 100


def node_name(text: str) -> str:
    """A Node's name.

    Raises:
        ValueError: no object can be called that.
    """
    if len(text) > 253 or not _NAME.fullmatch(text):
        raise ValueError(f"{text!r} must be lower-case letters, digits, '-' and '.', e.g. my-node")
    return text


def ip_address(text: str) -> str:
    """An IPv4 or IPv6 address.

    Raises:
        ValueError: it is none.
    """
    try:
        return str(ipaddress.ip_address(text))
    except ValueError:
        raise ValueError(f"{text!r} is no IP address") from None


def host_and_port(text: str) -> Address | None:
    """``:10255``, ``127.0.0.1:10255`` or ``[::1]:10255``; None for an empty text.

    Raises:
        ValueError: it is none of these.
    """
    if not text:
        return None
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not colon or not port.isdecimal() or int(port) > 65535:
        raise ValueError(f"{text!r} is no address with a port, e.g. :10255 or 127.0.0.1:10255")
    return Address(ip_address(host) if host else "", int(port))

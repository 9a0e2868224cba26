"""A container's log, as far as the service keeps it: only the last run, and less of it once the container has ended."""

from collections.abc import Mapping
from datetime import datetime

from fakes.aci import defaults
from fakes.aci.errors import invalid
from fakes.aci.life import RUNNING, Container


def content(container: Container, query: Mapping[str, str], now: datetime) -> str:
    """The text that a request for the log is answered with.

    Args:
        container: whose.
        query: ``tail`` lines, with ``timestamps`` or without; names in lower case.
        now: the moment of the request.

    Raises:
        ArmError: an option cannot be read.
    """
    tail, stamped = _count(query.get("tail")), _flag(query.get("timestamps"))
    lines = [f"{stamp(at)} {line}" if stamped else line for at, line in container.lines(now)]
    most = defaults.LOG_BYTES_RUNNING
    if container.state.state != RUNNING:
        lines, most = lines[-defaults.LOG_LINES_ENDED :], defaults.LOG_BYTES_ENDED
    if tail is not None:
        lines = lines[-tail:] if tail else []
    text = "".join(f"{line}\n" for line in lines).encode()
    return text[-most:].decode(errors="ignore")


def stamp(moment: datetime) -> str:
    """A moment as log lines begin with it, to the nanosecond."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond:06d}000Z"


def _count(text: str | None) -> int | None:
    if text is None:
        return None
    if not text.isdecimal():
        raise invalid("InvalidTail", f"The value '{text}' of the query parameter 'tail' is not a number.")
    return int(text)


def _flag(text: str | None) -> bool:
    if text is None or text.lower() in ("true", "false"):
        return (text or "").lower() == "true"
    raise invalid("InvalidTimestamps", f"The value '{text}' of the query parameter 'timestamps' is not a boolean.")

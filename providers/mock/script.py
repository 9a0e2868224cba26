"""What a pod does on the mock cloud: by the provider's configuration, and pod by pod by annotations.

One table, ``SETTINGS``, names every setting. In the configuration they stand under ``script``; on a pod they are
annotations with the prefix ``mock.vksim.io/`` and win. A duration is written as Go writes it, ``1m30s``, or as a number
of seconds; or as a range or a distribution (``2s..10s``, see ``providers.distributions``), from which each pod draws
its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from providers import distributions
from providers.distributions import RandomTime, Span
from providers.errors import Invalid, InvalidConfig

PREFIX = "mock.vksim.io/"

ERROR_KINDS = ("retryable", "permanent", "invalid")


NOTHING, A_SECOND = Span(0.0, 0.0), Span(1.0, 1.0)


@dataclass(frozen=True, slots=True)
class Script:
    """How a pod behaves; ``SETTINGS`` explains each field."""

    create_takes: RandomTime = NOTHING
    start_after: RandomTime = A_SECOND
    never_start: str = ""
    run_for: RandomTime | None = None
    exit_code: int = 0
    end_after: RandomTime = NOTHING
    create_error: str = ""
    create_errors: int | None = None
    delete_errors: int = 0
    log: str = ""
    log_every: Span | None = None

    @property
    def failing_create(self) -> str:
        """How creates fail, empty if they do not; a count alone means retryable errors."""
        return self.create_error or ("retryable" if self.create_errors else "")


def _pace(value: object) -> Span:
    span = distributions.parse(value)
    if not isinstance(span, Span) or span.low <= 0:
        raise ValueError(f"{value!r} is no pace; write a duration above 0, e.g. 1s")
    return span


def _count(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    if isinstance(value, str) and value.strip().isdecimal():
        return int(value)
    raise ValueError(f"{value!r} is not a whole number from 0 up")


def _exit_code(value: object) -> int:
    code = _count(value)
    if code > 255:
        raise ValueError(f"{value!r} is not an exit code; those go from 0 to 255")
    return code


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    raise ValueError(f"{value!r} is not text")


def _reason(value: object) -> str:
    """A waiting reason; ``true`` stands for the commonest one."""
    if value is True or value == "true":
        return "ImagePullBackOff"
    return "" if value is False or value == "false" else _text(value)


def _error_kind(value: object) -> str:
    if value in ERROR_KINDS:
        return str(value)
    raise ValueError(f"{value!r} is not one of {', '.join(ERROR_KINDS)}")


class Setting(NamedTuple):
    """One thing that can be scripted."""

    field: str
    parse: Callable[[object], Any]
    meaning: str


SETTINGS: dict[str, Setting] = {
    "create-takes": Setting(
        "create_takes", distributions.parse, "how long the cloud takes to answer a create; it has the pod at once"
    ),
    "start-after": Setting("start_after", distributions.parse, "how long until the containers run; 1 s if not set"),
    "never-start": Setting(
        "never_start", _reason, "the containers wait for ever for this reason, e.g. ImagePullBackOff"
    ),
    "run-for": Setting(
        "run_for", distributions.parse, "how long the containers run; if not set, until they are told to end"
    ),
    "exit-code": Setting("exit_code", _exit_code, "what the containers exit with after run-for; 0 if not set"),
    "end-after": Setting(
        "end_after", distributions.parse, "how long the containers take to end when told to; the grace caps it"
    ),
    "create-error": Setting("create_error", _error_kind, "how creates fail: retryable, permanent or invalid"),
    "create-errors": Setting(
        "create_errors", _count, "how many creates of the pod fail; all if only create-error is set"
    ),
    "delete-errors": Setting("delete_errors", _count, "how many deletes of the pod fail, with a retryable error"),
    "log": Setting("log", _text, "the lines that the containers write when they start"),
    "log-every": Setting("log_every", _pace, "the containers then write a numbered line this often"),
}


def from_config(config: Mapping[str, Any], source: str) -> Script:
    """The script that a configuration's ``script`` section describes.

    Raises:
        InvalidConfig: naming the source, the field and the remedy.
    """
    values: dict[str, Any] = {}
    for name, value in config.items():
        setting = SETTINGS.get(name)
        if setting is None:
            raise InvalidConfig(f"{source}: script.{name}: unknown setting; there are: {', '.join(SETTINGS)}")
        try:
            values[setting.field] = setting.parse(value)
        except ValueError as error:
            raise InvalidConfig(f"{source}: script.{name}: {error}") from None
    return Script(**values)


def from_annotations(annotations: Mapping[str, str], base: Script) -> Script:
    """The script of a pod with these annotations.

    Raises:
        Invalid: naming the annotation and the remedy.
    """
    values: dict[str, Any] = {}
    for key, value in annotations.items():
        if not key.startswith(PREFIX):
            continue
        setting = SETTINGS.get(key.removeprefix(PREFIX))
        if setting is None:
            raise Invalid(f"annotation {key}: unknown; there are: {', '.join(PREFIX + each for each in SETTINGS)}")
        try:
            values[setting.field] = setting.parse(value)
        except ValueError as error:
            raise Invalid(f"annotation {key}: {error}") from None
    return replace(base, **values) if values else base

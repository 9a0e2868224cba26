"""How long something takes when it does not always take the same: lengths of time that are drawn anew each time.

As people write them::

    30s                                  always the same
    2s..10s  or  [2s, 10s]               anything between, equally likely
    exponential(mean=30s)                without memory, as between independent events
    lognormal(median=20s, p99=1m)        most are near the median, some take long: cloud operations
    weibull(scale=5m, shape=0.7)         lives: many short ones, a few very long ones, where shape is below 1
    weighted(10s=70, 1m=25, 1h=5)        one of these, by their weights: measured lives

All but the first two also take ``min`` and ``max``, which what is drawn does not exceed.
"""

import math
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from random import Random

from providers.durations import parse_seconds

_Z99 = 2.3263478740408408
"""The standard normal distribution's 99th percentile."""

FORMS = "exponential(mean=30s), lognormal(median=20s, p99=1m), weibull(scale=5m, shape=0.7), weighted(10s=7, 1m=3)"


class RandomTime(ABC):
    """A length of time, in seconds, that is drawn. ``str`` gives the form that ``parse`` reads."""

    __slots__ = ()

    @abstractmethod
    def draw(self, random: Random) -> float:
        """Seconds; randomness is used only where there is a choice."""


@dataclass(frozen=True, slots=True)
class Span(RandomTime):
    """Anything between two lengths, ends included; the same length where they are the same."""

    low: float
    high: float

    def draw(self, random: Random) -> float:
        """Seconds."""
        return self.low if self.low == self.high else random.uniform(self.low, self.high)

    def __str__(self) -> str:
        return f"{self.low:g}s" if self.low == self.high else f"{self.low:g}s..{self.high:g}s"


@dataclass(frozen=True, slots=True)
class Shaped(RandomTime):
    """A distribution by name.

    Attributes:
        text: as it was written.
        sample: draws seconds.
        low: the least.
        high: the most.
    """

    text: str
    sample: Callable[[Random], float] = field(compare=False)
    low: float = 0.0
    high: float = math.inf

    def draw(self, random: Random) -> float:
        """Seconds."""
        return min(max(self.sample(random), self.low), self.high)

    def __str__(self) -> str:
        return self.text


_SHAPE = re.compile(r"\s*(?P<name>[a-z]+)\s*\((?P<arguments>[^()]*)\)\s*")
_LIMITS = ("min", "max")


def parse(value: object) -> RandomTime:
    """What a scenario, a configuration or an annotation says.

    Raises:
        ValueError: saying what is wrong and how it is written.
    """
    if isinstance(value, RandomTime):
        return value
    if isinstance(value, str) and "(" in value and (shape := _SHAPE.fullmatch(value)):
        return _shaped(value.strip(), shape["name"], _arguments(value, shape["arguments"]))
    if isinstance(value, str) and ".." in value:
        value = [each.strip() for each in value.split("..", 1)]
    if isinstance(value, list | tuple):
        if len(value) != 2:
            raise ValueError(f"{value!r} is not a range; write two durations, [2s, 10s]")
        low, high = (parse_seconds(each) for each in value)
        if low > high:
            raise ValueError(f"the range {value!r} is upside down; write the shorter duration first")
        return Span(low, high)
    seconds = parse_seconds(value)
    return Span(seconds, seconds)


def _arguments(value: str, text: str) -> dict[str, str]:
    arguments: dict[str, str] = {}
    for each in filter(None, (part.strip() for part in text.split(","))):
        name, equals, argument = (part.strip() for part in each.partition("="))
        if not equals or not argument or name in arguments:
            raise ValueError(f"{value!r}: {each!r} is no argument; write name=value, each name once, as in {FORMS}")
        arguments[name] = argument
    return arguments


def _shaped(text: str, name: str, arguments: Mapping[str, str]) -> RandomTime:
    if name not in SHAPES:
        raise ValueError(f"{text!r}: there is no distribution {name!r}; there are: {', '.join(SHAPES)}")
    shape = {key: value for key, value in arguments.items() if key not in _LIMITS}
    low, high = (parse_seconds(arguments[key]) if key in arguments else None for key in _LIMITS)
    low, high = 0.0 if low is None else low, math.inf if high is None else high
    if low > high:
        raise ValueError(f"{text!r}: min is more than max")
    try:
        return Shaped(text, SHAPES[name](shape), low, high)
    except ValueError as error:
        raise ValueError(f"{text!r}: {error}") from None


Sample = Callable[[Random], float]


def _exponential(arguments: Mapping[str, str]) -> Sample:
    (mean,) = _named(arguments, "mean")
    rate = 1 / _positive("mean", parse_seconds(mean))
    return lambda random: random.expovariate(rate)


def _lognormal(arguments: Mapping[str, str]) -> Sample:
    median, p99 = (parse_seconds(each) for each in _named(arguments, "median", "p99"))
    sigma = math.log(max(p99, 1e-9) / _positive("median", median)) / _Z99
    if sigma < 0:
        raise ValueError("p99 is less than the median")
    return lambda random: median * math.exp(sigma * random.gauss(0.0, 1.0))


def _weibull(arguments: Mapping[str, str]) -> Sample:
    written = _named(arguments, "scale", "shape")
    scale, shape = _positive("scale", parse_seconds(written[0])), _positive("shape", _number(written[1]))
    return lambda random: random.weibullvariate(scale, shape)


def _weighted(arguments: Mapping[str, str]) -> Sample:
    times = [parse_seconds(each) for each in arguments]
    weights = [_number(each) for each in arguments.values()]
    if not times or not sum(weights):
        raise ValueError("write at least one length with its weight, as in weighted(10s=70, 1m=30)")
    return lambda random: random.choices(times, weights)[0]


SHAPES: dict[str, Callable[[Mapping[str, str]], Sample]] = {
    "exponential": _exponential,
    "lognormal": _lognormal,
    "weibull": _weibull,
    "weighted": _weighted,
}
"""Name -> makes the sampler from its arguments."""


def _named(arguments: Mapping[str, str], *names: str) -> list[str]:
    if set(arguments) != set(names):
        raise ValueError(f"write {', '.join(f'{name}=…' for name in names)}")
    return [arguments[name] for name in names]


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = -1.0
    if not 0 <= number < math.inf:
        raise ValueError(f"{text!r} is not a number from 0 up")
    return number


def _positive(name: str, number: float) -> float:
    if not number > 0:
        raise ValueError(f"{name} is to be above 0")
    return number

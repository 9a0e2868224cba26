"""Texts of a form of their own (times, quantities, bytes): what is wrong with one, as Go's decoder tells it. Pure."""

import re
from collections.abc import Callable, Mapping

from fakes.apiserver import gojson, quantity

_META = "io.k8s.apimachinery.pkg.apis.meta.v1"
_DIGITS = re.compile(r"\d+")
_SECONDS = ("2006", "-", "01", "-", "02", "T", "15", ":", "04", ":", "05")
_ZONE = re.compile(r"Z|[+-]\d\d:\d\d")
_FRACTION = re.compile(r"\.\d{6}")
_ANY_FRACTION = re.compile(r"(\.\d+)?")
NOT_A_QUANTITY = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"


def time(text: object) -> str:
    """A ``Time``: RFC 3339."""
    return _time(str(text), "", _ANY_FRACTION)


def micro_time(text: object) -> str:
    """A ``MicroTime``: with exactly six digits of a second."""
    return _time(str(text), ".000000", _FRACTION)


def quantity_(value: object) -> str:
    """A quantity of a resource."""
    return NOT_A_QUANTITY if quantity.parse(value) is None else ""


def content(text: object) -> str:
    """Bytes in base64."""
    return gojson.base64_problem(str(text))


CHECKS: Mapping[str, Callable[[object], str]] = {
    f"{_META}.Time": time,
    f"{_META}.MicroTime": micro_time,
    "io.k8s.apimachinery.pkg.api.resource.Quantity": quantity_,
    "byte": content,
}
"""By the name of a type or by OpenAPI's format: what is wrong with a value, empty if nothing is."""


def _time(text: str, fraction: str, fraction_pattern: re.Pattern[str]) -> str:
    at = 0
    layout = f"{''.join(_SECONDS)}{fraction}Z07:00"
    for part in _SECONDS:
        found = text[at : at + len(part)]
        if not (_DIGITS.fullmatch(found) and len(found) == len(part) if part.isdigit() else found == part):
            return _unparsed(text, layout, text[at:], part)
        at += len(part)
    matched = fraction_pattern.match(text, at)
    if matched is None:
        return _unparsed(text, layout, text[at:], fraction)
    zone = _ZONE.match(text, matched.end())
    if zone is None:
        return _unparsed(text, layout, text[matched.end() :], "Z07:00")
    rest = text[zone.end() :]
    return f'parsing time "{text}": extra text: "{rest}"' if rest else ""


def _unparsed(text: str, layout: str, rest: str, part: str) -> str:
    return f'parsing time "{text}" as "{layout}": cannot parse "{rest}" as "{part}"'

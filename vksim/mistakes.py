"""What the decoder has against a scenario, in the language's own words: the field, what is there, what to write."""

import re
from typing import Any

import msgspec

from vksim import demand, fields, scenario
from vksim.document import Document, ScenarioError, hint
from vksim.faults.kinds import KINDS as FAULTS
from vksim.scenario import Scenario
from vksim.schema import Struct

_STEP = re.compile(r"([^.\[\]]+)|\[(\d+)\]")
_PLACE = re.compile(r"(?P<message>.*?)(?: - at `\$(?P<place>.*)`)?", re.DOTALL)
_UNKNOWN = re.compile(r"Object contains unknown field `(?P<field>.*)`")
_MISSING = re.compile(r"Object missing required field `(?P<field>.*)`")
_KIND = re.compile(r"Invalid value '(?P<value>.*)'")
_CHOICE = re.compile(r"Invalid enum value .*")
_TYPE = re.compile(r"Expected `(?P<types>[^`]*)`(?: (?P<limit>[<>]=? \S+))?(?:, got .*)?")
_MOMENT = re.compile(r"Invalid RFC3339 encoded datetime|Expected `datetime`.*")
_FIELD = re.compile(r"(?P<field>[a-z][A-Za-z]*): (?P<problem>.*)", re.DOTALL)

_WORDS = {
    "int": "a whole number",
    "float": "a number",
    "str": "a text",
    "bool": "true or false",
    "object": "a mapping",
    "array": "a list",
}
"""The decoder's name for a type -> what to write."""


def explained(document: Document, message: str) -> ScenarioError:
    """The mistake that one of the decoder's messages is about.

    Args:
        document: what was decoded.
        message: the decoder's; the place is at its end.
    """
    match = _PLACE.fullmatch(message)
    assert match is not None  # noqa: S101  (the pattern matches anything)
    place, what = _exact(match["place"] or "", document.data), match["message"]
    if unknown := _UNKNOWN.fullmatch(what):
        known = [each.name for part in _parts(place, document.data) for each in fields.of(part)]
        named = f"{place}.{unknown['field']}".lstrip(".")
        return document.wrong(named, f"unknown field{hint(unknown['field'], list(dict.fromkeys(known)))}")
    if missing := _MISSING.fullmatch(what):
        field = _field(place, missing["field"], document.data)
        meaning = f": {field.meaning.rstrip('.')}" if field else ""
        return document.wrong(place, f"the field {missing['field']!r} is missing{meaning}")
    if place.endswith("kind") and (value := _KIND.match(what)):
        kinds, noun = (FAULTS, "fault") if place.startswith("faults") else (demand.KINDS, "workload")
        told = hint(value["value"], list(kinds))
        return document.wrong(place, f"unknown kind of {noun} {value['value']!r}{told}")
    if own := _FIELD.fullmatch(what):  # what a structure says of one of its fields
        return document.wrong(f"{place}.{own['field']}".lstrip("."), own["problem"])
    if remedy := _remedy(what, place, document.data):
        return document.wrong(place, f"write {remedy}, not {_shown(_found(document.data, place))}")
    return document.wrong(place, what)


def _remedy(what: str, place: str, data: Any) -> str:
    """What should be there instead; empty if that cannot be said."""
    if _MOMENT.fullmatch(what):
        return "a moment with its time zone, e.g. 2026-01-01T00:00:00Z"
    if _CHOICE.fullmatch(what):
        parent, _, name = place.rpartition(".")
        field = _field(parent, name, data)
        choices = field.value.removeprefix("always ").replace("`", "").strip('"') if field else ""
        return f"one of {choices}" if ", " in choices else choices
    if expected := _TYPE.fullmatch(what):
        types = [_WORDS.get(each, each) for each in expected["types"].split(" | ") if each != "null"]
        return " or ".join(types) + (f" {expected['limit'].removesuffix('.0')}" if expected["limit"] else "")
    return ""


def _shown(value: Any) -> str:
    if value is None:
        return "nothing"
    return "a mapping" if isinstance(value, dict) else "a list" if isinstance(value, list) else repr(value)


def _exact(place: str, data: Any) -> str:
    """A path of msgspec's with the keys that it does not name (``[...]``): the one that goes wrong also by itself."""
    place = place.lstrip(".")
    while "[...]" in place:
        before, _, after = place.partition("[...]")
        mapping = _found(data, before)
        for key, value in list(mapping.items()):
            kept = dict(mapping)
            mapping.clear()
            mapping[key] = value
            try:
                scenario.decode(data)
            except msgspec.ValidationError:
                place = f"{before}.{key}{after}"
                break
            mapping.clear()
            mapping.update(kept)
        else:
            return before
    return place


def _found(data: Any, place: str) -> Any:
    for name, index in _STEP.findall(place):
        data = data[int(index)] if index else data[name]
    return data


def _parts(place: str, data: Any) -> list[type[Struct]]:
    """The structures that may stand at a place: of several kinds, the one that is there."""
    parts: list[type[Struct]] = [Scenario]
    for name, index in _STEP.findall(place):
        if index:
            data = data[int(index)] if isinstance(data, list) and int(index) < len(data) else None
            chosen = data.get("kind") if isinstance(data, dict) else None
            parts = [each for each in parts if fields.kind(each) == chosen] or parts
            continue
        inner = [part for each in parts for field in fields.of(each) if field.name == name for part in field.parts]
        parts = inner or parts  # of a mapping of names, any name leads to the same structure
        data = data.get(name) if isinstance(data, dict) else None
    return parts


def _field(place: str, name: str, data: Any) -> fields.Field | None:
    """What the language says of a field of the structure at a place."""
    return next((each for part in _parts(place, data) for each in fields.of(part) if each.name == name), None)

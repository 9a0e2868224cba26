"""What the scenario language knows of itself: each part's fields, their values, defaults and meanings.

All of it is read off the structures, so that the reference, ``vksim explain``, the JSON schema and the hints in error
messages cannot say anything else than what a file may say.
"""

import inspect
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any, get_args, get_origin

import msgspec

from providers.distributions import RandomTime
from vksim.schema import Duration, Quantity, Settings, Struct

WORDS: dict[Any, str] = {
    Duration: "duration",
    RandomTime: "time",
    Quantity: "quantity",
    int: "whole number",
    float: "number",
    str: "text",
    bool: "true or false",
    datetime: "moment",
    Settings: "settings",
    dict[str, Quantity]: "quantities",
    dict[str, str]: "texts",
    dict[str, int]: "whole numbers",
    dict[str, float]: "numbers",
    dict[int, float]: "weights",
}


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a part of the language.

    Attributes:
        name: as a file has it.
        value: what may stand there, in words.
        default: what holds without it; ``needed`` if it must be there, ``none`` for nothing.
        meaning: a sentence.
        parts: the structures that may stand there, or in it.
        owner: the structure that it is a field of.
    """

    name: str
    value: str
    default: str
    meaning: str
    parts: tuple[type[Struct], ...]
    owner: type[Struct]


def of(part: type[Struct]) -> list[Field]:
    """A structure's fields, those that it shares with others first."""
    meanings: dict[str, str] = {}
    for base in reversed(part.__mro__):
        meanings.update(_meanings(base))
    owners = {name: base for base in reversed(part.__mro__) for name in getattr(base, "__annotations__", {})}
    return [
        Field(
            each.encode_name,
            _value(each.type),
            _default(each),
            meanings.get(each.name, ""),
            tuple(_parts(each.type)),
            owners[each.name],
        )
        for each in msgspec.structs.fields(part)
    ]


def own(part: type[Struct]) -> list[Field]:
    """The fields that a structure does not share with others."""
    return [each for each in of(part) if each.owner is part]


def kind(part: type[Struct]) -> str:
    """The ``kind`` by which a file chooses the structure; empty if it has none."""
    tag = part.__struct_config__.tag
    return str(tag) if tag is not None else ""


def summary(part: type[Struct]) -> str:
    """The first paragraph of what is said about a structure."""
    return " ".join((inspect.getdoc(part) or "").partition("\n\n")[0].split())


def _meanings(part: type) -> dict[str, str]:
    """The attributes that a docstring explains."""
    attributes = (inspect.cleandoc(part.__dict__.get("__doc__") or "")).partition("Attributes:\n")[2]
    found = re.findall(r"^    (\w+): ((?:.|\n(?=     ))*)", attributes, flags=re.MULTILINE)
    return {name: re.sub(r"\s*\n\s*", " ", text).replace("``", "`") for name, text in found}


def _options(annotation: Any) -> Iterator[Any]:
    """The alternatives of a type, without None and what only limits it."""
    if annotation in WORDS or get_origin(annotation) in (list, dict):
        yield annotation
        return
    arguments = [each for each in get_args(annotation) if not isinstance(each, msgspec.Meta)]
    if not arguments:
        yield annotation
    for each in arguments:
        if each is not type(None):
            yield from _options(each)


def _parts(annotation: Any) -> Iterator[type[Struct]]:
    for each in _options(annotation):
        if get_origin(each) in (list, dict):
            yield from _parts(get_args(each)[-1])
        elif isinstance(each, type) and issubclass(each, Struct):
            yield each


def _value(annotation: Any) -> str:
    words: dict[str, None] = {}
    texts = []
    for each in _options(annotation):
        if isinstance(each, str):
            texts.append(f"`{each}`")
        elif each in WORDS:
            words[WORDS[each]] = None
        elif get_origin(each) is list:
            words[f"list of {_value(get_args(each)[0])}"] = None
        elif get_origin(each) is dict:
            words[f"names, each with a {_value(get_args(each)[1])}"] = None
        else:
            words["mapping"] = None
    if len(texts) == 1 and not words:
        return f'always `"{texts[0].strip("`")}"`'
    return " or ".join([*([", ".join(texts)] if texts else []), *words])


def _default(field: msgspec.structs.FieldInfo) -> str:
    if field.required:
        return "needed"
    value = field.default if field.default is not msgspec.NODEFAULT else field.default_factory()
    if value in (None, "", {}, []):
        return "none"
    if isinstance(value, msgspec.Struct):
        return "its own"
    if isinstance(value, dict):
        return "`" + ", ".join(f"{name}: {each}" for name, each in value.items()) + "`"
    if isinstance(value, datetime):
        return f"`{value:%Y-%m-%dT%H:%M:%SZ}`"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"

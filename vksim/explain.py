"""``vksim explain``: what a field of a scenario means, as ``kubectl explain`` says it of an object."""

import textwrap
from dataclasses import dataclass

from vksim import fields
from vksim.document import hint
from vksim.fields import Field
from vksim.scenario import API_VERSION, Scenario
from vksim.schema import Struct

WIDTH = 100


class UnknownField(ValueError):
    """There is no such field. The message says which there are."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a path leads to.

    Attributes:
        field: the last field of the path; None for the whole scenario, or where the path ends with a kind.
        parts: the structures that may stand there.
    """

    field: Field | None
    parts: tuple[type[Struct], ...]


def text(path: str) -> str:
    """What there is to say of a path, such as ``cluster.nodes.capacity``.

    Of several kinds, one can be named like a field: ``workloads.Deployment.replicas``.

    Raises:
        UnknownField: the path leads nowhere.
    """
    found = find(path)
    lines = [f"SCENARIO  {API_VERSION}"]
    if path:
        lines.append(f"FIELD     {path}" + (f" <{found.field.value.replace('`', '')}>" if found.field else ""))
    if found.field is not None:
        lines += ["", *_wrapped(_sentence(found.field.meaning), "  ")]
        lines += ["", f"  default: {found.field.default.replace('`', '')}"]
    if len(found.parts) > 1:
        lines += ["", "KINDS"]
        for part in found.parts:
            lines += _wrapped(f"{fields.kind(part):<18}  {fields.summary(part)}", "  ", " " * 22)
        shared = fields.own(_common(found.parts))
        lines += _listed("FIELDS OF ALL KINDS", shared)
    elif found.parts:
        (part,) = found.parts
        lines += ["", *_wrapped(fields.summary(part), "  ")] if found.field is None else []
        lines += _listed("FIELDS", fields.of(part))
    return "\n".join(lines)


def find(path: str) -> Found:
    """What a path leads to. Raises UnknownField."""
    found = Found(None, (Scenario,))
    walked: list[str] = []
    for name in filter(None, path.split(".")):
        kinds = {fields.kind(part): part for part in found.parts if fields.kind(part)}
        known = {field.name: field for part in found.parts for field in fields.of(part)}
        if name in kinds:
            found = Found(None, (kinds[name],))
        elif name in known:
            field = known[name]
            found = Found(field, field.parts)
        else:
            where = f"{'.'.join(walked)} has" if walked else "a scenario has"
            raise UnknownField(f"{where} no field {name!r}{hint(name, [*known, *kinds])}")
        walked.append(name)
    return found


def _common(parts: tuple[type[Struct], ...]) -> type[Struct]:
    """What several structures have in common."""
    return next(base for base in parts[0].__mro__ if all(issubclass(part, base) for part in parts))


def _listed(title: str, found: list[Field]) -> list[str]:
    lines = ["", title] if found else []
    for each in found:
        needed = " -required-" if each.default == "needed" else ""
        lines += [f"  {each.name} <{each.value.replace('`', '')}>{needed}", *_wrapped(_sentence(each.meaning), "    ")]
    return lines


def _sentence(meaning: str) -> str:
    return (meaning[:1].upper() + meaning[1:]).replace("`", "")


def _wrapped(said: str, indent: str, further: str | None = None) -> list[str]:
    further = indent if further is None else further
    return textwrap.wrap(said.replace("``", ""), WIDTH, initial_indent=indent, subsequent_indent=further)

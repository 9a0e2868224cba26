"""The tables of the scenario reference (docs/scenarios.md), made from the structures.

In the page, a comment ``<!-- fields: NodeGroup -->`` names the structure whose own fields the table below it lists.
Between ``<!-- faults -->`` and ``<!-- end of faults -->`` are all kinds of faults.
"""

import re

from vksim import expect, fields
from vksim.faults.base import Fault
from vksim.faults.kinds import KINDS
from vksim.fields import Field
from vksim.invariants import INVARIANTS
from vksim.scenario import Scenario
from vksim.schema import Struct

_TABLE = re.compile(r"<!-- (?P<what>fields|series|invariants)(?:: (?P<name>\w+))? -->\n(?:\n(?:\|.*\n)+)?")

_FAULTS = re.compile(r"<!-- faults -->.*<!-- end of faults -->", re.DOTALL)


def filled(page: str) -> str:
    """The page with its tables made anew."""
    known = structures()

    def table(match: re.Match[str]) -> str:
        comment = match[0].partition("\n")[0]
        if match["what"] == "series":
            rows: list[tuple[str, ...]] = [("series", "meaning")]
            rows += [(f"`{name}`", meaning) for name, meaning in expect.SERIES.items()]
        elif match["what"] == "invariants":
            rows = [("invariant", "meaning"), *((each.name, each.meaning) for each in INVARIANTS)]
        else:
            rows = [("field", "value", "default", "meaning"), *map(_row, fields.own(known[match["name"]]))]
        return "\n".join([comment, "", *_markdown(rows), ""])

    return _TABLE.sub(table, _FAULTS.sub(lambda _: _faults(), page))


def _faults() -> str:
    """All kinds of faults, each below what it has in common with others."""
    lines = ["<!-- faults -->", ""]
    told: list[type[Struct]] = []
    for kind, part in KINDS.items():
        for base in reversed(part.__mro__[1:]):
            if issubclass(base, Fault) and base is not Fault and base not in told:
                told.append(base)
                lines += [f"{fields.summary(base)} Fields of all these:", "", f"<!-- fields: {base.__name__} -->", ""]
        lines += [f"### `{kind}`", "", fields.summary(part).replace("``", "`"), ""]
        if fields.own(part):
            lines += [f"<!-- fields: {part.__name__} -->", ""]
    return "\n".join([*lines, "<!-- end of faults -->"])


def structures() -> dict[str, type[Struct]]:
    """Every structure that has fields of its own, by its name."""
    found: dict[str, type[Struct]] = {}
    waiting: list[type[Struct]] = [Scenario]
    while waiting:
        part = waiting.pop()
        if part.__name__ in found:
            continue
        if fields.own(part):
            found[part.__name__] = part
        waiting += [base for base in part.__mro__[1:] if issubclass(base, Struct) and base is not Struct]
        waiting += [inner for each in fields.of(part) for inner in each.parts]
    return found


def _row(field: Field) -> tuple[str, ...]:
    return (f"`{field.name}`", field.value, field.default, field.meaning)


def _markdown(rows: list[tuple[str, ...]]) -> list[str]:
    lines = [f"| {' | '.join(row)} |" for row in rows]
    return [lines[0], f"|{'---|' * len(rows[0])}", *lines[1:]]

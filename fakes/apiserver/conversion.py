"""How the objects of a kind look in another version than the one that they are stored in."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fakes.apiserver.causes import Causes
from fakes.apiserver.objects import Object

if TYPE_CHECKING:
    from fakes.apiserver.resources import ResourceType


def _no_causes(_new: Object, _old: Object | None) -> Causes:
    return []


@dataclass(frozen=True, slots=True)
class Conversion:
    """Between two versions of a kind.

    Attributes:
        stored: the kind in the version that is stored.
        up: makes an object, or a part of one that is applied, one of the stored version.
        down: makes one of this version of a stored one.
        check: what is wrong with what is written in this version (new, old), in terms of the stored one.
        fields: what field selectors call otherwise: beginnings of their names, here and as stored.
    """

    stored: "ResourceType"
    up: Callable[[Object], Object]
    down: Callable[[Object], Object]
    check: Callable[[Object, Object | None], Causes] = _no_causes
    fields: Mapping[str, str] = field(default_factory=dict)

    def selector(self, text: str) -> str:
        """A field selector in terms of the stored version."""
        terms = text.split(",")
        for here, there in self.fields.items():
            terms = [there + each.removeprefix(here) if each.startswith(here) else each for each in terms]
        return ",".join(terms)

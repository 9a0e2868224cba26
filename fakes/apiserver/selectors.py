"""Label and field selectors: parsed once into a predicate, and into what an index can look up. Pure."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from fakes.apiserver.errors import StatusError, bad_request
from fakes.apiserver.objects import Field, name_of, namespace_of
from fakes.apiserver.resources import ResourceType

Predicate = Callable[[Mapping[str, Any]], bool]


@dataclass(frozen=True, slots=True)
class Selection:
    """What a list or a watch is about.

    Attributes:
        matches: whether an object is meant; None if all are.
        name: the only name that can match, if one is pinned.
        namespace: the only namespace that can match, if one is pinned by the field selector.
        indexed: the only value of the resource's index field that can match, if one is pinned.
    """

    matches: Predicate | None = None
    name: str | None = None
    namespace: str | None = None
    indexed: str | None = None


EVERYTHING = Selection()

_INTEGER = re.compile(r"[-+]?[0-9]+")


@lru_cache(maxsize=16_384)
def select(resource: ResourceType, label_selector: str, field_selector: str) -> Selection:
    """Parse both selectors; raises ``StatusError`` (400) for what cannot be read or is not supported."""
    if not label_selector and not field_selector:
        return EVERYTHING
    predicates = [_label_predicate(each) for each in parse_labels(label_selector)]
    pins: dict[str, str] = {}
    for requirement in parse_fields(field_selector):
        if not requirement.name and not requirement.value:
            continue  # upstream takes "=" for everything
        read = _field(resource, requirement.name)
        predicates.append(_field_predicate(read, requirement))
        if requirement.equal and requirement.value:
            pins["spec.nodeName" if requirement.name == "spec.host" else requirement.name] = requirement.value
    return Selection(
        _all(predicates),
        name=pins.get("metadata.name"),
        namespace=pins.get("metadata.namespace"),
        indexed=pins.get(resource.index) if resource.index else None,
    )


def _all(predicates: list[Predicate]) -> Predicate | None:
    if not predicates:
        return None
    if len(predicates) == 1:
        return predicates[0]
    if len(predicates) == 2:
        first, second = predicates
        return lambda obj: first(obj) and second(obj)
    return lambda obj: all(each(obj) for each in predicates)


# --- fields ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class FieldRequirement:
    """``name=value`` or ``name!=value``."""

    name: str
    value: str
    equal: bool


_FIELD_TERM = re.compile(r"(?:\\.|[^,\\])+", re.DOTALL)
_FIELD_OPERATOR = re.compile(r"!=|==|=")
_ESCAPE = re.compile(r"\\([\\,=])")


def parse_fields(text: str) -> list[FieldRequirement]:
    r"""The requirements of a field selector (``a=b,c!=d``; ``\`` escapes ``\``, ``,`` and ``=``)."""
    found = []
    for term in _FIELD_TERM.findall(text):
        operator = _FIELD_OPERATOR.search(term)
        if operator is None:
            raise bad_request(f"invalid selector: '{text}'; can't understand '{term}'")
        value = _ESCAPE.sub(r"\1", term[operator.end() :])
        found.append(FieldRequirement(term[: operator.start()], value, operator.group() != "!="))
    return found


_METADATA_FIELDS: dict[str, Field] = {"metadata.name": name_of, "metadata.namespace": namespace_of}


def _field(resource: ResourceType, name: str) -> Field:
    read = _METADATA_FIELDS.get(name) or resource.fields.get(name)
    if read is None:
        if resource.fields:
            raise bad_request(f"field label not supported: {name}")
        raise bad_request(f'"{name}" is not a known field selector: only "metadata.name", "metadata.namespace"')
    return read


def _field_predicate(read: Field, requirement: FieldRequirement) -> Predicate:
    value = requirement.value
    if requirement.equal:
        return lambda obj: read(obj) == value
    return lambda obj: read(obj) != value


# --- labels ---------------------------------------------------------------------------------------------------------


def selects(resource: ResourceType, selector: Mapping[str, Any] | None) -> Predicate:
    """What a ``LabelSelector`` of an object selects: an empty one all, one that is not there or makes no sense none."""
    if selector is None:
        return lambda _: False
    try:
        return select(resource, as_text(selector), "").matches or (lambda _: True)
    except StatusError:
        return lambda _: False


def as_text(selector: Mapping[str, Any]) -> str:
    """A ``LabelSelector``, or the plain labels of an older kind, as ``kubectl get -l`` takes it."""
    plain = "matchLabels" not in selector and "matchExpressions" not in selector
    labels: Mapping[str, str] = selector if plain else selector.get("matchLabels") or {}
    parts = [f"{name}={value}" for name, value in sorted(labels.items())]
    for each in selector.get("matchExpressions") or []:
        values = ",".join(sorted(each.get("values") or []))
        form = {"In": f"{each['key']} in ({values})", "NotIn": f"{each['key']} notin ({values})"}
        form |= {"Exists": each["key"], "DoesNotExist": f"!{each['key']}"}
        parts.append(form[each["operator"]])
    return ",".join(parts)


@dataclass(frozen=True, slots=True)
class LabelRequirement:
    """One condition on a label: ``operator`` is in, notin, exists, missing, gt or lt."""

    key: str
    operator: str
    values: frozenset[str] = frozenset()


_LABEL_TOKEN = re.compile(r"\s*(!=|==|=|!|<|>|\(|\)|,|[^\s!=<>(),]+)\s*")
_NO_KEY = {"", "=", "==", "!=", "<", ">", "(", ")", ","}
_SYMBOLS = {"=", "==", "!=", "!", "<", ">", "(", ")", ","}
_NAME = re.compile(r"(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_PREFIX = re.compile(r"[a-z0-9](?:[-a-z0-9]*[a-z0-9])?(?:\.[a-z0-9](?:[-a-z0-9]*[a-z0-9])?)*")


def parse_labels(text: str) -> list[LabelRequirement]:
    """The requirements of a label selector, as ``kubectl -l`` takes it."""
    tokens = _LabelTokens(text)
    found = []
    while tokens.peek():
        if tokens.peek() in _NO_KEY:
            raise bad_request(f"found '{tokens.peek()}', expected: !, identifier, or 'end of string'")
        found.append(_label_requirement(tokens))
        if tokens.peek():
            if (found_instead := tokens.next()) != ",":
                raise bad_request(f"found '{found_instead}', expected: ',' or 'end of string'")
            if tokens.peek() in _NO_KEY:
                raise bad_request(f"found '{tokens.peek()}', expected: identifier after ','")
    return found


class _LabelTokens:
    """The tokens of a label selector, and where we are."""

    def __init__(self, text: str) -> None:
        self._tokens = _LABEL_TOKEN.findall(text)
        self._at = 0

    def peek(self) -> str:
        """The next token; "" at the end."""
        return self._tokens[self._at] if self._at < len(self._tokens) else ""

    def next(self) -> str:
        """The next token, taken."""
        token = self.peek()
        self._at += 1
        return token

    def expect(self, token: str, what: str) -> None:
        """Take that token or refuse."""
        found = self.next()
        if found != token:
            raise _unparsable(f"found '{found}', expected: {what}")


def _label_requirement(tokens: _LabelTokens) -> LabelRequirement:
    if tokens.peek() == "!":
        tokens.next()
        return LabelRequirement(_label_key(tokens.next()), "missing")
    key = _label_key(tokens.next())
    if tokens.peek() in ("", ","):
        return LabelRequirement(key, "exists")
    operator = tokens.next()
    if operator in ("=", "==", "!="):
        value = "" if tokens.peek() in ("", ",") else tokens.next()
        _check_value(key, value)
        return LabelRequirement(key, "notin" if operator == "!=" else "in", frozenset((value,)))
    if operator in ("in", "notin"):
        return LabelRequirement(key, operator, frozenset(_label_values(tokens, key)))
    if operator in ("<", ">"):
        value = tokens.next()
        if not _INTEGER.fullmatch(value):
            raise _unparsable(
                f"values[0]: Invalid value: \"{value}\": for 'Gt', 'Lt' operators, the value must be an integer"
            )
        return LabelRequirement(key, "lt" if operator == "<" else "gt", frozenset((value,)))
    raise _unparsable(f"found '{operator}', expected: in, notin, =, ==, !=, gt, lt")


def _label_values(tokens: _LabelTokens, key: str) -> list[str]:
    tokens.expect("(", "'('")
    values = []
    while True:
        value = "" if tokens.peek() in (",", ")") else tokens.next()
        _check_value(key, value)
        values.append(value)
        separator = tokens.next()
        if separator == ")":
            return values
        if separator != ",":
            raise _unparsable(f"found '{separator}', expected: ',' or ')'")


def _label_key(key: str) -> str:
    prefix, slash, name = key.rpartition("/")
    if key in _SYMBOLS or not key:
        raise _unparsable(f"found '{key}', expected: identifier")
    if not _NAME.fullmatch(name) or len(name) > 63 or (slash and not _PREFIX.fullmatch(prefix)):
        raise _unparsable(f'key: Invalid value: "{key}": not a qualified name')
    return key


def _check_value(key: str, value: str) -> None:
    if value in _SYMBOLS:
        raise _unparsable(f"found '{value}', expected: identifier")
    if value and (not _NAME.fullmatch(value) or len(value) > 63):
        raise _unparsable(f'values[0][{key}]: Invalid value: "{value}": not a valid label value')


def _unparsable(why: str) -> Exception:
    return bad_request(f"unable to parse requirement: {why}")


def _label_predicate(requirement: LabelRequirement) -> Predicate:
    key, values = requirement.key, requirement.values
    match requirement.operator:
        case "in":
            return lambda obj: (obj["metadata"].get("labels") or {}).get(key) in values
        case "notin":
            return lambda obj: (obj["metadata"].get("labels") or {}).get(key) not in values
        case "exists":
            return lambda obj: key in (obj["metadata"].get("labels") or {})
        case "missing":
            return lambda obj: key not in (obj["metadata"].get("labels") or {})
        case operator:
            (bound,) = values
            return lambda obj: _compares((obj["metadata"].get("labels") or {}).get(key), operator, int(bound))


def _compares(value: str | None, operator: str, bound: int) -> bool:
    if value is None or not _INTEGER.fullmatch(value):
        return False
    return int(value) > bound if operator == "gt" else int(value) < bound

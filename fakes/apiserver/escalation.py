"""Nobody can give away more than they have: the rules of a role against those that a user holds. Pure.

As kube-apiserver's RBAC has it (``ConfirmNoEscalation``): what is wanted is broken down into single rights, each has to
be covered by one rule that is held, and those that are not are told, put together again.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from itertools import product
from typing import Any

Rule = Mapping[str, Any]

EVERYTHING: tuple[Rule, ...] = (
    {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]},
    {"verbs": ["*"], "nonResourceURLs": ["*"]},
)
_FIELDS = {
    "apiGroups": "APIGroups",
    "resources": "Resources",
    "nonResourceURLs": "NonResourceURLs",
    "resourceNames": "ResourceNames",
    "verbs": "Verbs",
}
"""The fields of a rule in the order in which they are told, and what Go calls them."""


def missing(held: Iterable[Rule], wanted: Iterable[Rule]) -> str:
    """The rights that are wanted and not held, a rule on each line, in words; empty if there are none."""
    rules = list(held)
    lacking = [right for rule in wanted for right in _rights(rule) if not any(_covers(each, right) for each in rules)]
    return "\n".join(sorted({_told(each) for each in _together(lacking)}))


def _rights(rule: Rule) -> Iterator[Rule]:
    """The rule as rules of one verb for one thing each."""
    verbs = rule.get("verbs") or ()
    for group, resource, verb in product(rule.get("apiGroups") or (), rule.get("resources") or (), verbs):
        right = {"apiGroups": [group], "resources": [resource], "verbs": [verb]}
        for name in rule.get("resourceNames") or ("",):
            yield {**right, "resourceNames": [name]} if name else right
    for path, verb in product(rule.get("nonResourceURLs") or (), verbs):
        yield {"nonResourceURLs": [path], "verbs": [verb]}


def _covers(held: Rule, right: Rule) -> bool:
    names, wanted_names = held.get("resourceNames") or (), right.get("resourceNames") or ()
    return (
        _has_all(held, right, "verbs")
        and _has_all(held, right, "apiGroups")
        and all(_has_resource(held.get("resources") or (), each) for each in right.get("resources") or ())
        and all(_has_path(held.get("nonResourceURLs") or (), each) for each in right.get("nonResourceURLs") or ())
        and (not names or (bool(wanted_names) and set(wanted_names) <= set(names)))
    )


def _has_all(held: Rule, right: Rule, field: str) -> bool:
    has = held.get(field) or ()
    return "*" in has or set(right.get(field) or ()) <= set(has)


def _has_resource(has: Iterable[str], wanted: str) -> bool:
    _, slash, part = wanted.partition("/")
    return any(each in ("*", wanted) or (slash and each == f"*/{part}") for each in has)


def _has_path(has: Iterable[str], wanted: str) -> bool:
    return any(each in ("*", wanted) or (each.endswith("*") and wanted.startswith(each[:-1])) for each in has)


def _together(rights: Iterable[Rule]) -> list[Rule]:
    """Rights to the same thing as one rule of all their verbs; paths stay as they are."""
    found: dict[tuple[Any, ...], dict[str, Any]] = {}
    others: list[Rule] = []
    for right in rights:
        if "nonResourceURLs" in right:
            others.append(right)
            continue
        key = (*right["apiGroups"], *right["resources"], *right.get("resourceNames", ()))
        known = found.setdefault(key, {**right, "verbs": []})
        known["verbs"] += [each for each in right["verbs"] if each not in known["verbs"]]
    return [*others, *found.values()]


def _told(rule: Rule) -> str:
    listed = {
        name: " ".join(json.dumps(each, ensure_ascii=False) for each in rule.get(field) or ())
        for field, name in _FIELDS.items()
    }
    return "{" + ", ".join(f"{name}:[{values}]" for name, values in listed.items() if values) + "}"

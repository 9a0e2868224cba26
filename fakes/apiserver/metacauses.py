"""What makes the metadata of any kind of object invalid, and what of it no write may change. Pure.

Upstream looks at the metadata of a changed object more than once (for all kinds, then for its kind), and names what it
finds each time: the causes of a 422 show that, its message does not.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from fakes.apiserver.causes import Causes, forbidden, immutable, invalid, required, too_long
from fakes.apiserver.names import Check, label_value, qualified_name, wrong
from fakes.apiserver.objects import Object

MAX_ANNOTATION_BYTES = 256 * 1024
STANDARD_FINALIZERS = ("foregroundDeletion", "kubernetes", "orphan")
"""Those that need no domain."""
OWNERS_BY_NOBODY = (("v1", "Event"),)
"""API versions and kinds that may own nothing."""

_CHECKED = {"labels", "annotations", "finalizers", "ownerReferences"}
_OWNER_FIELDS = ("apiVersion", "kind", "name", "uid", "controller", "blockOwnerDeletion")
_SET_ONCE = ("uid", "deletionTimestamp", "deletionGracePeriodSeconds")


def named(obj: Object, check: Check) -> Causes:
    """The metadata of an object whose name has to pass that check."""
    meta = obj["metadata"]
    name, base = meta.get("name"), meta.get("generateName")
    causes = wrong("metadata.generateName", base, lambda text: check(_prefix(text))) if base else []
    causes += wrong("metadata.name", name, check) if name else [_NAMELESS]
    if meta.keys() & _CHECKED:
        causes += _common(meta) + _bare_finalizers(meta)
    return causes


def updated(meta: Mapping[str, Any], sent: Mapping[str, Any], before: Mapping[str, Any]) -> Causes:
    """What is wrong with a change of metadata, for all kinds.

    Args:
        meta: the new metadata.
        sent: what the client wanted it to be.
        before: the old metadata.
    """
    fixed = _fixed(sent, before)
    if meta is before and not fixed:
        return []
    change = _new_finalizers(meta, before) + fixed + _labelled(meta)
    return [*_common(meta), *change, *change, *_bare_finalizers(meta)]


_NAMELESS = required("metadata.name", "name or generateName is required")


def _prefix(text: str) -> str:
    """A base of names in the form in which it is checked: a dash at its end will be followed by something."""
    return f"{text[:-2]}a" if len(text) > 1 and text.endswith("-") else text


def _common(meta: Mapping[str, Any]) -> Causes:
    finalizers = meta.get("finalizers") or ()
    return _labelled(meta) + [cause for each in finalizers for cause in wrong(_FINALIZERS, each, qualified_name)]


_FINALIZERS = "metadata.finalizers"


def _labelled(meta: Mapping[str, Any]) -> Causes:
    labels, annotations, owners = (meta.get(each) for each in ("labels", "annotations", "ownerReferences"))
    causes: Causes = labels_causes(labels, "metadata.labels") if labels else []
    if annotations:
        for key in annotations:
            causes += wrong("metadata.annotations", key.lower(), qualified_name)
        if sum(len(key) + len(value) for key, value in annotations.items()) > MAX_ANNOTATION_BYTES:
            causes.append(too_long("metadata.annotations", MAX_ANNOTATION_BYTES))
    return causes + _owned(owners) if owners else causes


def labels_causes(labels: Mapping[str, str], path: str) -> Causes:
    """What is wrong with labels, or with a selector of that form."""
    causes: Causes = []
    for key, value in labels.items():
        causes += wrong(path, key, qualified_name) + wrong(path, value, label_value)
    return causes


def _owned(owners: Iterable[Mapping[str, Any]]) -> Causes:
    path, causes, first = "metadata.ownerReferences", [], ""
    shown = [{field: each[field] for field in _OWNER_FIELDS if field in each} for each in owners]
    for each in shown:
        version = each.get("apiVersion") or ""
        if not version:
            causes.append(invalid(f"{path}.apiVersion", "", "version must not be empty"))
        missing = (field for field in ("kind", "name", "uid") if not each.get(field))
        causes += [invalid(f"{path}.{field}", "", "must not be empty") for field in missing]
        if (version, each.get("kind")) in OWNERS_BY_NOBODY:
            causes.append(invalid(path, each, f"/{version}, Kind={each['kind']} is disallowed from being an owner"))
        if each.get("controller"):
            controller = f"{each.get('kind', '')}/{each.get('name', '')}"
            if first:
                why = f'Found "true" in references for {first} and {controller}'
                causes.append(invalid(path, shown, f"Only one reference can have Controller set to true. {why}"))
            first = first or controller
    return causes


def _bare_finalizers(meta: Mapping[str, Any]) -> Causes:
    why = "name is neither a standard finalizer name nor is it fully qualified"
    return [
        invalid(f"{_FINALIZERS}[{at}]", each, why)
        for at, each in enumerate(meta.get("finalizers") or ())
        if "/" not in each and each not in STANDARD_FINALIZERS
    ]


def _new_finalizers(after: Mapping[str, Any], before: Mapping[str, Any]) -> Causes:
    """Those of an object that is being deleted can only become fewer."""
    if not before.get("deletionTimestamp"):
        return []
    added = sorted(set(after.get("finalizers") or ()) - set(before.get("finalizers") or ()))
    if not added:
        return []
    listed = ", ".join(f'"{each}"' for each in added)
    why = "no new finalizers can be added if the object is being deleted"
    return [forbidden(_FINALIZERS, f"{why}, found new finalizers []string{{{listed}}}")]


def _fixed(sent: Mapping[str, Any], before: Mapping[str, Any]) -> Causes:
    """What is set once; a deletion's time is kept if there is one, whatever is sent."""
    causes = []
    for field in _SET_ONCE:
        wanted = sent.get(field)
        if wanted not in (None, "", before.get(field)) and not (field == "deletionTimestamp" and before.get(field)):
            causes.append(immutable(f"metadata.{field}", wanted))
    return causes

"""Names, labels and the other metadata that every kind has: what makes them invalid. Pure."""

import re
from collections.abc import Callable, Iterable, Mapping
from functools import lru_cache
from typing import Any

from fakes.apiserver.causes import Causes, invalid, required, too_long
from fakes.apiserver.objects import Object

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_SUBDOMAIN_PATTERN = re.compile(_SUBDOMAIN)
_LABEL_PATTERN = re.compile(_LABEL)
_LABEL_1035_PATTERN = re.compile("[a-z]([-a-z0-9]*[a-z0-9])?")
_QUALIFIED = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_QUALIFIED_PATTERN = re.compile(_QUALIFIED)

_SUBDOMAIN_ADVICE = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and"
    f" end with an alphanumeric character (e.g. 'example.com', regex used for validation is '{_SUBDOMAIN}')"
)
_LABEL_ADVICE = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with"
    f" an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '{_LABEL}')"
)
_LABEL_1035_ADVICE = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character,"
    " and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is"
    " '[a-z]([-a-z0-9]*[a-z0-9])?')"
)
_QUALIFIED_ADVICE = (
    "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric"
    f" character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '{_QUALIFIED}')"
)
_VALUE_ADVICE = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and"
    " end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is"
    f" '({_QUALIFIED})?')"
)

MAX_ANNOTATION_BYTES = 256 * 1024


def metadata(meta: Mapping[str, Any]) -> Causes:
    """Labels, annotations, finalizers and owners of any kind of object."""
    if not meta.keys() & _CHECKED:
        return []
    causes = _wrong("metadata.labels", meta.get("labels"), qualified_name)
    causes += _wrong("metadata.labels", (meta.get("labels") or {}).values(), label_value)
    annotations = meta.get("annotations") or {}
    causes += _wrong("metadata.annotations", map(str.lower, annotations), qualified_name)
    if sum(len(key) + len(value) for key, value in annotations.items()) > MAX_ANNOTATION_BYTES:
        causes.append(too_long("metadata.annotations", MAX_ANNOTATION_BYTES))
    causes += _wrong("metadata.finalizers", meta.get("finalizers"), qualified_name)
    causes += [
        invalid(f"metadata.ownerReferences[{at}].{field}", "", "must not be empty")
        for at, owner in enumerate(meta.get("ownerReferences") or ())
        for field in ("apiVersion", "kind", "name", "uid")
        if not owner.get(field)
    ]
    return causes


_CHECKED = {"labels", "annotations", "finalizers", "ownerReferences"}


def _wrong(path: str, texts: Iterable[str] | None, check: Callable[[str], str]) -> Causes:
    return [invalid(path, text, problem) for text in texts or () if (problem := check(text))]


@lru_cache(maxsize=16_384)
def dns_subdomain(name: str) -> str:
    """What keeps the text from being a DNS subdomain; "" if nothing does."""
    if len(name) > 253:
        return "must be no more than 253 bytes"
    return "" if _SUBDOMAIN_PATTERN.fullmatch(name) else _SUBDOMAIN_ADVICE


@lru_cache(maxsize=4096)
def dns_label(name: str) -> str:
    """What keeps the text from being a DNS label; "" if nothing does."""
    if len(name) > 63:
        return "must be no more than 63 bytes"
    return "" if _LABEL_PATTERN.fullmatch(name) else _LABEL_ADVICE


def dns_1035_label(name: str) -> str:
    """What keeps the text from being a DNS label of the older, stricter kind; "" if nothing does."""
    if len(name) > 63:
        return "must be no more than 63 bytes"
    return "" if _LABEL_1035_PATTERN.fullmatch(name) else _LABEL_1035_ADVICE


@lru_cache(maxsize=4096)
def qualified_name(key: str) -> str:
    """What keeps the text from being the key of a label or an annotation; "" if nothing does."""
    prefix, slash, name = key.rpartition("/")
    if slash and not prefix:
        return "prefix part must be non-empty"
    if prefix and (problem := dns_subdomain(prefix)):
        return f"prefix part {problem}"
    if not name:
        return "name part must be non-empty"
    if len(name) > 63:
        return "name part must be no more than 63 bytes"
    return "" if _QUALIFIED_PATTERN.fullmatch(name) else _QUALIFIED_ADVICE


@lru_cache(maxsize=16_384)
def label_value(value: str) -> str:
    """What keeps the text from being the value of a label; "" if nothing does."""
    if len(value) > 63:
        return "must be no more than 63 bytes"
    return "" if not value or _QUALIFIED_PATTERN.fullmatch(value) else _VALUE_ADVICE


def named(obj: Object, check: Callable[[str], str]) -> Causes:
    """Whether the object has a name, and one that passes the check."""
    name = obj["metadata"].get("name")
    if not name:
        return [required("metadata.name", "name or generateName is required")]
    problem = check(name)
    return [invalid("metadata.name", name, problem)] if problem else []

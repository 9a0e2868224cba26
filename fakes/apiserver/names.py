"""The forms that names, keys and values of labels have, and what is said of a text that is of another. Pure."""

import re
from collections.abc import Callable
from functools import lru_cache

from fakes.apiserver.causes import Causes, invalid

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

_DATA_KEY_PATTERN = re.compile("[-._a-zA-Z0-9]+")
_DATA_KEY_ADVICE = (
    "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or"
    " 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')"
)
_TWO_SLASHES = (
    f"a qualified name {_QUALIFIED_ADVICE.removeprefix('name part ')} with an optional DNS subdomain prefix and '/'"
    " (e.g. 'example.com/MyName')"
)

Problems = tuple[str, ...]
"""What keeps a text from being of some form; empty if nothing does."""

Check = Callable[[str], Problems]


def wrong(path: str, text: str, check: Check) -> Causes:
    """The causes of a text that does not pass a check."""
    problems = check(text)
    return [invalid(path, text, problem) for problem in problems] if problems else []


@lru_cache(maxsize=16_384)
def dns_subdomain(name: str) -> Problems:
    """What keeps the text from being a DNS subdomain."""
    return (*_longer(name, 253), *(() if _SUBDOMAIN_PATTERN.fullmatch(name) else (_SUBDOMAIN_ADVICE,)))


@lru_cache(maxsize=4096)
def dns_label(name: str) -> Problems:
    """What keeps the text from being a DNS label."""
    if _LABEL_PATTERN.fullmatch(name):
        return _longer(name, 63)
    return (*_longer(name, 63), "must not contain dots" if _SUBDOMAIN_PATTERN.fullmatch(name) else _LABEL_ADVICE)


def dns_1035_label(name: str) -> Problems:
    """What keeps the text from being a DNS label of the older, stricter kind."""
    return (*_longer(name, 63), *(() if _LABEL_1035_PATTERN.fullmatch(name) else (_LABEL_1035_ADVICE,)))


@lru_cache(maxsize=4096)
def qualified_name(key: str) -> Problems:
    """What keeps the text from being the key of a label or an annotation."""
    prefix, slash, name = key.rpartition("/")
    if "/" in prefix:
        return (_TWO_SLASHES,)
    problems = tuple(f"prefix part {each}" for each in dns_subdomain(prefix)) if prefix else ()
    if slash and not prefix:
        problems = ("prefix part must be non-empty",)
    problems += tuple(f"name part {each}" for each in _longer(name, 63)) if name else ("name part must be non-empty",)
    return problems if _QUALIFIED_PATTERN.fullmatch(name) else (*problems, _QUALIFIED_ADVICE)


@lru_cache(maxsize=16_384)
def label_value(value: str) -> Problems:
    """What keeps the text from being the value of a label."""
    fits = not value or _QUALIFIED_PATTERN.fullmatch(value)
    return (*_longer(value, 63), *(() if fits else (_VALUE_ADVICE,)))


@lru_cache(maxsize=4096)
def data_key(key: str) -> Problems:
    """What keeps the text from being a key of a config map or a secret."""
    problems = (*_longer(key, 253), *(() if _DATA_KEY_PATTERN.fullmatch(key) else (_DATA_KEY_ADVICE,)))
    if key in (".", ".."):
        return (*problems, f"must not be '{key}'")
    return (*problems, "must not start with '..'") if key.startswith("..") else problems


def path_segment(name: str) -> Problems:
    """What keeps the text from being a part of a path."""
    if name in (".", ".."):
        return (f"may not be '{name}'",)
    return tuple(f"may not contain '{each}'" for each in "/%" if each in name)


def port_name(name: str) -> Problems:
    """What keeps the text from being the name of a port (IANA_SVC_NAME)."""
    found = list(_longer(name, 15))
    if not re.fullmatch("[-a-z0-9]+", name):
        found.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", name):
        found.append("must contain at least one letter (a-z)")
    if "--" in name:
        found.append("must not contain consecutive hyphens")
    if name.strip("-") != name:
        found.append("must not begin or end with a hyphen")
    return tuple(found)


def _longer(text: str, most: int) -> Problems:
    return (f"must be no more than {most} characters",) if len(text) > most else ()

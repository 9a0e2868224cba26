"""Values that several rules know: names, and the members of enumerations, which are the same in any case."""

import base64
import binascii
import re
from collections.abc import Sequence

NAME = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
"""Of a container, or of a group."""

OS_TYPES = ("Windows", "Linux")
RESTART_POLICIES = ("Always", "OnFailure", "Never")
SKUS = ("Standard", "Dedicated", "Confidential")
PRIORITIES = ("Regular", "Spot")


def same(given: str | None, known: Sequence[str]) -> str | None:
    """A value as the service spells it; None if there is none of it."""
    return next((each for each in known if given is not None and each.lower() == given.lower()), None)


def is_base64(text: str) -> bool:
    """Whether the text can be decoded."""
    try:
        base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return False
    return True

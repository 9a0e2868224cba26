"""Object metadata: what the server makes for a new object, and what a write may change of an old one."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any

from fakes.apiserver.defaults import suffix
from fakes.apiserver.objects import Object

OF_CLIENTS = ("labels", "annotations", "finalizers", "ownerReferences")
"""What belongs to clients; the rest of an object's metadata is the server's."""

MAX_GENERATED_BASE = 58
"""A generateName is cut to this length, so that with its suffix it fits into a DNS label."""

LATEST = "9999-12-31T23:59:59Z"


class Stamps:
    """Makes the identities and timestamps of a server, from the clock and the random numbers that it was given."""

    def __init__(self, now: Callable[[], datetime], random: Random) -> None:
        self._now = now
        self._random = random
        self._timestamp = ""

    def timestamp(self) -> str:
        """Now, as a Kubernetes ``Time``; one string for all objects of a second."""
        text = self._now().isoformat()[:19] + "Z"
        if text != self._timestamp:
            self._timestamp = text
        return self._timestamp

    def uid(self) -> str:
        """A new identity in the form of a UUID of version 4."""
        digits = f"{self._random.getrandbits(128):032x}"
        variant = "89ab"[int(digits[16], 16) & 3]
        return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"

    def name(self, base: str) -> str:
        """A new name for a ``generateName``."""
        return base[:MAX_GENERATED_BASE] + suffix(self._random)


def shifted(timestamp: str, seconds: int) -> str:
    """That many seconds after a timestamp, or the end of all times."""
    try:
        moment = datetime.fromisoformat(timestamp) + timedelta(seconds=seconds)
    except OverflowError:
        return LATEST
    return moment.isoformat()[:19] + "Z"


def created(meta: Mapping[str, Any], name: str, namespace: str, stamps: Stamps, *, generation: bool) -> Object:
    """The metadata of a new object, from what the client sent."""
    new: Object = {"name": name}
    if meta.get("generateName"):
        new["generateName"] = meta["generateName"]
    if namespace:
        new["namespace"] = namespace
    new["uid"] = stamps.uid()
    if generation or meta.get("generation"):
        new["generation"] = 1 if generation else meta["generation"]
    new["creationTimestamp"] = stamps.timestamp()
    for field in (*OF_CLIENTS, "managedFields"):
        if meta.get(field):
            new[field] = meta[field]
    return new


def updated(wanted: Object, current: Object, fields: tuple[str, ...] = OF_CLIENTS) -> Object:
    """The current metadata with those fields as wanted; the very same if that changes nothing."""
    if wanted is current:
        return current
    changed = [field for field in fields if (wanted.get(field) or None) != current.get(field)]
    if not changed:
        return current
    new = {key: value for key, value in current.items() if key not in changed}
    return new | {field: wanted[field] for field in changed if wanted.get(field)}


def with_managers(obj: Object, managers: list[Any]) -> Object:
    """The object with these managedFields."""
    meta = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
    return {**obj, "metadata": {**meta, "managedFields": managers} if managers else meta}

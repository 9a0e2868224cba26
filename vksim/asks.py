"""Tells when a scheduler takes up a pod, and when a runner asks its provider for one: no API object says that."""

from collections.abc import Callable, Coroutine
from contextlib import AbstractContextManager
from typing import Any

from providers.base import Provider
from providers.data import NO_DATA, PodData
from providers.types import Pod
from runner.workqueue import Unobserved


class TakenUp(Unobserved):
    """Tells of each key of a work queue when a worker takes it (a ``runner.workqueue.Observer``)."""

    def __init__(self, taken: Callable[[object], None]) -> None:
        self._taken = taken

    def working(self, key: object) -> AbstractContextManager[object]:
        """Now."""
        self._taken(key)
        return super().working(key)


def telling(provider: Provider, asked: Callable[[Pod], None]) -> Provider:
    """The same provider; it tells of each pod that it is asked to create, before it does anything about it."""
    create = provider.create_pod

    def create_pod(pod: Pod, data: PodData = NO_DATA) -> Coroutine[Any, Any, None]:
        asked(pod)
        return create(pod, data)

    provider.create_pod = create_pod  # type: ignore[method-assign]  # one class for each node would cost more
    return provider

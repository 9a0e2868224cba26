"""Where the server's writes meet managedFields: whether a write is tracked, and as whose."""

from collections.abc import Callable, Mapping
from typing import Any

from fakes.apiserver import managed, metadata
from fakes.apiserver.objects import Object
from fakes.apiserver.options import WriteOptions
from fakes.apiserver.pod_defaults import pod_as_sent
from fakes.apiserver.resources import PODS, ResourceType
from fakes.apiserver.schema import DEDUCED


class Ownership:
    """Keeps the managers of objects up. Only writes that name their manager are tracked.

    Args:
        timestamp: now, as a Kubernetes ``Time``.
    """

    def __init__(self, timestamp: Callable[[], str]) -> None:
        self._timestamp = timestamp

    def of_new(self, resource: ResourceType, new: Object, sent: Mapping[str, Any], options: WriteOptions) -> Object:
        """A new object with its managers; ``sent`` is what the client sent."""
        if not options.field_manager:
            return new
        owned = pod_as_sent(new, dict(sent)) if resource is PODS else new
        writer = self._writer(resource, "", options)
        managers = (sent.get("metadata") or {}).get("managedFields")
        return _with_managers_of(new, managed.updated(None, owned, managers, writer, resource.schema or DEDUCED))

    def of_written(
        self,
        resource: ResourceType,
        current: Object,
        new: Object,
        wanted: Object,
        subresource: str,
        options: WriteOptions,
    ) -> Object:
        """A changed object with its managers; those that come with what is wanted hold for who has no name."""
        sent = (wanted.get("metadata") or {}).get("managedFields")
        if sent == current["metadata"].get("managedFields"):
            sent = None
        if not options.field_manager:
            return new if sent is None else metadata.with_managers(new, sent)
        if new is current and (subresource or not sent):
            return new
        writer = self._writer(resource, subresource, options)
        basis = None if subresource else sent
        return _with_managers_of(new, managed.updated(current, new, basis, writer, resource.schema or DEDUCED))

    def of_applied(
        self, resource: ResourceType, live: Object | None, config: Object, subresource: str, options: WriteOptions
    ) -> Object:
        """What an apply makes of the live object, managers included; raises ``StatusError`` (409) for a conflict."""
        writer = self._writer(resource, subresource, options)
        return managed.applied(live, config, writer, resource.schema or DEDUCED, force=options.force)

    def _writer(self, resource: ResourceType, subresource: str, options: WriteOptions) -> managed.Writer:
        return managed.Writer(options.field_manager, resource.api_version, subresource, self._timestamp())


def _with_managers_of(obj: Object, other: Object) -> Object:
    return metadata.with_managers(obj, other["metadata"].get("managedFields") or [])

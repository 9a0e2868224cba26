"""What the admission plugins ServiceAccount and Priority refuse. Pure."""

from collections.abc import Callable

from fakes.apiserver import errors
from fakes.apiserver.defaults import PRIORITY_CLASSES
from fakes.apiserver.objects import Object, namespace_of

Find = Callable[[str, str], Object | None]
"""(namespace, name) -> the object of that name; None if there is none."""


def check_pod(pod: Object, service_account: Find) -> None:
    """Raise 403 for a new pod whose service account or priority class there is not.

    A name that the server has made up is not told: admission comes before it.
    """
    spec, namespace, metadata = pod["spec"], namespace_of(pod), pod["metadata"]
    base = metadata.get("generateName", "")
    name = base if base and metadata["name"].startswith(base) else metadata["name"]
    account, priority = spec["serviceAccountName"], spec.get("priorityClassName")
    if service_account(namespace, account) is None:
        missing = f'serviceaccount "{account}" not found'
        raise errors.forbidden("pods", name, f"error looking up service account {namespace}/{account}: {missing}")
    if priority and priority not in PRIORITY_CLASSES:
        raise errors.forbidden("pods", name, f"no PriorityClass with name {priority} was found")

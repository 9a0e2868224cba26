"""Decode checks: the JSON type of every field that the server itself reads. Anything else passes. Pure.

A shape is a type that msgspec converts to; the table of resources has one for each top-level field of a kind.
"""

from collections.abc import Mapping
from types import GenericAlias
from typing import Annotated, Any

import msgspec

from fakes.apiserver.errors import bad_request

Shapes = Mapping[str, Any]
"""Top-level field -> the type to convert it to."""


def check(value: Any, shape: Any, kind: str, path: str) -> None:
    """Raise ``StatusError`` (400) if that field of an object of that kind has the wrong type."""
    try:
        msgspec.convert(value, shape)
    except msgspec.ValidationError as error:
        problem = str(error)
        problem = problem.replace("`$", f"`{path}") if "`$" in problem else f"{problem} - at `{path}`"
        raise bad_request(f'{kind} in version "v1" cannot be handled as a {kind}: {problem}') from error


def fits(obj: Any, shape: Any) -> bool:
    """Whether a whole object has the types of ``of_object``; ``check`` says of a field what is wrong."""
    try:
        msgspec.convert(obj, shape)
    except msgspec.ValidationError:
        return False
    return True


def of_object(fields: Shapes) -> Any:
    """The type of an object whose top-level fields have these types."""
    return _object(metadata=METADATA, **fields)


def _object(**fields: Any) -> Any:
    """An object some of whose fields have a type; each may be absent or null."""
    return msgspec.defstruct("Object", [(name, shape | None, None) for name, shape in fields.items()])


def _list(item: Any) -> Any:
    return GenericAlias(list, (item,))


_STRINGS = dict[str, str]
_QUANTITIES = dict[str, str | int | float]
_ANY = dict[str, Any]
_MICROTIME = Annotated[str, msgspec.Meta(pattern=r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}(Z|[+-]\d\d:\d\d)$")]
"""Exactly six fractional digits: the API's MicroTime takes no other precision."""

METADATA = _object(
    name=str,
    generateName=str,
    namespace=str,
    uid=str,
    resourceVersion=str,
    labels=_STRINGS,
    annotations=_STRINGS,
    finalizers=list[str],
    ownerReferences=_list(_object(apiVersion=str, kind=str, name=str, uid=str)),
)

_CONDITIONS = _list(_object(type=str, status=str, reason=str, message=str))
_PROBE = _object(httpGet=_ANY, exec=_ANY, tcpSocket=_ANY)
_CONTAINERS = _list(
    _object(
        name=str,
        image=str,
        imagePullPolicy=str,
        command=list[str],
        args=list[str],
        ports=_list(_object(containerPort=int, hostPort=int, protocol=str, name=str)),
        env=_list(_object(name=str, value=str, valueFrom=_object(fieldRef=_ANY))),
        envFrom=list[_ANY],
        resources=_object(limits=_QUANTITIES, requests=_QUANTITIES),
        volumeMounts=_list(_object(name=str, mountPath=str)),
        livenessProbe=_PROBE,
        readinessProbe=_PROBE,
        startupProbe=_PROBE,
    )
)
_CONTAINER_STATUSES = _list(_object(name=str, state=_ANY, restartCount=int, ready=bool))

POD: Shapes = {
    "spec": _object(
        containers=_CONTAINERS,
        initContainers=_CONTAINERS,
        ephemeralContainers=_CONTAINERS,
        volumes=_list(_object(name=str, configMap=_ANY, secret=_ANY, projected=_ANY, downwardAPI=_ANY)),
        nodeName=str,
        nodeSelector=_STRINGS,
        restartPolicy=str,
        dnsPolicy=str,
        schedulerName=str,
        serviceAccountName=str,
        serviceAccount=str,
        priorityClassName=str,
        hostNetwork=bool,
        automountServiceAccountToken=bool,
        terminationGracePeriodSeconds=int,
        activeDeadlineSeconds=int,
        tolerations=_list(_object(key=str, operator=str, value=str, effect=str, tolerationSeconds=int)),
        schedulingGates=_list(_object(name=str)),
    ),
    "status": _object(
        phase=str,
        podIP=str,
        podIPs=_list(_object(ip=str)),
        conditions=_CONDITIONS,
        containerStatuses=_CONTAINER_STATUSES,
        initContainerStatuses=_CONTAINER_STATUSES,
    ),
}

NODE: Shapes = {
    "spec": _object(
        podCIDR=str,
        podCIDRs=list[str],
        providerID=str,
        unschedulable=bool,
        taints=_list(_object(key=str, value=str, effect=str)),
    ),
    "status": _object(
        capacity=_QUANTITIES,
        allocatable=_QUANTITIES,
        conditions=_CONDITIONS,
        addresses=_list(_object(type=str, address=str)),
    ),
}

NAMESPACE: Shapes = {"spec": _object(finalizers=list[str]), "status": _object(phase=str)}
SECRET: Shapes = {"data": _STRINGS, "stringData": _STRINGS, "type": str, "immutable": bool}
CONFIG_MAP: Shapes = {"data": _STRINGS, "binaryData": _STRINGS, "immutable": bool}
SERVICE: Shapes = {
    "spec": _object(
        clusterIP=str,
        type=str,
        selector=_STRINGS,
        ports=_list(_object(name=str, port=int, nodePort=int, protocol=str)),
    ),
    "status": _ANY,
}
EVENT: Shapes = {
    "involvedObject": _object(kind=str, namespace=str, name=str, uid=str),
    "reason": str,
    "message": str,
    "type": str,
    "count": int,
    "source": _object(component=str),
    "eventTime": _MICROTIME,
}
LEASE: Shapes = {
    "spec": _object(holderIdentity=str, leaseDurationSeconds=int, renewTime=_MICROTIME, acquireTime=_MICROTIME)
}

"""The table of resources: for each kind what it is called and what is special about it. A new one is a new entry."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from fakes.apiserver import defaults, pod_defaults, pod_validation, schema, shapes, validation
from fakes.apiserver.causes import Causes
from fakes.apiserver.conversion import Conversion
from fakes.apiserver.defaults import Admission
from fakes.apiserver.objects import Field, Object
from fakes.apiserver.schema import Schema
from fakes.apiserver.shapes import Shapes

ALL_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")


@dataclass(frozen=True, slots=True)
class Subresource:
    """A part of an object with its own URL.

    Attributes:
        name: the last part of the path.
        kind: of what is sent and answered.
        verbs: as discovery lists them.
        group: of ``kind``, if it is not the parent's.
        version: of ``kind``, if it is not the parent's.
    """

    name: str
    kind: str
    verbs: tuple[str, ...]
    group: str = ""
    version: str = ""


def _unchanged(obj: Object, _admission: Admission) -> Object:
    return obj


def _kept(new: Object, _old: Object) -> Object:
    return new


def _no_update_causes(_new: Object, _old: Object) -> Causes:
    return []


@dataclass(frozen=True, slots=True, eq=False)
class ResourceType:
    """A kind of object that the server serves.

    Attributes:
        group: the API group, "" for core.
        version: of the API.
        plural: the name in paths.
        kind: the name in objects.
        short_names: what kubectl accepts for it.
        categories: groups of resources in kubectl, e.g. ``all``.
        namespaced: whether it lives in namespaces.
        verbs: as discovery lists them.
        subresources: its parts with URLs of their own.
        graceful: a delete announces a grace period first.
        returns_deleted: a delete answers the object, also one that goes at once.
        collected: what it owns is looked after by the garbage collector.
        deletion_policy: what becomes of the dependents when a delete does not say.
        generation: metadata.generation counts the changes of the spec.
        create_on_update: a PUT to a missing name creates it.
        versioned_update: a PUT must carry the resourceVersion.
        shapes: the JSON types of its fields.
        default: completes a new object.
        prepare_update: completes a replaced one, and keeps what a write may not drop (new, old).
        validate: what is wrong with an object.
        validate_update: what may not change (new, old).
        fields: what field selectors can name, beside metadata.name and metadata.namespace.
        index: the field that lists and watches are indexed by.
        computed: nothing of it is kept: it is answered, or asked of others.
        conversion: how its objects are made of those of another version, which is stored; None if this one is.
        has_status: whether its status is written apart.
        api_version: ``v1`` or ``group/version``.
        shape: the JSON types of all of an object.
    """

    group: str
    version: str
    plural: str
    kind: str
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    namespaced: bool = True
    verbs: tuple[str, ...] = ALL_VERBS
    subresources: tuple[Subresource, ...] = ()
    graceful: bool = False
    returns_deleted: bool = False
    collected: bool = True
    deletion_policy: str = "Background"
    generation: bool = False
    create_on_update: bool = False
    versioned_update: bool = False
    shapes: Shapes = field(default_factory=dict)
    default: Callable[[Object, Admission], Object] = _unchanged
    prepare_update: Callable[[Object, Object], Object] = _kept
    validate: Callable[[Object], Causes] = validation.any_named
    validate_update: Callable[[Object, Object], Causes] = _no_update_causes
    fields: Mapping[str, Field] = field(default_factory=dict)
    index: str = ""
    computed: bool = False
    conversion: Conversion | None = None
    has_status: bool = field(init=False)
    api_version: str = field(init=False)
    shape: Any = field(init=False)

    def __post_init__(self) -> None:
        set_once = partial(object.__setattr__, self)
        set_once("has_status", any(each.name == "status" for each in self.subresources))
        set_once("api_version", f"{self.group}/{self.version}" if self.group else self.version)
        set_once("shape", shapes.of_object(self.shapes))

    @property
    def singular(self) -> str:
        """The name of one, as discovery and kubectl have it."""
        return self.kind.lower()

    @property
    def qualified(self) -> str:
        """The plural with its group, as messages have it."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def schema(self) -> Schema | None:
        """What Kubernetes publishes about the type; None for one that is not its own."""
        return schema.of_kind(self.api_version, self.kind)

    def subresource(self, name: str) -> Subresource | None:
        """The subresource of that name."""
        return next((each for each in self.subresources if each.name == name), None)


class ResourceTable:
    """The resources that a server serves, in discovery's order."""

    def __init__(self, resources: Iterable[ResourceType]) -> None:
        self._all = {(each.group, each.version, each.plural): each for each in resources}
        own = [each for each in self._all.values() if each.conversion is None]
        self._by_plural = {(each.group, each.plural): each for each in own}
        self._by_kind = {(each.group, each.kind): each for each in own}

    def __iter__(self) -> Iterator[ResourceType]:
        return iter(self._all.values())

    def get(self, group: str, plural: str) -> ResourceType | None:
        """The resource of that name, in the version that is stored."""
        return self._by_plural.get((group, plural))

    def find(self, group: str, version: str, plural: str) -> ResourceType | None:
        """The resource of that name in that version."""
        return self._all.get((group, version, plural))

    def by_kind(self, kind: str, group: str = "") -> ResourceType | None:
        """The resource whose objects have that kind."""
        return self._by_kind.get((group, kind))


def _text(*path: str) -> Field:
    """Reads a field as a selector sees it: absent is "", a boolean is ``true`` or ``false``."""

    def read(obj: Mapping[str, Any]) -> str:
        value: Any = obj
        for part in path:
            value = value.get(part) if value else None
        if isinstance(value, bool):
            return "true" if value else "false"
        return "" if value is None else str(value)

    return read


def _flag(*path: str) -> Field:
    """Reads a boolean, absent is ``false``."""
    read = _text(*path)
    return lambda obj: read(obj) or "false"


def _fields(*paths: str) -> dict[str, Field]:
    return {path: _text(*path.split(".")) for path in paths}


def _node_name(pod: Mapping[str, Any]) -> str:
    name: str = pod["spec"].get("nodeName") or ""
    return name


def _pod_ips(pod: Mapping[str, Any]) -> str:
    return ",".join(each.get("ip", "") for each in (pod.get("status") or {}).get("podIPs") or ())


_STATUS_VERBS = ("get", "patch", "update")


def status(kind: str) -> Subresource:
    """The part that tells how things are."""
    return Subresource("status", kind, _STATUS_VERBS)


NAMESPACES = ResourceType(
    "",
    "v1",
    "namespaces",
    "Namespace",
    short_names=("ns",),
    namespaced=False,
    verbs=("create", "delete", "get", "list", "patch", "update", "watch"),
    subresources=(Subresource("finalize", "Namespace", ("update",)), status("Namespace")),
    shapes=shapes.NAMESPACE,
    default=defaults.namespace,
    prepare_update=defaults.namespace_update,
    validate=validation.namespace,
    fields=_fields("status.phase"),
)

NODES = ResourceType(
    "",
    "v1",
    "nodes",
    "Node",
    short_names=("no",),
    namespaced=False,
    subresources=(
        Subresource("proxy", "NodeProxyOptions", ("create", "delete", "get", "patch", "update")),
        status("Node"),
    ),
    shapes=shapes.NODE,
    default=defaults.node,
    prepare_update=defaults.node_update,
    validate=validation.node,
    validate_update=validation.node_update,
    fields={"spec.unschedulable": _flag("spec", "unschedulable")},
)

PODS = ResourceType(
    "",
    "v1",
    "pods",
    "Pod",
    short_names=("po",),
    categories=("all",),
    subresources=(
        Subresource("attach", "PodAttachOptions", ("create", "get")),
        Subresource("binding", "Binding", ("create",)),
        Subresource("ephemeralcontainers", "Pod", _STATUS_VERBS),
        Subresource("eviction", "Eviction", ("create",), group="policy", version="v1"),
        Subresource("exec", "PodExecOptions", ("create", "get")),
        Subresource("log", "Pod", ("get",)),
        Subresource("portforward", "PodPortForwardOptions", ("create", "get")),
        Subresource("proxy", "PodProxyOptions", ("create", "delete", "get", "patch", "update")),
        Subresource("resize", "Pod", _STATUS_VERBS),
        status("Pod"),
    ),
    graceful=True,
    generation=True,
    shapes=shapes.POD,
    default=pod_defaults.pod,
    prepare_update=pod_defaults.pod_update,
    validate=pod_validation.pod,
    validate_update=pod_validation.pod_update,
    fields={
        **_fields(
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.podIP",
            "status.nominatedNodeName",
        ),
        "spec.nodeName": _node_name,
        "spec.host": _node_name,
        "spec.hostNetwork": _flag("spec", "hostNetwork"),
        "status.podIPs": _pod_ips,
    },
    index="spec.nodeName",
)

SECRETS = ResourceType(
    "",
    "v1",
    "secrets",
    "Secret",
    shapes=shapes.SECRET,
    default=defaults.secret,
    prepare_update=defaults.secret_update,
    validate=validation.secret,
    validate_update=validation.secret_update,
    fields=_fields("type"),
)

CONFIG_MAPS = ResourceType(
    "",
    "v1",
    "configmaps",
    "ConfigMap",
    short_names=("cm",),
    shapes=shapes.CONFIG_MAP,
    validate=validation.config_map,
    validate_update=validation.config_map_update,
)

SERVICES = ResourceType(
    "",
    "v1",
    "services",
    "Service",
    short_names=("svc",),
    categories=("all",),
    subresources=(
        Subresource("proxy", "ServiceProxyOptions", ("create", "delete", "get", "patch", "update")),
        status("Service"),
    ),
    create_on_update=True,
    returns_deleted=True,
    shapes=shapes.SERVICE,
    default=defaults.service,
    prepare_update=defaults.service_update,
    validate=validation.service,
    validate_update=validation.service_update,
    fields=_fields("spec.clusterIP", "spec.type"),
)

EVENTS = ResourceType(
    "",
    "v1",
    "events",
    "Event",
    short_names=("ev",),
    create_on_update=True,
    collected=False,
    shapes=shapes.EVENT,
    default=defaults.event,
    prepare_update=defaults.event_update,
    validate=validation.event,
    fields={
        **_fields(
            "involvedObject.kind",
            "involvedObject.namespace",
            "involvedObject.name",
            "involvedObject.uid",
            "involvedObject.apiVersion",
            "involvedObject.resourceVersion",
            "involvedObject.fieldPath",
            "reason",
            "type",
        ),
        "reportingComponent": _text("reportingComponent"),
        "source": _text("source", "component"),
    },
)

SERVICE_ACCOUNTS = ResourceType(
    "",
    "v1",
    "serviceaccounts",
    "ServiceAccount",
    short_names=("sa",),
    subresources=(Subresource("token", "TokenRequest", ("create",), group="authentication.k8s.io", version="v1"),),
    returns_deleted=True,
    validate=validation.subdomain_named,
)

LEASES = ResourceType(
    "coordination.k8s.io",
    "v1",
    "leases",
    "Lease",
    create_on_update=True,
    versioned_update=True,
    shapes=shapes.LEASE,
    default=defaults.lease,
    validate=validation.lease,
)


BINDINGS = ResourceType("", "v1", "bindings", "Binding", verbs=("create",), computed=True)
"""Pods are bound by creating one of these, too."""


def _review(group: str, plural: str, kind: str, *, namespaced: bool = False) -> ResourceType:
    return ResourceType(f"{group}.k8s.io", "v1", plural, kind, namespaced=namespaced, verbs=("create",), computed=True)


REVIEWS = (
    _review("authentication", "tokenreviews", "TokenReview"),
    _review("authentication", "selfsubjectreviews", "SelfSubjectReview"),
    _review("authorization", "subjectaccessreviews", "SubjectAccessReview"),
    _review("authorization", "localsubjectaccessreviews", "LocalSubjectAccessReview", namespaced=True),
    _review("authorization", "selfsubjectaccessreviews", "SelfSubjectAccessReview"),
    _review("authorization", "selfsubjectrulesreviews", "SelfSubjectRulesReview"),
)
"""See ``fakes.apiserver.reviews``."""


def _metrics(plural: str, kind: str, *, namespaced: bool) -> ResourceType:
    verbs = ("get", "list")
    return ResourceType("metrics.k8s.io", "v1beta1", plural, kind, namespaced=namespaced, verbs=verbs, computed=True)


METRICS = (_metrics("nodes", "NodeMetrics", namespaced=False), _metrics("pods", "PodMetrics", namespaced=True))
"""See ``fakes.apiserver.node_metrics``; served over HTTP only, as the kubelets are asked."""

STORED = (NAMESPACES, NODES, PODS, SECRETS, CONFIG_MAPS, SERVICES, EVENTS, SERVICE_ACCOUNTS, LEASES)
"""What the core of a simulated cluster lives on; ``fakes.apiserver.catalog`` has the others."""

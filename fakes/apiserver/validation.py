"""What makes an object of each kind invalid: the causes of a 422, none if all is well. Pure.

Objects have passed ``shapes`` and ``defaults`` before they come here. Pods have a module of their own.
"""

from collections.abc import Iterable

from fakes.apiserver import secrets
from fakes.apiserver.causes import (
    Causes,
    duplicate,
    forbidden,
    immutable,
    invalid,
    port_number,
    required,
    too_long,
    unsupported,
)
from fakes.apiserver.metacauses import named
from fakes.apiserver.names import (
    data_key,
    dns_1035_label,
    dns_label,
    dns_subdomain,
    label_value,
    path_segment,
    qualified_name,
    wrong,
)
from fakes.apiserver.objects import Object

MAX_DATA_BYTES = 1024 * 1024


def namespace(obj: Object) -> Causes:
    """A namespace: its name is a DNS label."""
    return named(obj, dns_label)


def subdomain_named(obj: Object) -> Causes:
    """Any kind about which only the name matters here: a DNS subdomain."""
    return named(obj, dns_subdomain)


def any_named(obj: Object) -> Causes:
    """A kind whose names need only fit into a path: no slash, no percent sign."""
    return named(obj, path_segment)


def node(obj: Object) -> Causes:
    """A node: its taints."""
    causes, seen = named(obj, dns_subdomain), set()
    for at, taint in enumerate((obj.get("spec") or {}).get("taints") or ()):
        path = f"metadata.taints[{at}]"  # that is what upstream calls it
        key, value, effect = (taint.get(each) or "" for each in ("key", "value", "effect"))
        causes += wrong(f"{path}.key", key, qualified_name) + wrong(f"{path}.value", value, label_value)
        if effect not in TAINT_EFFECTS:
            missing = [required(f"{path}.effect")]
            causes += missing if not effect else [unsupported(f"{path}.effect", effect, TAINT_EFFECTS)]
        if (key, effect) in seen:
            shown = {"Key": key, "Value": value, "Effect": effect, "TimeAdded": taint.get("timeAdded")}
            causes.append(duplicate(path, shown, "taints must be unique by key and effect pair"))
        seen.add((key, effect))
    return causes


TAINT_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")


def node_update(new: Object, old: Object) -> Causes:
    """A changed node: what is set once stays."""
    after, before = new.get("spec") or {}, old.get("spec") or {}
    return [
        forbidden(f"spec.{field}", f'node updates may not change {called} except from "" to valid')
        for field, called in (("podCIDRs", "podCIDR"), ("providerID", "providerID"))
        if before.get(field) and after.get(field) != before[field]
    ]


def config_map(obj: Object) -> Causes:
    """A config map: names of keys, and the size."""
    both = [each for each in obj.get("data") or () if each in (obj.get("binaryData") or ())]
    twice = [invalid(f"data[{each}]", each, "duplicate of key present in binaryData") for each in both]
    return [*named(obj, dns_subdomain), *twice, *_data(obj, ("data", "binaryData"), "[]")]


def config_map_update(new: Object, old: Object) -> Causes:
    """A changed config map: not if it is immutable."""
    return _immutable_data(new, old, ("data", "binaryData"))


def secret(obj: Object) -> Causes:
    """A secret: names of keys, and the size."""
    return [*named(obj, dns_subdomain), *_data(obj, ("data",), "data"), *secrets.of_type(obj)]


def secret_update(new: Object, old: Object) -> Causes:
    """A changed secret: its type stays, and all of it if it is immutable."""
    causes = [] if new.get("type") == old.get("type") else [immutable("type", new.get("type"))]
    return causes + _immutable_data(new, old, ("data",))


_AFFINITIES = ("ClientIP", "None")
_SERVICE_TYPES = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")


def service(obj: Object) -> Causes:
    """A service: its name is a DNS-1035 label; ports unless it is headless or an external name."""
    causes = named(obj, dns_1035_label)
    spec = obj.get("spec") or {}
    if spec.get("type") not in _SERVICE_TYPES:
        causes.append(unsupported("spec.type", spec.get("type"), _SERVICE_TYPES))
    ports = spec.get("ports") or []
    if not ports and spec.get("clusterIP") != "None" and spec.get("type") != "ExternalName":
        causes.append(required("spec.ports"))
    if spec.get("type") == "ExternalName" and not spec.get("externalName"):
        causes.append(required("spec.externalName"))
    for at, port in enumerate(ports):
        causes += port_number(port.get("port"), f"spec.ports[{at}].port")
        if len(ports) > 1 and not port.get("name"):
            causes.append(required(f"spec.ports[{at}].name"))
        target = port.get("targetPort")
        if isinstance(target, int):
            causes += port_number(target, f"spec.ports[{at}].targetPort")
    affinity = spec.get("sessionAffinity")
    if affinity not in _AFFINITIES:
        causes.append(unsupported("spec.sessionAffinity", affinity, _AFFINITIES))
    return causes


def service_update(new: Object, old: Object) -> Causes:
    """A changed service: its address stays while its type does."""
    after, before = new["spec"], old["spec"]
    if after["type"] == before["type"] != "ExternalName" and after.get("clusterIP") != before.get("clusterIP"):
        return [invalid("spec.clusterIPs[0]", [after.get("clusterIP")], "may not change once set")]
    return []


def event(obj: Object) -> Causes:
    """An event: in the namespace of what it is about (``default`` for what has none)."""
    causes = named(obj, dns_subdomain)
    about = (obj.get("involvedObject") or {}).get("namespace") or "default"
    if about != obj["metadata"].get("namespace"):
        causes.append(invalid("involvedObject.namespace", about, "does not match event.namespace"))
    return causes


def lease(obj: Object) -> Causes:
    """A lease: its times in order."""
    causes = named(obj, dns_subdomain)
    spec = obj.get("spec") or {}
    for field, least in (("leaseDurationSeconds", 1), ("leaseTransitions", 0)):
        value = spec.get(field)
        if value is not None and value < least:
            advice = "must be greater than 0" if least else "must be greater than or equal to 0"
            causes.append(invalid(f"spec.{field}", value, advice))
    return causes


def _data(obj: Object, fields: Iterable[str], whole: str) -> Causes:
    causes: Causes = []
    size = 0
    for field in fields:
        for key, value in (obj.get(field) or {}).items():
            size += len(value)
            causes += wrong(f"{field}[{key}]", key, data_key)
    if size > MAX_DATA_BYTES:
        causes.append(too_long(whole, MAX_DATA_BYTES))
    return causes


def _immutable_data(new: Object, old: Object, fields: Iterable[str]) -> Causes:
    if not old.get("immutable"):
        return []
    causes = [
        forbidden(field, "field is immutable when `immutable` is set")
        for field in fields
        if new.get(field) != old.get(field)
    ]
    if not new.get("immutable"):
        causes.append(forbidden("immutable", "field is immutable when `immutable` is set"))
    return causes

"""What makes an object of each kind invalid: the causes of a 422, none if all is well. Pure.

Objects have passed ``shapes`` and ``defaults`` before they come here. Pods have a module of their own.
"""

import re
from collections.abc import Iterable

from fakes.apiserver.causes import Causes, forbidden, immutable, invalid, port_number, required, too_long, unsupported
from fakes.apiserver.names import dns_1035_label, dns_label, dns_subdomain, named
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
    name = str(obj["metadata"].get("name", ""))
    if name in (".", "..") or "/" in name or "%" in name:
        return [invalid("metadata.name", name, "may not contain '/' or '%', and may not be '.' or '..'")]
    return []


def node_update(new: Object, old: Object) -> Causes:
    """A changed node: what is set once stays."""
    after, before = new.get("spec") or {}, old.get("spec") or {}
    return [
        forbidden(f"spec.{field}", "node updates may only change it from empty to valid")
        for field in ("podCIDR", "providerID")
        if before.get(field) and after.get(field) != before[field]
    ]


def config_map(obj: Object) -> Causes:
    """A config map: names of keys, and the size."""
    return [*named(obj, dns_subdomain), *_data(obj, ("data", "binaryData"))]


def config_map_update(new: Object, old: Object) -> Causes:
    """A changed config map: not if it is immutable."""
    return _immutable_data(new, old, ("data", "binaryData"))


def secret(obj: Object) -> Causes:
    """A secret: names of keys, and the size."""
    return [*named(obj, dns_subdomain), *_data(obj, ("data",))]


def secret_update(new: Object, old: Object) -> Causes:
    """A changed secret: its type stays, and all of it if it is immutable."""
    causes = [] if new.get("type") == old.get("type") else [immutable("type", new.get("type"))]
    return causes + _immutable_data(new, old, ("data",))


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
    return causes


def service_update(new: Object, old: Object) -> Causes:
    """A changed service: its address stays while its type does."""
    after, before = new["spec"], old["spec"]
    if after["type"] == before["type"] != "ExternalName" and after.get("clusterIP") != before.get("clusterIP"):
        return [immutable("spec.clusterIP", after.get("clusterIP"))]
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


def _data(obj: Object, fields: Iterable[str]) -> Causes:
    causes, size = [], 0
    for field in fields:
        for key, value in (obj.get(field) or {}).items():
            size += len(value)
            if len(key) > 253 or not re.fullmatch(r"[-._a-zA-Z0-9]+", key) or key in (".", ".."):
                advice = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
                causes.append(invalid(f"{field}[{key}]", key, advice))
    if size > MAX_DATA_BYTES:
        causes.append(too_long("", MAX_DATA_BYTES))
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

"""What a write does to an object, before it is stored: decoding, and what a client may change. Pure."""

from collections.abc import Callable, Mapping
from typing import Any

from fakes.apiserver import errors, metadata, nulls, podparts, shapes
from fakes.apiserver.causes import Causes, invalid
from fakes.apiserver.errors import bad_request
from fakes.apiserver.objects import Object, has_nulls, without
from fakes.apiserver.resources import BINDINGS, PODS, ResourceType


def decode(resource: ResourceType, obj: Mapping[str, Any]) -> Object:
    """The object that a client sent, less its nulls; raises 400 if it is not one of this kind."""
    kind, version = obj.get("kind"), obj.get("apiVersion")
    if kind not in (None, "", resource.kind):
        raise bad_request(f"the object provided is unrecognized (must be of type {resource.kind}): kind is {kind!r}")
    if version not in (None, "", resource.api_version):
        expected = f"does not match the expected API version ({resource.api_version})"
        raise bad_request(f"the API version in the data ({version}) {expected}")
    if not has_nulls(obj) and shapes.fits(obj, resource.shape):
        return dict(obj)
    return {field: _decode_field(resource, field, value) for field, value in obj.items() if value is not None}


def decode_patched(resource: ResourceType, patched: Object, current: Object) -> Object:
    """A patched object, of which only what has changed is looked at."""
    return {
        field: value if value is current.get(field) else _decode_field(resource, field, value)
        for field, value in patched.items()
        if value is not None
    }


def decode_applied(resource: ResourceType, namespace: str | None, name: str, config: Mapping[str, Any]) -> Object:
    """What a client applies, less its nulls; raises 400 if it is not one of this kind, of that name."""
    wanted = decode(resource, config)
    meta = wanted.get("metadata") or {}
    if meta.get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    if meta.get("name") not in (None, "", name):
        raise bad_request(f"the name of the object ({meta['name']}) does not match the name on the URL ({name})")
    check_same_namespace(resource, namespace, meta)
    return {**wanted, "metadata": {**meta, "name": name}}


def check_new(resource: ResourceType, name: str, meta: Mapping[str, Any]) -> None:
    """Raise 409 if what is applied to nothing names an object that was."""
    if meta.get("uid"):
        why = f"uid mismatch: the provided object specified uid {meta['uid']}, and no existing object was found"
        raise errors.conflict(resource.plural, name, why, resource.group)
    if meta.get("resourceVersion"):
        raise errors.conflict(resource.plural, name, errors.MODIFIED_SINCE, resource.group)


def _decode_field(resource: ResourceType, field: str, value: Any) -> Any:
    if field != "status":  # conditions have times that may be null
        value = nulls.settled(value, None if resource.schema is None else resource.schema.child(field))
    shape = shapes.METADATA if field == "metadata" else resource.shapes.get(field)
    if shape is not None:
        shapes.check(value, shape, resource.kind, field)
    return value


def check_same_namespace(resource: ResourceType, namespace: str | None, meta: Mapping[str, Any]) -> None:
    """Raise 400 if the object says that it is in another namespace than the URL."""
    if resource.namespaced and meta.get("namespace") and meta["namespace"] != namespace:
        raise bad_request("the namespace of the provided object does not match the namespace sent on the request")


def check_readable(resource: ResourceType, subresource: str) -> None:
    """Raise 404 or 405 for a subresource that is none, or that cannot be read as an object."""
    check_writable(resource, subresource, "get")


def check_writable(resource: ResourceType, subresource: str, verb: str) -> None:
    """Raise 404 or 405 for a subresource that is none, or that cannot be written like that."""
    part = resource.subresource(subresource)
    if part is None and subresource:
        raise errors.no_such_resource()
    if part is not None and (subresource not in PARTS or verb not in part.verbs):
        raise errors.method_not_allowed()


def check_same_name(name: str, meta: Mapping[str, Any]) -> None:
    """Raise 400 if the object has another name than the URL, or none."""
    if not meta.get("name"):
        raise bad_request(f"the name of the object ({name} based on URL) was undeterminable: name must be provided")
    if meta["name"] != name:
        raise bad_request(f"the name of the object ({meta['name']}) does not match the name on the URL ({name})")


def check_identity(resource: ResourceType, current: Object, meta: Mapping[str, Any]) -> None:
    """Raise 409 if the metadata that came with an update is that of another object than the current one."""
    before, uid = current["metadata"], meta.get("uid")
    if uid and uid != before["uid"]:
        folder = _KEYS.get(resource.plural, resource.plural)
        key = "/".join(filter(None, (folder, before.get("namespace"), before["name"])))
        failed = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {before['uid']}"
        where = f"Code: 4, Key: /registry/{key}, ResourceVersion: 0, AdditionalErrorMsg: {failed}"
        raise errors.conflict(resource.plural, before["name"], f"StorageError: invalid object, {where}", resource.group)


_KEYS = {"nodes": "minions", "services": "services/specs", "endpoints": "services/endpoints"}
"""Where etcd keeps kinds that are not kept under their plural."""


def check_overtaken(resource: ResourceType, current: Object, meta: Mapping[str, Any]) -> None:
    """Raise 409 if the metadata that came with a write is of another version than the current one, 500 if of none."""
    before, version = current["metadata"], meta.get("resourceVersion")
    if version and not (version.isascii() and version.isdigit()):
        raise errors.internal(f'strconv.ParseUint: parsing "{version}": invalid syntax')
    if version and version != "0" and version != before["resourceVersion"]:
        raise errors.conflict(resource.plural, before["name"], errors.MODIFIED_SINCE, resource.group)


def refuse(resource: ResourceType, name: str, causes: Causes) -> None:
    """Raise 422 if there are causes."""
    if causes:
        raise errors.invalid(resource.kind, name, causes, resource.group)


def refuse_unversioned(resource: ResourceType, name: str) -> None:
    """Raise 422 for an update without a version, of a kind that wants one."""
    unversioned = invalid("metadata.resourceVersion", 0, "must be specified for an update")
    raise errors.invalid(resource.plural, name, [unversioned], resource.group)  # upstream names the plural


def with_part(resource: ResourceType, current: Object, wanted: Object, subresource: str) -> Object:
    """The current object with the wanted part; with "" as subresource, the wanted object with the others' parts."""
    return PARTS[subresource](resource, current, wanted)


def _with_status(resource: ResourceType, current: Object, wanted: Object) -> Object:
    """The current object with the wanted status; labels, annotations and finalizers come along, as upstream."""
    fields = ("labels", "annotations", "finalizers")
    meta = metadata.updated(wanted["metadata"], current["metadata"], fields)
    status = wanted.get("status") or {}
    if meta is current["metadata"] and status == current.get("status"):
        return current
    return resource.prepare_update({**current, "metadata": meta, "status": status}, current)


def _with_rest(resource: ResourceType, current: Object, wanted: Object) -> Object:
    """The wanted object with the parts that a write of the main resource cannot change."""
    new = {
        **wanted,
        "kind": current["kind"],
        "apiVersion": current["apiVersion"],
        "metadata": metadata.updated(wanted.get("metadata") or {}, current["metadata"]),
    }
    if resource.has_status:
        new.pop("status", None)
        if "status" in current:
            new["status"] = current["status"]
    if "spec" in current and new.get("spec") is None:
        new["spec"] = {}
    return resource.prepare_update(new, current)


def _with_finalizers(_resource: ResourceType, current: Object, wanted: Object) -> Object:
    """A namespace without the finalizers of its spec that the wanted one has not: its content has gone."""
    finalizers = (wanted.get("spec") or {}).get("finalizers") or []
    rest = without(current["spec"], "finalizers")
    return {**current, "spec": {**rest, "finalizers": finalizers} if finalizers else rest}


PARTS = {
    "": _with_rest,
    "status": _with_status,
    "finalize": _with_finalizers,
    "ephemeralcontainers": podparts.with_debuggers,
    "resize": podparts.with_resources,
}
"""What makes of the current and the wanted object the one to store, by subresource."""
_UPDATES = {"ephemeralcontainers": podparts.debuggers_update, "resize": podparts.resources_update}
"""What may not change of a part of the spec, by subresource (new, old)."""


def causes(resource: ResourceType, new: Object, current: Object, subresource: str) -> Causes:
    """What is wrong with a changed object."""
    if not subresource:
        return resource.validate_update(new, current) or resource.validate(new)
    refused = _UPDATES.get(subresource)
    return [] if refused is None else resource.validate(new) + refused(new, current)


def changes_generation(new: Object, old: Object) -> bool:
    """Whether a write counts as a change of what is wanted: of the spec, or of all that a kind without one says."""
    after, before = new.get("spec"), old.get("spec")
    if after is not None or before is not None:
        return after is not before and after != before
    own = ("metadata", "status")
    return {k: v for k, v in new.items() if k not in own} != {k: v for k, v in old.items() if k not in own}


def namespace_of_new(resource: ResourceType, namespace: str | None, meta: Mapping[str, Any]) -> str:
    """The namespace of a new object, empty for what lives in none; raises 400 if the request does not fit."""
    if not resource.namespaced:
        return ""
    if not namespace:
        raise bad_request("an empty namespace may not be set during creation")
    check_same_namespace(resource, namespace, meta)
    return namespace


def meant(resource: ResourceType, name: str, subresource: str, obj: Mapping[str, Any]) -> tuple[ResourceType, str, str]:
    """What a create is for: a new binding is one for the pod of its name. Raises 400 if it has none."""
    if resource is not BINDINGS:
        return resource, name, subresource
    pod: str = (obj.get("metadata") or {}).get("name") or ""
    if not pod:
        raise bad_request("Name parameter required.")
    return PODS, pod, "binding"


NAME_ATTEMPTS = 8
"""How many names are tried for a ``generateName`` before the server says AlreadyExists."""


def name_of_new(meta: Mapping[str, Any], stamps: metadata.Stamps, is_taken: Callable[[str], bool]) -> str:
    """The name of a new object: its own, or one that is made from its ``generateName``."""
    name: str = meta.get("name") or ""
    base = meta.get("generateName")
    if name or not base:
        return name
    for _ in range(NAME_ATTEMPTS):
        name = stamps.name(base)
        if not is_taken(name):
            break
    return name

"""What makes a pod invalid, and what of it may not change. Pure. Its containers have a module of their own."""

from collections.abc import Iterable, Mapping
from ipaddress import ip_address
from typing import Any

from fakes.apiserver import container_validation
from fakes.apiserver.causes import Causes, duplicate, forbidden, invalid, required, unsupported
from fakes.apiserver.metacauses import labels_causes, named
from fakes.apiserver.names import dns_label, dns_subdomain, label_value, qualified_name, wrong
from fakes.apiserver.objects import Object, Objects, without
from fakes.apiserver.pod_defaults import NOT_READY, UNREACHABLE

_RESTART_POLICIES = ("Always", "OnFailure", "Never")
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_EFFECTS = ("NoSchedule", "PreferNoSchedule", "NoExecute")
_UNSATISFIABLE = ("DoNotSchedule", "ScheduleAnyway")
_VOLUMES = (
    "emptyDir",
    "hostPath",
    "gitRepo",
    "gcePersistentDisk",
    "awsElasticBlockStore",
    "secret",
    "nfs",
    "iscsi",
    "glusterfs",
    "flocker",
    "persistentVolumeClaim",
    "rbd",
    "cinder",
    "cephfs",
    "quobyte",
    "downwardAPI",
    "fc",
    "flexVolume",
    "configMap",
    "azureFile",
    "vsphereVolume",
    "photonPersistentDisk",
    "portworxVolume",
    "azureDisk",
    "storageos",
    "projected",
    "scaleIO",
    "csi",
    "ephemeral",
    "image",
)
"""The kinds of volumes, in the order in which they are looked at."""
MAX_ID = 2**31 - 1


def pod(obj: Object) -> Causes:
    """A pod: containers with names and images, and that what refers to something inside the pod finds it."""
    causes = named(obj, dns_subdomain)
    spec = obj["spec"]
    volumes = _volumes(spec.get("volumes") or (), causes)
    if not spec.get("containers"):
        causes.append(required("spec.containers"))
    seen: set[str] = set()
    for group in ("containers", "initContainers"):
        for at, container in enumerate(spec.get(group) or ()):
            path = f"spec.{group}[{at}]"
            _name(container, f"{path}.name", seen, causes)
            container_validation.container(container, path, volumes, causes)
            if not container.keys().isdisjoint(container_validation.LIFE):
                lives_on = group == "containers" or container.get("restartPolicy") == "Always"
                life = container_validation.life if lives_on else container_validation.no_life
                life(container, path, causes)
    if spec.get("ephemeralContainers"):
        _ephemeral(obj, seen, volumes, causes)
    _scalars(spec, causes)
    if spec.get("affinity"):
        _affinity(spec["affinity"], causes)
    for at, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        _spread(constraint, f"spec.topologySpreadConstraints[{at}]", causes)
    for at, toleration in enumerate(spec.get("tolerations") or ()):
        if toleration is not NOT_READY and toleration is not UNREACHABLE:  # those that the server gives
            _toleration(toleration, f"spec.tolerations[{at}]", causes)
    _host_aliases(spec.get("hostAliases") or (), causes)
    return causes


def _ephemeral(pod: Object, seen: set[str], volumes: set[str], causes: Causes) -> None:
    if "resourceVersion" not in pod["metadata"]:  # a new one
        causes.append(forbidden("spec.ephemeralContainers", "cannot be set on create"))
        return
    targets = set(seen)
    for at, container in enumerate(pod["spec"]["ephemeralContainers"]):
        path = f"spec.ephemeralContainers[{at}]"
        _name(container, f"{path}.name", seen, causes)
        container_validation.container(container, path, volumes, causes)
        container_validation.ephemeral(container, path, targets, causes)


def _scalars(spec: Object, causes: Causes) -> None:
    if spec["restartPolicy"] not in _RESTART_POLICIES:
        causes.append(unsupported("spec.restartPolicy", spec["restartPolicy"], _RESTART_POLICIES))
    if spec["dnsPolicy"] not in _DNS_POLICIES:
        causes.append(unsupported("spec.dnsPolicy", spec["dnsPolicy"], _DNS_POLICIES))
    if spec.get("nodeSelector"):
        causes += labels_causes(spec["nodeSelector"], "spec.nodeSelector")
    if spec["securityContext"] or spec.get("shareProcessNamespace"):
        _security(spec, causes)
    if spec.get("nodeName"):
        causes += wrong("spec.nodeName", spec["nodeName"], dns_subdomain)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= MAX_ID:
        causes.append(invalid("spec.activeDeadlineSeconds", deadline, f"must be between 1 and {MAX_ID}, inclusive"))
    for field in ("hostname", "subdomain"):
        if spec.get(field):
            causes += wrong(f"spec.{field}", spec[field], dns_label)


_POD_UPDATE_ADVICE = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def pod_update(new: Object, old: Object) -> Causes:
    """A changed pod: only images, a shorter deadline, more tolerations, fewer scheduling gates."""
    after, before = new["spec"], old["spec"]
    if after == before:
        return []
    for group in ("containers", "initContainers"):
        if len(after.get(group) or ()) != len(before.get(group) or ()):
            return [forbidden(f"spec.{group}", "pod updates may not add or remove containers")]
    causes = []
    deadline, earlier = after.get("activeDeadlineSeconds"), before.get("activeDeadlineSeconds")
    if earlier is not None and (deadline is None or deadline > earlier):
        advice = f"must be less than or equal to previous value ({earlier})"
        causes.append(invalid("spec.activeDeadlineSeconds", deadline, advice))
    if any(each not in (after.get("tolerations") or ()) for each in before.get("tolerations") or ()):
        causes.append(
            forbidden("spec.tolerations", "existing toleration can not be modified except its tolerationSeconds")
        )
    if any(each not in (before.get("schedulingGates") or ()) for each in after.get("schedulingGates") or ()):
        causes.append(forbidden("spec.schedulingGates", "only deletion is allowed, but found new scheduling gate"))
    if _rest_of(after) != _rest_of(before):
        changed = sorted(key for key in {**after, **before} if after.get(key) != before.get(key))
        causes.append(forbidden("spec", f"{_POD_UPDATE_ADVICE}\nchanged: {', '.join(changed)}"))
    return causes


def _rest_of(spec: Object) -> Object:
    """The spec less all that an update may change."""
    rest = without(spec, "activeDeadlineSeconds", "tolerations", "schedulingGates")
    for group in ("containers", "initContainers"):
        if rest.get(group):
            rest[group] = [without(container, "image") for container in rest[group]]
    return rest


def _volumes(volumes: Iterable[Mapping[str, Any]], causes: Causes) -> set[str]:
    """The names of the volumes; what is wrong with them is noted."""
    names: set[str] = set()
    for at, volume in enumerate(volumes):
        path = f"spec.volumes[{at}]"
        if len(volume) > 2:  # more than a name and a kind
            kinds = [each for each in _VOLUMES if each in volume]
            causes += [forbidden(f"{path}.{each}", "may not specify more than 1 volume type") for each in kinds[1:]]
        _name(volume, f"{path}.name", names, causes)
    return names


def _security(spec: Object, causes: Causes) -> None:
    context, path = spec["securityContext"] or {}, "spec.securityContext"
    groups = [(f"supplementalGroups[{at}]", each) for at, each in enumerate(context.get("supplementalGroups") or ())]
    single = [(each, context.get(each)) for each in ("fsGroup", "runAsUser", "runAsGroup")]
    causes += [
        invalid(f"{path}.{field}", number, f"must be between 0 and {MAX_ID}, inclusive")
        for field, number in (*single, *groups)
        if number is not None and not 0 <= number <= MAX_ID
    ]
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        why = "ShareProcessNamespace and HostPID cannot both be enabled"
        causes.append(invalid(f"{path}.shareProcessNamespace", True, why))


def _affinity(affinity: Object, causes: Causes) -> None:
    field = "requiredDuringSchedulingIgnoredDuringExecution"
    needed = (affinity.get("nodeAffinity") or {}).get(field)
    if needed is not None and not needed.get("nodeSelectorTerms"):
        path = f"spec.affinity.nodeAffinity.{field}.nodeSelectorTerms"
        causes.append(required(path, "must have at least one node selector term"))


def _spread(constraint: Object, path: str, causes: Causes) -> None:
    if (constraint.get("maxSkew") or 0) <= 0:
        causes.append(invalid(f"{path}.maxSkew", constraint.get("maxSkew") or 0, "must be greater than zero"))
    key, otherwise = constraint.get("topologyKey") or "", constraint.get("whenUnsatisfiable") or ""
    missing = [] if key else [required(f"{path}.topologyKey", "can not be empty")]
    causes += missing or wrong(f"{path}.topologyKey", key, qualified_name)
    if otherwise not in _UNSATISFIABLE:
        causes.append(unsupported(f"{path}.whenUnsatisfiable", otherwise, _UNSATISFIABLE))


def _host_aliases(aliases: Objects | tuple[()], causes: Causes) -> None:
    for at, alias in enumerate(aliases):
        path, address = f"spec.hostAliases[{at}]", alias.get("ip") or ""
        try:
            ip_address(address)
        except ValueError:
            why = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
            causes.append(invalid(f"{path}.ip", address, why))
        for number, host in enumerate(alias.get("hostnames") or ()):
            causes += wrong(f"{path}.hostnames[{number}]", host, dns_subdomain)


def _toleration(toleration: Object, path: str, causes: Causes) -> None:
    key, operator, value, effect = (toleration.get(each) or "" for each in ("key", "operator", "value", "effect"))
    if key:
        causes += wrong(f"{path}.key", key, qualified_name)
    elif operator != "Exists":
        why = 'operator must be Exists when `key` is empty, which means "match all values and all keys"'
        causes.append(invalid(f"{path}.operator", operator, why))
    if toleration.get("tolerationSeconds") is not None and effect != "NoExecute":
        causes.append(invalid(f"{path}.effect", effect, "effect must be 'NoExecute' when `tolerationSeconds` is set"))
    if operator in ("", "Equal"):
        causes += wrong(f"{path}.operator", value, label_value)
    elif operator == "Exists":
        if value:
            causes.append(invalid(f"{path}.operator", value, "value must be empty when `operator` is 'Exists'"))
    else:
        causes.append(unsupported(f"{path}.operator", operator, ("Equal", "Exists")))
    if effect and effect not in _EFFECTS:
        causes.append(unsupported(f"{path}.effect", effect, _EFFECTS))


def _name(item: Mapping[str, Any], path: str, seen: set[str], causes: Causes) -> None:
    """Add the name of a list's element to those seen; note if it is missing, wrong or there twice."""
    name = item.get("name") or ""
    if not name:
        causes.append(required(path))
    elif problems := wrong(path, name, dns_label):
        causes += problems
    elif name in seen:
        causes.append(duplicate(path, name))
    seen.add(name)

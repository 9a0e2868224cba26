"""What the server fills in of pods, new and changed, and of the templates of pods. Pure.

Parts that are the same for every pod are constants, shared by reference.
"""

from collections.abc import Mapping
from functools import lru_cache

from fakes.apiserver import quantity
from fakes.apiserver.amounts import amount
from fakes.apiserver.conditions import with_times
from fakes.apiserver.objects import Object

_NOTHING: Object = {}

_POD_SPEC: Object = {
    "restartPolicy": "Always",
    "terminationGracePeriodSeconds": 30,
    "dnsPolicy": "ClusterFirst",
    "schedulerName": "default-scheduler",
    "securityContext": _NOTHING,
}

_CONTAINER: Object = {
    "resources": _NOTHING,
    "terminationMessagePath": "/dev/termination-log",
    "terminationMessagePolicy": "File",
}

_PROBE: Object = {"timeoutSeconds": 1, "periodSeconds": 10, "successThreshold": 1, "failureThreshold": 3}
_HTTP_GET: Object = {"path": "/", "scheme": "HTTP"}
_FIELD_REF: Object = {"apiVersion": "v1"}
_RESOURCE_REF: Object = {"divisor": "0"}

NOT_READY, UNREACHABLE = (
    {"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300}
    for key in ("not-ready", "unreachable")
)
_DEFAULT_TOLERATIONS = [NOT_READY, UNREACHABLE]

_CONTAINER_LISTS = ("initContainers", "containers", "ephemeralContainers")


def pod(obj: Object, _admission: object) -> Object:
    """A new pod: defaults and the initial status; ``admission`` adds the rest."""
    spec = pod_spec({"enableServiceLinks": True, **(obj.get("spec") or {})})
    status: Object = {"phase": "Pending", "qosClass": qos_class(spec)}
    if spec.get("schedulingGates"):
        gated = {"type": "PodScheduled", "status": "False", "reason": "SchedulingGated"}
        message = "Scheduling is blocked due to non-empty scheduling gates"
        times = {"lastProbeTime": None, "lastTransitionTime": obj["metadata"].get("creationTimestamp")}
        status["conditions"] = [{**gated, "message": message, **times}]
    return {**obj, "spec": spec, "status": status}


def pod_update(new: Object, old: Object) -> Object:
    """A replaced pod: defaults; what other admission added at creation is for the client to keep."""
    if new["status"] is not old["status"]:
        status = _status(new["status"], old["status"])
        if status is not new["status"]:
            new = {**new, "status": status}
    if new.get("spec") is old["spec"]:
        return new
    spec = pod_spec(new.get("spec") or {})
    return {**new, "spec": {**spec, "tolerations": tolerations(spec)}}


_TIMES = ("lastProbeTime", "lastTransitionTime")
_STATE: Mapping[str, Object] = {
    "running": {"startedAt": None},
    "terminated": {"exitCode": 0, "startedAt": None, "finishedAt": None},
}
"""What is in the states of a container, if only empty."""


def _status(status: Object, before: Object) -> Object:
    """A pod's status with what Go's types always have; its class stays."""
    completed = with_times(status, _TIMES)
    for group in ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses"):
        if completed.get(group) and completed[group] is not before.get(group):
            each_completed = [_container_status(each) for each in completed[group]]
            if any(new is not old for new, old in zip(each_completed, completed[group], strict=True)):
                completed = {**completed, group: each_completed}
    if "qosClass" in before and "qosClass" not in completed:
        completed = {**completed, "qosClass": before["qosClass"]}
    return completed


def _container_status(status: Object) -> Object:
    states = {each: _state(status.get(each) or _NOTHING) for each in ("state", "lastState")}
    return status if all(state is status.get(each) for each, state in states.items()) else {**status, **states}


def _state(state: Object) -> Object:
    for kind, always in _STATE.items():
        if kind in state and not always.keys() <= state[kind].keys():
            return {**state, kind: {**always, **state[kind]}}
    return state


def pod_as_sent(new: Object, sent: Object) -> Object:
    """A new pod less what admission has added, which belongs to nobody."""
    return {**new, "spec": pod_spec(sent.get("spec") or {})}


def tolerations(spec: Object) -> list[Object]:
    """The tolerations of a pod, with those that DefaultTolerationSeconds sees to at each write."""
    own: list[Object] = spec.get("tolerations") or []
    if not own:
        return _DEFAULT_TOLERATIONS
    missing = [each for each in _DEFAULT_TOLERATIONS if not _tolerated(each, own)]
    return own + missing if missing else own


def qos_class(spec: Object) -> str:
    """Guaranteed, Burstable or BestEffort, by the cpu and memory that the containers request."""
    any_set, all_equal = False, True
    for group in ("initContainers", "containers"):
        for container in spec.get(group) or ():
            resources = container.get("resources") or _NOTHING
            limits, requests = resources.get("limits") or _NOTHING, resources.get("requests") or _NOTHING
            for name in ("cpu", "memory"):
                limit, request = limits.get(name), requests.get(name)
                if limit is not None or request is not None:
                    any_set = True
                if limit is None or (request != limit and quantity.parse(request) != quantity.parse(limit)):
                    all_equal = False
    if not any_set:
        return "BestEffort"
    return "Guaranteed" if all_equal else "Burstable"


def pod_spec(spec: Object) -> Object:
    """The spec of a pod, or of a template of pods, with the values that are not said."""
    spec = {**_POD_SPEC, **spec}
    if spec["terminationGracePeriodSeconds"] < 0:
        spec["terminationGracePeriodSeconds"] = 1
    host_network = bool(spec.get("hostNetwork"))
    for group in _CONTAINER_LISTS:
        containers = spec.get(group)
        if containers:
            spec[group] = [_container(each, host_network=host_network) for each in containers]
    if spec.get("volumes"):
        spec["volumes"] = [_volume(each) for each in spec["volumes"]]
    account = spec.get("serviceAccountName") or spec.get("serviceAccount")
    if account:
        spec["serviceAccountName"] = spec["serviceAccount"] = account
    return spec


def _container(container: Object, *, host_network: bool) -> Object:
    result = {**_CONTAINER, **container}
    if "imagePullPolicy" not in result:
        result["imagePullPolicy"] = "Always" if _is_latest(result.get("image") or "") else "IfNotPresent"
    if result["resources"]:
        result["resources"] = _resources(result["resources"])
    if result.get("ports"):
        result["ports"] = [_port(each, host_network=host_network) for each in result["ports"]]
    for name in ("livenessProbe", "readinessProbe", "startupProbe"):
        if result.get(name):
            result[name] = _probe(result[name])
    if result.get("env"):
        result["env"] = [_env(each) for each in result["env"]]
    return result


def _is_latest(image: str) -> bool:
    if "@" in image:
        return False
    _, colon, tag = image.rpartition("/")[2].partition(":")
    return not colon or tag == "latest"


def _port(port: Object, *, host_network: bool) -> Object:
    defaulted = {"protocol": "TCP", **port}
    if host_network and not defaulted.get("hostPort"):
        defaulted["hostPort"] = defaulted.get("containerPort")
    return defaulted


def _probe(probe: Object) -> Object:
    defaulted = {**_PROBE, **probe}
    if "httpGet" in defaulted:
        defaulted["httpGet"] = {**_HTTP_GET, **defaulted["httpGet"]}
    if "grpc" in defaulted:
        defaulted["grpc"] = {"service": "", **defaulted["grpc"]}
    return defaulted


def _resources(resources: Object) -> Object:
    """Limits and requests in Kubernetes' own notation; a limit is a request, too."""
    limits, requests = quantities(resources.get("limits")), quantities(resources.get("requests"))
    if limits and any(name not in (requests or _NOTHING) for name in limits):
        requests = {**limits, **(requests or _NOTHING)}
    if limits is resources.get("limits") and requests is resources.get("requests"):
        return resources
    given = {"limits": limits, "requests": requests}
    return {**resources, **{name: value for name, value in given.items() if value is not None}}


def quantities(listed: Object | None) -> Object | None:
    """A resource list in Kubernetes' own notation; the very same if it is already."""
    for value in (listed or _NOTHING).values():
        if _canonical(value) != value:
            return {name: _canonical(each) for name, each in (listed or _NOTHING).items()}
    return listed


@lru_cache(maxsize=4096)
def _canonical(value: str | float) -> str | float:
    return value if quantity.parse(value) is None else str(amount(value))


def _env(variable: Object) -> Object:
    source = variable.get("valueFrom")
    return {**variable, "valueFrom": _reference(source)} if source else variable


def _reference(source: Object) -> Object:
    """What names a field of the pod or of a container."""
    if "fieldRef" in source:
        source = {**source, "fieldRef": {**_FIELD_REF, **source["fieldRef"]}}
    if "resourceFieldRef" in source:
        source = {**source, "resourceFieldRef": {**_RESOURCE_REF, **source["resourceFieldRef"]}}
    return source


_VOLUMES_WITH_MODE = ("configMap", "secret", "projected", "downwardAPI")


def _volume(volume: Object) -> Object:
    if len(volume) == 1:
        return {**volume, "emptyDir": _NOTHING}
    if "hostPath" in volume and "type" not in volume["hostPath"]:
        return {**volume, "hostPath": {**volume["hostPath"], "type": ""}}
    for kind in _VOLUMES_WITH_MODE:
        if kind in volume:
            source = {"defaultMode": 420, **volume[kind]}
            if kind == "projected":
                source["sources"] = [_projected(each) for each in source.get("sources") or ()]
            return {**volume, kind: _described(source) if kind == "downwardAPI" else source}
    return volume


def _projected(source: Object) -> Object:
    return {**source, "downwardAPI": _described(source["downwardAPI"])} if "downwardAPI" in source else source


def _described(files: Object) -> Object:
    """The files of a volume of the downward API."""
    return {**files, "items": [_reference(each) for each in files["items"]]} if files.get("items") else files


def _tolerated(wanted: Object, own: list[Object]) -> bool:
    return any(
        each.get("key") in (None, "", wanted["key"]) and each.get("effect") in (None, "", "NoExecute") for each in own
    )

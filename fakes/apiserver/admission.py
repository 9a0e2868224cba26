"""The admission plugins: what is added to a new object, and what is refused, by what else is in the cluster.

In kube-apiserver's order. First, before an object is validated: LimitRanger's defaults, ServiceAccount, Priority,
DefaultTolerationSeconds, TaintNodesByCondition. Then, when it is valid: LimitRanger's limits, and last ResourceQuota.
"""

from collections.abc import Set as AbstractSet
from functools import lru_cache, partial
from random import Random
from typing import TYPE_CHECKING

from fakes.apiserver import errors, limits, priorities
from fakes.apiserver.catalog import LIMIT_RANGES, PRIORITY_CLASSES
from fakes.apiserver.controllers import NODE_LIFECYCLE, RESOURCE_QUOTA, WorkQueue
from fakes.apiserver.defaults import suffix
from fakes.apiserver.objects import Object, Objects, name_of, namespace_of
from fakes.apiserver.pod_defaults import tolerations
from fakes.apiserver.resourcequota import ResourceQuotas
from fakes.apiserver.resources import NODES, PODS, SERVICE_ACCOUNTS, SERVICES, ResourceType
from fakes.apiserver.watch import Change

if TYPE_CHECKING:
    from fakes.apiserver.server import ApiServer

MIRROR = "kubernetes.io/config.mirror"
"""The annotation of a pod that a kubelet shows and does not get from here."""
_API_ACCESS: Object = {
    "defaultMode": 420,
    "sources": [
        {"serviceAccountToken": {"expirationSeconds": 3607, "path": "token"}},
        {"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}},
        {
            "downwardAPI": {
                "items": [{"path": "namespace", "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"}}]
            }
        },
    ],
}
_API_ACCESS_VOLUME = "kube-api-access-"
_API_ACCESS_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"


class AdmissionPlugins:
    """The plugins of a server.

    Args:
        server: its objects.
        queue: takes what is to be done after a write.
        running: the controllers that run here: without one for quotas nobody counts what they hold; without one for
            nodes a new one is not ready (TaintNodesByCondition) until a node lifecycle controller elsewhere says so.
    """

    def __init__(self, server: "ApiServer", queue: WorkQueue, running: AbstractSet[str]) -> None:
        self._server = server
        self._default_class: Object | None = None
        self._classes = partial(server.find, PRIORITY_CLASSES)
        self._limited: set[str] = set()
        self.quotas = ResourceQuotas(server, queue, counts=RESOURCE_QUOTA in running)
        self._taints_nodes = NODE_LIFECYCLE not in running
        server.observe(PRIORITY_CLASSES, self._class_changed)
        server.observe(LIMIT_RANGES, self._range_changed)

    def load(self) -> None:
        """Take over what is there from another process."""
        self._find_default_class()
        self._limited = {namespace_of(each) for each in self._server.list(LIMIT_RANGES, None)["items"]}

    # --- what is known of the cluster ---

    def _class_changed(self, change: Change) -> None:
        if change.object.get("globalDefault") or (change.old or {}).get("globalDefault"):
            self._find_default_class()

    def _find_default_class(self) -> None:
        found = [each for each in self._server.list(PRIORITY_CLASSES, None)["items"] if each.get("globalDefault")]
        self._default_class = min(found, key=lambda each: int(each.get("value", 0)), default=None)

    def _range_changed(self, change: Change) -> None:
        namespace = namespace_of(change.object)
        if self._server.has_any(LIMIT_RANGES, namespace):
            self._limited.add(namespace)
        else:
            self._limited.discard(namespace)

    def _ranges(self, namespace: str) -> Objects:
        found: Objects = self._server.list(LIMIT_RANGES, namespace)["items"] if namespace in self._limited else []
        return found

    # --- before an object is validated ---

    def mutate(self, resource: ResourceType, new: Object) -> Object:
        """A new object with what the plugins add; raises 403. Changes the fresh spec of a pod."""
        if resource is PODS:
            return self._mutate_pod(new)
        if resource is NODES and self._taints_nodes:
            return _not_ready(new)
        if resource is PRIORITY_CLASSES:
            priorities.check_default(new, self._default_class)
        return new

    def _mutate_pod(self, pod: Object) -> Object:
        namespace = namespace_of(pod)
        if namespace in self._limited:
            pod = limits.completed(pod, self._ranges(namespace))
        spec = pod["spec"]
        if MIRROR not in (pod["metadata"].get("annotations") or ()):
            self._give_account(pod, spec, namespace)
        priorities.give(pod, self._default_class, self._classes)
        spec["tolerations"] = tolerations(spec)
        return pod

    def _give_account(self, pod: Object, spec: Object, namespace: str) -> None:
        if "serviceAccountName" not in spec:
            spec["serviceAccountName"] = spec["serviceAccount"] = "default"
        named = spec["serviceAccountName"]
        account = self._server.find(SERVICE_ACCOUNTS, namespace, named)
        if account is None:
            missing = f'serviceaccount "{named}" not found'
            why = f"error looking up service account {namespace}/{named}: {missing}"
            raise errors.forbidden("pods", priorities.sent_name(pod), why)
        wish = spec.get("automountServiceAccountToken", account.get("automountServiceAccountToken"))
        if wish is not False:
            _mount_api_access(spec)
        if account.get("imagePullSecrets") and not spec.get("imagePullSecrets"):
            spec["imagePullSecrets"] = [{"name": each["name"]} for each in account["imagePullSecrets"]]

    # --- when it is valid ---

    def validate(self, resource: ResourceType, new: Object) -> None:
        """Raise 403 for a new object that exceeds a limit or a quota."""
        if self._limited and resource.plural in ("pods", "persistentvolumeclaims"):
            self._check_limits(resource, new)
        self.quotas.check(resource, new)

    def validate_update(self, resource: ResourceType, new: Object, old: Object) -> None:
        """Raise 403 for a changed object that exceeds a limit or a quota."""
        if resource.plural == "persistentvolumeclaims" and not old["metadata"].get("deletionTimestamp"):
            self._check_limits(resource, new)
        if resource is SERVICES or resource.plural == "persistentvolumeclaims":
            self.quotas.check(resource, new, old)
        if resource is PRIORITY_CLASSES:
            priorities.check_default(new, self._default_class)

    def _check_limits(self, resource: ResourceType, obj: Object) -> None:
        why = limits.problem(resource.plural, obj, self._ranges(namespace_of(obj)))
        if why:
            raise errors.forbidden(resource.plural, name_of(obj), why, resource.group)


def _not_ready(node: Object) -> Object:
    """The node with the taint that keeps pods away until it is ready."""
    spec = node.get("spec") or {}
    taints = spec.get("taints") or []
    if any(each.get("key") == _NOT_READY["key"] and each.get("effect") == _NOT_READY["effect"] for each in taints):
        return node
    return {**node, "spec": {**spec, "taints": [*taints, _NOT_READY]}}


_NOT_READY: Object = {"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}


def _mount_api_access(spec: Object) -> None:
    volumes = spec.get("volumes") or []
    name = next((each["name"] for each in volumes if each.get("name", "").startswith(_API_ACCESS_VOLUME)), "")
    own = name or f"{_API_ACCESS_VOLUME}{_suffix_of(spec['serviceAccountName'])}"
    mount = {"name": own, "readOnly": True, "mountPath": _API_ACCESS_PATH}
    needed = False
    for group in ("initContainers", "containers"):
        if spec.get(group):
            before = spec[group]
            spec[group] = [_with_mount(each, mount) for each in before]
            needed = needed or any(new is not old for new, old in zip(spec[group], before, strict=True))
    if needed and not name:
        spec["volumes"] = [*volumes, {"name": own, "projected": _API_ACCESS}]


@lru_cache(maxsize=4096)
def _suffix_of(account: str) -> str:
    """One for all pods of an account, so that they can share what is the same."""
    return suffix(Random(account))


def _with_mount(container: Object, mount: Object) -> Object:
    mounts = container.get("volumeMounts") or []
    if any(each.get("mountPath") == _API_ACCESS_PATH for each in mounts):
        return container
    return {**container, "volumeMounts": [*mounts, mount]}

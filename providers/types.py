"""Kubernetes objects in wire form, as far as a provider and the core runner name their fields.

Plain dicts (camelCase, as ``kubectl get -o json`` shows them), typed. They are immutable by convention: whoever
changes one makes a new dict that shares the unchanged parts. Every key is optional, as on the wire.
"""

from typing import Any, TypedDict

KubeObject = dict[str, Any]
"""Any object as it travels: what the Kubernetes API seam hands out and takes."""

ResourceList = dict[str, str]
"""Resource name -> quantity, e.g. ``{"cpu": "4", "memory": "16Gi", "pods": "110"}``."""


class OwnerReference(TypedDict, total=False):
    """Who an object belongs to; the garbage collector follows it."""

    apiVersion: str
    kind: str
    name: str
    uid: str
    controller: bool
    blockOwnerDeletion: bool


class ObjectMeta(TypedDict, total=False):
    """Metadata of any object. Times are RFC 3339 in UTC."""

    name: str
    generateName: str
    namespace: str
    uid: str
    resourceVersion: str
    generation: int
    creationTimestamp: str
    deletionTimestamp: str
    deletionGracePeriodSeconds: int
    labels: dict[str, str]
    annotations: dict[str, str]
    finalizers: list[str]
    ownerReferences: list[OwnerReference]


class EnvVar(TypedDict, total=False):
    """One environment variable: a literal ``value`` or a ``valueFrom`` source."""

    name: str
    value: str
    valueFrom: dict[str, Any]


class ResourceRequirements(TypedDict, total=False):
    """What a container asks for and may use."""

    requests: ResourceList
    limits: ResourceList


class Container(TypedDict, total=False):
    """A container of a pod's spec."""

    name: str
    image: str
    command: list[str]
    args: list[str]
    env: list[EnvVar]
    envFrom: list[dict[str, Any]]
    ports: list[dict[str, Any]]
    resources: ResourceRequirements
    volumeMounts: list[dict[str, Any]]
    restartPolicy: str


class Toleration(TypedDict, total=False):
    """A taint that a pod puts up with."""

    key: str
    operator: str
    value: str
    effect: str
    tolerationSeconds: int


class PodSpec(TypedDict, total=False):
    """What a pod should be."""

    containers: list[Container]
    initContainers: list[Container]
    ephemeralContainers: list[Container]
    volumes: list[dict[str, Any]]
    nodeName: str
    nodeSelector: dict[str, str]
    tolerations: list[Toleration]
    restartPolicy: str
    terminationGracePeriodSeconds: int
    activeDeadlineSeconds: int
    serviceAccountName: str
    schedulerName: str
    enableServiceLinks: bool
    imagePullSecrets: list[dict[str, str]]


class ContainerState(TypedDict, total=False):
    """Exactly one of the three: ``waiting``, ``running``, ``terminated``."""

    waiting: dict[str, Any]
    running: dict[str, Any]
    terminated: dict[str, Any]


class ContainerStatus(TypedDict, total=False):
    """What has become of a container."""

    name: str
    image: str
    imageID: str
    containerID: str
    ready: bool
    started: bool
    restartCount: int
    state: ContainerState
    lastState: ContainerState


class Condition(TypedDict, total=False):
    """A condition of a pod or a node."""

    type: str
    status: str
    reason: str
    message: str
    lastProbeTime: str | None
    lastHeartbeatTime: str
    lastTransitionTime: str


class PodStatus(TypedDict, total=False):
    """What has become of a pod."""

    phase: str
    reason: str
    message: str
    conditions: list[Condition]
    hostIP: str
    hostIPs: list[dict[str, str]]
    podIP: str
    podIPs: list[dict[str, str]]
    startTime: str
    qosClass: str
    initContainerStatuses: list[ContainerStatus]
    containerStatuses: list[ContainerStatus]
    ephemeralContainerStatuses: list[ContainerStatus]


class Pod(TypedDict, total=False):
    """A pod. ``metadata.uid`` is its identity: a namesake created later is another pod."""

    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: PodSpec
    status: PodStatus


class Taint(TypedDict, total=False):
    """Keeps pods without the matching toleration off a node."""

    key: str
    value: str
    effect: str


class NodeAddress(TypedDict):
    """An address of a node; ``type`` is InternalIP, ExternalIP or Hostname."""

    type: str
    address: str


class NodeDaemonEndpoints(TypedDict, total=False):
    """Where the node's kubelet API listens: ``{"kubeletEndpoint": {"Port": 10250}}``."""

    kubeletEndpoint: dict[str, int]


class NodeSpec(TypedDict, total=False):
    """What a node should be."""

    taints: list[Taint]
    providerID: str
    unschedulable: bool


class NodeStatus(TypedDict, total=False):
    """What a node is."""

    phase: str
    capacity: ResourceList
    allocatable: ResourceList
    conditions: list[Condition]
    addresses: list[NodeAddress]
    daemonEndpoints: NodeDaemonEndpoints
    nodeInfo: dict[str, Any]


class Node(TypedDict, total=False):
    """A node."""

    apiVersion: str
    kind: str
    metadata: ObjectMeta
    spec: NodeSpec
    status: NodeStatus

"""The resources beyond the core ones, a few words each: what they are called, and what a new object is completed with.

What their fields are is known from the published types (``fakes.apiserver.schema``).
"""

from dataclasses import replace
from typing import Any

from fakes.apiserver import autoscalers, budgets, limits, newevents, priorities, resources, validation, workloads
from fakes.apiserver.conversion import Conversion
from fakes.apiserver.defaults import Admission
from fakes.apiserver.objects import Object
from fakes.apiserver.resources import BINDINGS, EVENTS, METRICS, REVIEWS, STORED, ResourceType, Subresource

_SCALE = Subresource("scale", "Scale", ("get", "patch", "update"), group="autoscaling", version="v1")


def _kind(
    group: str,
    version: str,
    plural: str,
    kind: str,
    *short_names: str,
    namespaced: bool = True,
    status: bool = True,
    scale: bool = False,
    **more: Any,
) -> ResourceType:
    parts = (*((_SCALE,) if scale else ()), *((resources.status(kind),) if status else ()))
    more.setdefault("validate", validation.subdomain_named)
    return ResourceType(
        group, version, plural, kind, short_names=short_names, namespaced=namespaced, subresources=parts, **more
    )


def _with(spec: Object | None = None, status: Object | None = None, **fields: Any) -> Any:
    """Completes a new object with these values, where it says nothing else."""

    def complete(obj: Object, _admission: Admission) -> Object:
        new = {**obj, **{name: value for name, value in fields.items() if name not in obj}}
        if spec is not None:
            new["spec"] = {**spec, **(obj.get("spec") or {})}
        if status is not None:
            new["status"] = status
        return new

    return complete


def _workload(
    group: str, plural: str, kind: str, *short_names: str, default: Any, scale: bool = True, **more: Any
) -> ResourceType:
    """A kind that makes pods and selects them."""
    more.setdefault("validate", workloads.selecting("Always"))
    return _kind(
        group,
        "v1",
        plural,
        kind,
        *short_names,
        scale=scale,
        categories=("all",),
        generation=True,
        default=default,
        prepare_update=workloads.update,
        validate_update=workloads.same_selector,
        **more,
    )


def _claim(obj: Object, _admission: Admission) -> Object:
    """A claim: held by a finalizer as long as a pod uses it."""
    metadata = {**obj["metadata"], "finalizers": ["kubernetes.io/pvc-protection"]}
    spec = {"volumeMode": "Filesystem", **(obj.get("spec") or {})}
    return {**obj, "metadata": metadata, "spec": spec, "status": {"phase": "Pending"}}


def _slice(obj: Object, _admission: Admission) -> Object:
    """A slice: ports of TCP, without a name."""
    endpoints = [{"conditions": {}, **each} for each in obj.get("endpoints") or []]
    ports = [{"name": "", "protocol": "TCP", **each} for each in obj.get("ports") or []]
    return {**obj, "endpoints": endpoints, "ports": ports}


def _role_reference(obj: Object, _admission: Admission) -> Object:
    """A binding: groups where they are not said."""
    group = "rbac.authorization.k8s.io"
    subjects = [
        {**({} if each.get("kind") == "ServiceAccount" else {"apiGroup": group}), **each}
        for each in obj.get("subjects") or []
    ]
    reference = {"apiGroup": group, **(obj.get("roleRef") or {})}
    return {**obj, "roleRef": reference, **({"subjects": subjects} if subjects else {})}


_APPS, _BATCH, _RBAC = "apps", "batch", "rbac.authorization.k8s.io"
_STORAGE, _NETWORKING, _DEVICES = "storage.k8s.io", "networking.k8s.io", "resource.k8s.io"
_ADMISSION, _CERTIFICATES = "admissionregistration.k8s.io", "certificates.k8s.io"
_ANY_NAME: Any = {"status": False, "validate": validation.any_named}


def _admission(plural: str, kind: str, *, status: bool = False) -> ResourceType:
    """What would decide about writes; it is kept, and asked nothing."""
    return _kind(_ADMISSION, "v1", plural, kind, namespaced=False, status=status, generation=True)


QUOTAS = _kind("", "v1", "resourcequotas", "ResourceQuota", "quota", returns_deleted=True, default=_with({}, {}))
LIMIT_RANGES = _kind(
    "",
    "v1",
    "limitranges",
    "LimitRange",
    "limits",
    status=False,
    create_on_update=True,
    default=limits.limit_range,
    prepare_update=limits.limit_range_update,
)
PRIORITY_CLASSES = _kind(
    "scheduling.k8s.io",
    "v1",
    "priorityclasses",
    "PriorityClass",
    "pc",
    namespaced=False,
    status=False,
    default=priorities.priority_class,
    validate=priorities.validate,
    validate_update=priorities.validate_update,
)
BUDGETS = _kind(
    "policy",
    "v1",
    "poddisruptionbudgets",
    "PodDisruptionBudget",
    "pdb",
    generation=True,
    versioned_update=True,
    default=_with({}, {"disruptionsAllowed": 0, "currentHealthy": 0, "desiredHealthy": 0, "expectedPods": 0}),
    validate=budgets.validate,
)

AUTOSCALERS = _kind(
    "autoscaling",
    "v2",
    "horizontalpodautoscalers",
    "HorizontalPodAutoscaler",
    "hpa",
    categories=("all",),
    default=autoscalers.autoscaler,
    prepare_update=autoscalers.autoscaler_update,
    validate=autoscalers.validate,
)

ROLES = _kind(_RBAC, "v1", "roles", "Role", **_ANY_NAME, default=_with(rules=None))
CLUSTER_ROLES = _kind(
    _RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False, **_ANY_NAME, default=_with(rules=None)
)
ROLE_BINDINGS = _kind(_RBAC, "v1", "rolebindings", "RoleBinding", **_ANY_NAME, default=_role_reference)
CLUSTER_ROLE_BINDINGS = _kind(
    _RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False, **_ANY_NAME, default=_role_reference
)

CATALOG = (
    _workload(
        "",
        "replicationcontrollers",
        "ReplicationController",
        "rc",
        default=workloads.replication_controller,
        deletion_policy="Orphan",
        validate=validation.subdomain_named,
    ),
    _kind(
        "",
        "v1",
        "podtemplates",
        "PodTemplate",
        status=False,
        generation=True,
        default=workloads.pod_template,
        returns_deleted=True,
    ),
    _kind("", "v1", "endpoints", "Endpoints", "ep", status=False, create_on_update=True),
    _kind(
        "",
        "v1",
        "persistentvolumes",
        "PersistentVolume",
        "pv",
        namespaced=False,
        returns_deleted=True,
        default=_with({"persistentVolumeReclaimPolicy": "Retain", "volumeMode": "Filesystem"}, {"phase": "Pending"}),
    ),
    _kind(
        "",
        "v1",
        "persistentvolumeclaims",
        "PersistentVolumeClaim",
        "pvc",
        returns_deleted=True,
        default=_claim,
    ),
    QUOTAS,
    LIMIT_RANGES,
    _workload(_APPS, "deployments", "Deployment", "deploy", default=workloads.deployment),
    _workload(_APPS, "replicasets", "ReplicaSet", "rs", default=workloads.replica_set),
    _workload(_APPS, "statefulsets", "StatefulSet", "sts", default=workloads.stateful_set),
    _workload(_APPS, "daemonsets", "DaemonSet", "ds", default=workloads.daemon_set, scale=False),
    _kind(_APPS, "v1", "controllerrevisions", "ControllerRevision", status=False),
    _workload(
        _BATCH, "jobs", "Job", default=workloads.job, deletion_policy="Orphan", scale=False, validate=workloads.job_like
    ),
    _kind(_BATCH, "v1", "cronjobs", "CronJob", "cj", categories=("all",), generation=True, default=workloads.cron_job),
    AUTOSCALERS,
    BUDGETS,
    _kind("discovery.k8s.io", "v1", "endpointslices", "EndpointSlice", status=False, generation=True, default=_slice),
    PRIORITY_CLASSES,
    _kind(
        _STORAGE,
        "v1",
        "storageclasses",
        "StorageClass",
        "sc",
        namespaced=False,
        returns_deleted=True,
        status=False,
        default=_with(reclaimPolicy="Delete", volumeBindingMode="Immediate"),
    ),
    _kind(_STORAGE, "v1", "csinodes", "CSINode", namespaced=False, status=False, returns_deleted=True),
    _kind(_STORAGE, "v1", "csidrivers", "CSIDriver", namespaced=False, status=False, returns_deleted=True),
    _kind(_STORAGE, "v1", "csistoragecapacities", "CSIStorageCapacity", status=False),
    _kind(_STORAGE, "v1", "volumeattachments", "VolumeAttachment", namespaced=False, returns_deleted=True),
    _kind(_STORAGE, "v1", "volumeattributesclasses", "VolumeAttributesClass", "vac", namespaced=False, status=False),
    _kind(_DEVICES, "v1", "deviceclasses", "DeviceClass", namespaced=False, status=False, generation=True),
    _kind(_DEVICES, "v1", "resourceclaims", "ResourceClaim", default=_with({}, {})),
    _kind(_DEVICES, "v1", "resourceclaimtemplates", "ResourceClaimTemplate", status=False),
    _kind(_DEVICES, "v1", "resourceslices", "ResourceSlice", namespaced=False, status=False, generation=True),
    _kind("node.k8s.io", "v1", "runtimeclasses", "RuntimeClass", namespaced=False, status=False),
    _kind(_NETWORKING, "v1", "ingresses", "Ingress", "ing", generation=True, default=_with({}, {"loadBalancer": {}})),
    _kind(_NETWORKING, "v1", "ingressclasses", "IngressClass", namespaced=False, status=False, generation=True),
    _kind(
        _NETWORKING,
        "v1",
        "networkpolicies",
        "NetworkPolicy",
        "netpol",
        status=False,
        generation=True,
        default=_with({"policyTypes": ["Ingress"]}),
    ),
    _kind(_NETWORKING, "v1", "ipaddresses", "IPAddress", "ip", namespaced=False, status=False),
    _kind(_NETWORKING, "v1", "servicecidrs", "ServiceCIDR", namespaced=False, default=_with({}, {})),
    ROLES,
    CLUSTER_ROLES,
    ROLE_BINDINGS,
    CLUSTER_ROLE_BINDINGS,
    _admission("mutatingwebhookconfigurations", "MutatingWebhookConfiguration"),
    _admission("validatingadmissionpolicies", "ValidatingAdmissionPolicy", status=True),
    _admission("validatingadmissionpolicybindings", "ValidatingAdmissionPolicyBinding"),
    _admission("validatingwebhookconfigurations", "ValidatingWebhookConfiguration"),
    _kind(
        _CERTIFICATES,
        "v1",
        "certificatesigningrequests",
        "CertificateSigningRequest",
        "csr",
        namespaced=False,
        default=_with({}, {}),
    ),
)

OTHER_VERSIONS = (
    replace(
        AUTOSCALERS,
        version="v1",
        conversion=Conversion(AUTOSCALERS, up=autoscalers.as_v2, down=autoscalers.as_v1),
    ),
    replace(
        EVENTS,
        group="events.k8s.io",
        shapes={},
        conversion=Conversion(
            EVENTS,
            up=newevents.as_core,
            down=newevents.from_core,
            check=newevents.check,
            fields=newevents.FIELDS,
        ),
    ),
)
"""What is also served in a version or a group other than it is stored in."""
STORED_HERE = (*STORED, *CATALOG)
"""What a server keeps."""
BUILT_IN = (BINDINGS, *STORED_HERE, *OTHER_VERSIONS, *REVIEWS, *METRICS)
"""Everything that a new server serves."""

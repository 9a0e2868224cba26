"""What a new object of the workload kinds is completed with, and what makes it invalid. Pure.

The values are those that a kube-apiserver fills in (``pkg/apis/*/v1/defaults.go``), measured on one.
"""

from collections.abc import Callable
from typing import Any

from fakes.apiserver import pod_defaults, pod_validation
from fakes.apiserver.causes import Causes, immutable, invalid, negative, required, unsupported
from fakes.apiserver.defaults import Admission
from fakes.apiserver.metacauses import named
from fakes.apiserver.names import dns_subdomain
from fakes.apiserver.objects import Object

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"


def deployment(obj: Object, _admission: Admission) -> Object:
    """One replica, rolling updates by a quarter, ten old revisions, ten minutes to make progress."""
    spec = _spec(obj, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = {"type": "RollingUpdate", **(spec.get("strategy") or {})}
    if strategy["type"] == "RollingUpdate":
        rolling = {"maxUnavailable": "25%", "maxSurge": "25%", **(strategy.get("rollingUpdate") or {})}
        strategy["rollingUpdate"] = rolling
    spec["strategy"] = strategy
    return _new(obj, spec, {})


def replica_set(obj: Object, _admission: Admission) -> Object:
    """One replica."""
    return _new(obj, _spec(obj, replicas=1), {"replicas": 0})


def stateful_set(obj: Object, _admission: Admission) -> Object:
    """One replica, one after the other, claims kept."""
    spec = _spec(obj, replicas=1, podManagementPolicy="OrderedReady", revisionHistoryLimit=10)
    spec.setdefault("updateStrategy", {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}})
    spec.setdefault("persistentVolumeClaimRetentionPolicy", {"whenDeleted": "Retain", "whenScaled": "Retain"})
    return _new(obj, spec, {"replicas": 0, "availableReplicas": 0})


def daemon_set(obj: Object, _admission: Admission) -> Object:
    """Updated one node after the other."""
    spec = _spec(obj, revisionHistoryLimit=10)
    spec.setdefault("updateStrategy", {"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": 1, "maxSurge": 0}})
    annotations = {TEMPLATE_GENERATION: "1", **(obj["metadata"].get("annotations") or {})}
    counts = ("currentNumberScheduled", "numberMisscheduled", "desiredNumberScheduled", "numberReady")
    metadata = {**obj["metadata"], "annotations": annotations}
    return _new({**obj, "metadata": metadata}, spec, dict.fromkeys(counts, 0))


def replication_controller(obj: Object, _admission: Admission) -> Object:
    """One replica; it selects by its template's labels where nothing is said."""
    spec = _spec(obj, replicas=1)
    spec.setdefault("selector", _labels(spec))
    return _new(_labelled(obj, spec), spec, {"replicas": 0})


def job(obj: Object, _admission: Admission) -> Object:
    """One pod that is to succeed once; it selects, and labels its pods, by its own UID."""
    metadata, given = obj["metadata"], obj.get("spec") or {}
    spec = _spec(
        obj, backoffLimit=6, completionMode="NonIndexed", suspend=False, podReplacementPolicy="TerminatingOrFailed"
    )
    spec.setdefault("manualSelector", False)
    if "completions" not in given and "parallelism" not in given:
        spec["completions"] = 1
    spec.setdefault("parallelism", 1)
    uid = metadata["uid"]
    if not spec["manualSelector"] and "template" in spec:
        ours = {"batch.kubernetes.io/controller-uid": uid, "controller-uid": uid}
        named_ = {"batch.kubernetes.io/job-name": metadata["name"], "job-name": metadata["name"]}
        template = spec["template"]
        labels = {**(template.get("metadata", {}).get("labels") or {}), **ours, **named_}
        spec["template"] = {**template, "metadata": {**template.get("metadata", {}), "labels": labels}}
        spec.setdefault("selector", {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}})
    return _new(_labelled(obj, spec), spec, {})


def cron_job(obj: Object, _admission: Admission) -> Object:
    """Runs may overlap; three that succeeded and one that failed are kept."""
    given = obj.get("spec") or {}
    spec = {
        "concurrencyPolicy": "Allow",
        "suspend": False,
        "successfulJobsHistoryLimit": 3,
        "failedJobsHistoryLimit": 1,
        **given,
    }
    job_template = given.get("jobTemplate") or {}
    inner = job_template.get("spec") or {}
    if "template" in inner:
        spec["jobTemplate"] = {
            "metadata": {},
            **job_template,
            "spec": {**inner, "template": _template(inner["template"])},
        }
    return _new(obj, spec, {})


def pod_template(obj: Object, _admission: Admission) -> Object:
    """A template by itself."""
    return {**obj, "template": _template(obj.get("template") or {})}


def update(new: Object, _old: Object) -> Object:
    """A replaced one: its template is completed again."""
    spec = new.get("spec") or {}
    if "template" not in spec:
        return new
    template = _template(spec["template"])
    return new if template == spec["template"] else {**new, "spec": {**spec, "template": template}}


def _spec(obj: Object, **values: Any) -> Object:
    spec = {**values, **(obj.get("spec") or {})}
    if "template" in spec:
        spec["template"] = _template(spec["template"])
    return spec


def _template(template: Object) -> Object:
    return {
        **template,
        "metadata": template.get("metadata") or {},
        "spec": pod_defaults.pod_spec(template.get("spec") or {}),
    }


def _new(obj: Object, spec: Object, status: Object) -> Object:
    return {**obj, "spec": spec, "status": status}


def _labelled(obj: Object, spec: Object) -> Object:
    """The object with its template's labels, if it has none of its own."""
    if obj["metadata"].get("labels") or not _labels(spec):
        return obj
    return {**obj, "metadata": {**obj["metadata"], "labels": _labels(spec)}}


def _labels(spec: Object) -> dict[str, str]:
    return (spec.get("template", {}).get("metadata") or {}).get("labels") or {}


# --- validation -----------------------------------------------------------------------------------------------------


def selecting(*restart_policies: str) -> Callable[[Object], Causes]:
    """Checks a kind that selects its pods by labels which their template has to have."""

    def check(obj: Object) -> Causes:
        spec = obj["spec"]
        causes = named(obj, dns_subdomain)
        if (spec.get("replicas") or 0) < 0:
            causes.append(negative("spec.replicas", spec["replicas"]))
        causes += _selector(spec)
        return causes + _of_template(spec, restart_policies)

    return check


def job_like(obj: Object) -> Causes:
    """A Job: pods that end."""
    return named(obj, dns_subdomain) + _of_template(obj["spec"], ("OnFailure", "Never"))


def _selector(spec: Object) -> Causes:
    selector = spec.get("selector")
    unmatched = invalid("spec.template.metadata.labels", _labels(spec), "`selector` does not match template `labels`")
    if not selector:
        return [required("spec.selector"), unmatched]
    wanted = selector.get("matchLabels", {}) if "matchLabels" in selector or "matchExpressions" in selector else {}
    if not wanted and not selector.get("matchExpressions"):
        return [invalid("spec.selector", selector, "empty selector is invalid for deployment")]
    labels = _labels(spec)
    if any(labels.get(name) != value for name, value in wanted.items()):
        return [unmatched]
    return []


def _of_template(spec: Object, restart_policies: tuple[str, ...]) -> Causes:
    template = spec.get("template")
    if template is None:
        return [required("spec.template")]
    pod = {"metadata": {"name": "x"}, "spec": template["spec"]}
    causes = [{**each, "field": f"spec.template.{each['field']}"} for each in pod_validation.pod(pod)]
    policy = template["spec"].get("restartPolicy")
    path = "spec.template.spec.restartPolicy"
    if policy not in restart_policies:
        several = len(restart_policies) > 1
        valid = ", ".join(f'"{each}"' for each in restart_policies)
        wrong = required(path, f"valid values: {valid}") if several else unsupported(path, policy, restart_policies)
        causes.append(wrong)
    return causes


def same_selector(new: Object, old: Object) -> Causes:
    """A changed one: what it selects stays."""
    after, before = new["spec"].get("selector"), old["spec"].get("selector")
    return [] if after == before else [*_selector(new["spec"]), immutable("spec.selector", after)]
